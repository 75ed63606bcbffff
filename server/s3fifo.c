#include "server/s3fifo.h"

#include <stdlib.h>
#include <string.h>

struct ring { /* of docids; a power of two */
    uint32_t *items;
    uint64_t cap, head, count;
};

struct ghost { /* hashes in order, and a table of their counts */
    uint64_t *order, cap, head, count;
    uint64_t *slots; /* hash, 0 = free; twice as many as `cap`, a power of two */
    uint64_t slot_count;
};

struct s3fifo {
    struct ring small, main;
    struct ghost ghost;
    uint64_t capacity;
    uint8_t *place; /* by docid */
    uint64_t place_count;
};

/* --- rings ------------------------------------------------------------------------------------ */

static bool ring_push(struct ring *r, uint32_t docid)
{
    if (r->count == r->cap) {
        uint64_t cap = r->cap ? r->cap * 2 : 64;
        uint32_t *p = malloc(cap * sizeof *p);
        if (!p)
            return false;
        for (uint64_t i = 0; i < r->count; i++)
            p[i] = r->items[(r->head + i) & (r->cap - 1)];
        free(r->items);
        *r = (struct ring){p, cap, 0, r->count};
    }
    r->items[(r->head + r->count++) & (r->cap - 1)] = docid;
    return true;
}

static uint32_t ring_pop(struct ring *r)
{
    uint32_t docid = r->items[r->head & (r->cap - 1)];
    r->head++;
    r->count--;
    return docid;
}

/* --- ghost ------------------------------------------------------------------------------------ */

static void ghost_fini(struct ghost *g)
{
    free(g->order);
    free(g->slots);
    *g = (struct ghost){0};
}

static bool ghost_init(struct ghost *g, uint64_t cap)
{
    *g = (struct ghost){.cap = cap ? cap : 1, .slot_count = 64};
    while (g->slot_count < g->cap * 2)
        g->slot_count *= 2;
    g->order = malloc(g->cap * sizeof *g->order);
    g->slots = calloc(g->slot_count, sizeof *g->slots);
    return g->order && g->slots;
}

static uint64_t *ghost_slot(const struct ghost *g, uint64_t hash)
{
    uint64_t i = hash & (g->slot_count - 1);
    while (g->slots[i] && g->slots[i] != hash)
        i = (i + 1) & (g->slot_count - 1);
    return &g->slots[i];
}

/* Linear probing without tombstones: what follows the hole moves up. */
static void ghost_forget(struct ghost *g, uint64_t hash)
{
    uint64_t *slot = ghost_slot(g, hash), mask = g->slot_count - 1;
    if (!*slot)
        return;
    uint64_t hole = (uint64_t)(slot - g->slots);
    for (uint64_t i = (hole + 1) & mask; g->slots[i]; i = (i + 1) & mask)
        if (((i - (g->slots[i] & mask)) & mask) >= ((i - hole) & mask)) {
            g->slots[hole] = g->slots[i];
            hole = i;
        }
    g->slots[hole] = 0;
}

static void ghost_add(struct ghost *g, uint64_t hash)
{
    hash += hash == 0;
    if (*ghost_slot(g, hash))
        return;
    if (g->count == g->cap) {
        ghost_forget(g, g->order[g->head]);
        g->head = (g->head + 1) % g->cap;
        g->count--;
    }
    g->order[(g->head + g->count++) % g->cap] = hash;
    *ghost_slot(g, hash) = hash;
}

/* A hash that is taken keeps its place in the order: should it come back, that place ends it early.
 */
static bool ghost_take(struct ghost *g, uint64_t hash)
{
    hash += hash == 0;
    if (!*ghost_slot(g, hash))
        return false;
    ghost_forget(g, hash);
    return true;
}

/* --- life ------------------------------------------------------------------------------------- */

static uint64_t main_share(uint64_t capacity)
{
    return capacity - capacity / 10;
}

enum status s3fifo_create(uint64_t capacity, struct s3fifo **out)
{
    struct s3fifo *q = calloc(1, sizeof *q);
    *out = q;
    if (!q)
        return STATUS_NO_MEMORY;
    q->capacity = capacity;
    if (ghost_init(&q->ghost, main_share(capacity)))
        return STATUS_OK;
    s3fifo_destroy(out);
    return STATUS_NO_MEMORY;
}

