#include "server/decide.h"

#include "server/canary_id.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct entry {
    XXH128_hash_t id; /* with sequence 0 the slot is free */
    uint64_t version, sequence;
    uint64_t earlier; /* of its last change before the group that `sequence` belongs to */
    uint32_t bytes;   /* of the product, at most; UINT32_MAX = not known */
    uint32_t weight;  /* of the product; 0 unless weighed */
    bool exists;
};

struct undo {
    XXH128_hash_t id;
    struct entry before; /* sequence 0 = there was none */
};

struct pending {
    struct entry *slots;
    size_t cap, count;
    struct undo *undo;
    size_t undo_count, undo_cap;
    uint64_t newest, mark; /* mark: the last sequence before the group at hand */
    bool watched, weighs;
    int64_t growth, weight;
};

enum { FIRST_SLOTS = 1024 };

enum status pending_create(struct pending **out)
{
    struct pending *p = calloc(1, sizeof *p);
    if (p && (p->slots = calloc(FIRST_SLOTS, sizeof *p->slots)))
        p->cap = FIRST_SLOTS;
    else {
        free(p);
        p = NULL;
    }
    *out = p;
    return p ? STATUS_OK : STATUS_NO_MEMORY;
}

void pending_destroy(struct pending **p)
{
    if (!*p)
        return;
    free((*p)->slots);
    free((*p)->undo);
    free(*p);
    *p = NULL;
}

/* The slot of the id, or the free one where it belongs. */
static struct entry *slot_of(struct entry *slots, size_t cap, XXH128_hash_t id)
{
    size_t i = id.low64 & (cap - 1);
    while (slots[i].sequence && !XXH128_isEqual(slots[i].id, id))
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

/* Moves the entries above `visible` into a table of `cap` slots. */
static bool resize(struct pending *p, size_t cap, uint64_t visible)
{
    struct entry *slots = calloc(cap, sizeof *slots);
    if (!slots)
        return false;
    p->count = 0;
    for (size_t i = 0; i < p->cap; i++)
        if (p->slots[i].sequence > visible) {
            *slot_of(slots, cap, p->slots[i].id) = p->slots[i];
            p->count++;
        }
    free(p->slots);
    p->slots = slots;
    p->cap = cap;
    return true;
}

void pending_mark(struct pending *p, uint64_t last)
{
    p->mark = last;
    p->undo_count = 0;
    p->growth = p->weight = 0;
}

void pending_watch(struct pending *p, bool on, bool weighs)
{
    p->watched = on;
    p->weighs = weighs;
}

int64_t pending_weight(const struct pending *p)
{
    return p->weight;
}

int64_t pending_growth(const struct pending *p)
{
    return p->growth;
}

/* An upper bound of the product's size behind the change. */
static uint32_t bytes_after(const struct put_item *item, uint32_t bytes, const struct entry *old)
{
    switch (item->op) {
    case PUT_UPSERT:
        return (uint32_t)item->document.len;
    case PUT_PATCH:
        return bytes;
    case PUT_DELETE:
        return 0;
    default:
        return old->sequence ? old->bytes : UINT32_MAX;
    }
}

/* `e` lacks what follows from the entry it replaces. */
static enum status note(struct pending *p, const struct put_item *item, uint32_t bytes,
                        struct entry *e)
{
    if (p->count * 2 >= p->cap && !resize(p, p->cap * 2, 0))
        return STATUS_NO_MEMORY;
    if (p->undo_count == p->undo_cap) {
        size_t cap = p->undo_cap ? p->undo_cap * 2 : 64;
        struct undo *u = realloc(p->undo, cap * sizeof *u);
        if (!u)
            return STATUS_NO_MEMORY;
        p->undo = u;
        p->undo_cap = cap;
    }
    struct entry *at = slot_of(p->slots, p->cap, e->id);
    p->undo[p->undo_count++] = (struct undo){e->id, *at};
    p->count += at->sequence == 0;
    e->earlier = at->sequence <= p->mark ? at->sequence : at->earlier;
    e->bytes = bytes_after(item, bytes, at);
    *at = *e;
    if (e->sequence > p->newest)
        p->newest = e->sequence;
    return STATUS_OK;
}

void pending_undo(struct pending *p)
{
    p->growth = p->weight = 0;
    while (p->undo_count) {
        struct undo *u = &p->undo[--p->undo_count];
        struct entry *at = slot_of(p->slots, p->cap, u->id);
        if (u->before.sequence)
            *at = u->before;
        else /* a sequence as old as can be: the index answers, the slot stays taken */
            *at = (struct entry){.id = u->id, .sequence = 1, .bytes = UINT32_MAX};
    }
}

void pending_forget(struct pending *p, uint64_t visible)
{
    if (!p->count)
        return;
    if (visible >= p->newest && p->cap <= 65536) {
        memset(p->slots, 0, p->cap * sizeof *p->slots);
        p->count = 0;
    } else if (visible >= p->newest || p->count * 4 >= p->cap)
        resize(p, visible >= p->newest ? FIRST_SLOTS : p->cap, visible);
}

static enum status state_of(struct pending *p, struct snapshot *s, struct slice id,
                            XXH128_hash_t hash, struct product_state *out)
{
    const struct entry *e = slot_of(p->slots, p->cap, hash);
    if (e->sequence > snapshot_sequence(s)) {
        *out = (struct product_state){.exists = e->exists, .version = e->version};
        return STATUS_OK;
    }
    return snapshot_product_state(s, id, out);
}

bool pending_touches(const struct pending *p, const struct snapshot *s, struct slice id)
{
    const struct entry *e = slot_of(p->slots, p->cap, XXH3_128bits(id.ptr, id.len));
    return e->sequence > snapshot_sequence(s);
}

bool pending_bytes(const struct pending *p, const struct snapshot *s, struct slice id,
                   uint32_t *bytes, bool *earlier)
{
    const struct entry *e = slot_of(p->slots, p->cap, XXH3_128bits(id.ptr, id.len));
    uint64_t applied = snapshot_sequence(s);
    *bytes = e->bytes;
    *earlier = (e->sequence <= p->mark ? e->sequence : e->earlier) > applied;
    return e->sequence > applied;
}

/* What the product weighs before the change at hand. */
static enum status weight_before(const struct pending *p, struct snapshot *s, struct slice id,
                                 XXH128_hash_t hash, uint32_t *weight)
{
    const struct entry *e = slot_of(p->slots, p->cap, hash);
    uint32_t docid;
    *weight = e->weight;
    if (e->sequence > snapshot_sequence(s))
        return STATUS_OK;
    *weight = 0;
    enum status st = snapshot_find(s, id, &docid);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    return snapshot_weigh(s, docid, weight);
}

static uint32_t weight_after(const struct put_item *item, uint32_t before)
{
    switch (item->op) {
    case PUT_UPSERT:
        return (uint32_t)item->document.len;
    case PUT_PATCH:
        return before + (uint32_t)item->document.len;
    case PUT_DELETE:
        return 0;
    default:
        return before;
    }
}

enum status decide(struct pending *p, struct snapshot *s, const struct put_item *item,
                   uint32_t bytes, uint64_t sequence)
{
    struct document d;
    struct product_state old = {0};
    uint32_t weight = 0;
    if (document_begin(&d, item->document) || !d.id.len || item->op > PUT_VALIDATE)
        return STATUS_INVALID;
    XXH128_hash_t id = XXH3_128bits(d.id.ptr, d.id.len);
    if (item->version || item->op != PUT_UPSERT || p->watched) {
        enum status st = state_of(p, s, d.id, id, &old);
        if (st)
            return st;
        if (!old.exists && item->op != PUT_UPSERT &&
            (item->op != PUT_DELETE || item->version <= old.version))
            return STATUS_NOT_FOUND;
        if (item->version && item->version < old.version)
            return STATUS_AGAIN;
    }
    enum status st = p->weighs ? weight_before(p, s, d.id, id, &weight) : STATUS_OK;
    if (st)
        return st;
    /* a change without a version of its own leaves none, as the index does */
    struct entry e = {.id = id,
                      .version = item->version,
                      .sequence = sequence,
                      .weight = p->weighs ? weight_after(item, weight) : 0,
                      .exists = item->op != PUT_DELETE};
    st = note(p, item, bytes, &e);
    if (!st && p->weighs)
        p->weight += (int64_t)e.weight - (int64_t)weight;
    if (!st && p->watched && !canary_reserved(d.id))
        p->growth += (int64_t)e.exists - (int64_t)old.exists;
    return st || old.exists || item->op != PUT_DELETE ? st : STATUS_END;
}

enum status decide_delete(struct pending *p, struct snapshot *s, uint32_t docid, struct slice id,
                          uint64_t sequence)
{
    const struct put_item item = {.op = PUT_DELETE};
    struct entry e = {.id = XXH3_128bits(id.ptr, id.len), .sequence = sequence};
    uint32_t weight = 0;
    enum status st = p->weighs ? snapshot_weigh(s, docid, &weight) : STATUS_OK;
    st = st ? st : note(p, &item, UINT32_MAX, &e);
    if (!st)
        p->weight -= weight;
    if (!st && p->watched && !canary_reserved(id))
        p->growth--;
    return st;
}

enum status pending_replay(struct pending *p, const struct put_item *item, uint64_t sequence)
{
    struct document d;
    if (document_begin(&d, item->document))
        return STATUS_CORRUPT;
    struct entry e = {.id = XXH3_128bits(d.id.ptr, d.id.len),
                      .version = item->version,
                      .sequence = sequence,
                      .exists = item->op != PUT_DELETE};
    p->undo_count = 0;
    return note(p, item, UINT32_MAX, &e);
}