void s3fifo_destroy(struct s3fifo **q)
{
    if (!*q)
        return;
    free((*q)->small.items);
    free((*q)->main.items);
    free((*q)->place);
    ghost_fini(&(*q)->ghost);
    free(*q);
    *q = NULL;
}

enum status s3fifo_resize(struct s3fifo *q, uint64_t capacity)
{
    struct ghost fresh;
    if (!ghost_init(&fresh, main_share(capacity))) {
        ghost_fini(&fresh);
        return STATUS_NO_MEMORY;
    }
    for (uint64_t i = 0; i < q->ghost.count; i++) {
        uint64_t hash = q->ghost.order[(q->ghost.head + i) % q->ghost.cap];
        if (*ghost_slot(&q->ghost, hash))
            ghost_add(&fresh, hash);
    }
    ghost_fini(&q->ghost);
    q->ghost = fresh;
    q->capacity = capacity;
    return STATUS_OK;
}

/* --- docids ----------------------------------------------------------------------------------- */

enum s3fifo_place s3fifo_where(const struct s3fifo *q, uint32_t docid)
{
    return docid < q->place_count ? (enum s3fifo_place)q->place[docid] : S3FIFO_NONE;
}

static bool need_place(struct s3fifo *q, uint32_t docid)
{
    if (docid < q->place_count)
        return true;
    uint64_t count = (uint64_t)docid + docid / 4 + 1024;
    uint8_t *p = realloc(q->place, count);
    if (!p)
        return false;
    memset(p + q->place_count, 0, count - q->place_count);
    q->place = p;
    q->place_count = count;
    return true;
}

enum status s3fifo_place(struct s3fifo *q, uint32_t docid, enum s3fifo_place place)
{
    struct ring *r = place == S3FIFO_MAIN ? &q->main : &q->small;
    if (!need_place(q, docid) || !ring_push(r, docid))
        return STATUS_NO_MEMORY;
    q->place[docid] = (uint8_t)place;
    return STATUS_OK;
}

enum status s3fifo_add(struct s3fifo *q, uint32_t docid, uint64_t hash, bool *returned)
{
    *returned = ghost_take(&q->ghost, hash);
    return s3fifo_place(q, docid, *returned ? S3FIFO_MAIN : S3FIFO_SMALL);
}

/* One step at the head of small: true when *docid goes. */
static bool step_small(struct s3fifo *q, const struct s3fifo_source *s, uint32_t *docid)
{
    uint32_t d = ring_pop(&q->small);
    q->place[d] = S3FIFO_NONE;
    if (s->gone(s->ctx, d))
        return false;
    if (s->held(s->ctx, d)) {
        s3fifo_place(q, d, S3FIFO_SMALL); /* there is room: one was just popped */
        return false;
    }
    if (s->hits(s->ctx, d) >= S3FIFO_PROMOTE) {
        s->set_hits(s->ctx, d, 0);
        if (!s3fifo_place(q, d, S3FIFO_MAIN))
            return false;
    }
    ghost_add(&q->ghost, s->hash(s->ctx, d));
    *docid = d;
    return true;
}

static bool step_main(struct s3fifo *q, const struct s3fifo_source *s, uint32_t *docid)
{
    uint32_t d = ring_pop(&q->main);
    q->place[d] = S3FIFO_NONE;
    if (s->gone(s->ctx, d))
        return false;
    uint8_t hits = s->hits(s->ctx, d);
    bool held = s->held(s->ctx, d);
    if (hits || held) {
        if (!held)
            s->set_hits(s->ctx, d, hits - 1);
        s3fifo_place(q, d, S3FIFO_MAIN);
        return false;
    }
    *docid = d;
    return true;
}

enum status s3fifo_evict(struct s3fifo *q, const struct s3fifo_source *s, uint32_t *docid)
{
    /* Everything may come up once as hit and per hit again; after that all is held. */
    uint64_t most = (q->small.count + q->main.count) * 6 + 1;
    for (uint64_t i = 0; i < most && q->small.count + q->main.count; i++) {
        bool small = q->small.count && (q->small.count > q->capacity / 10 || !q->main.count);
        if (small ? step_small(q, s, docid) : step_main(q, s, docid))
            return STATUS_OK;
    }
    return STATUS_NOT_FOUND;
}
