#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/analyse.h"
#include "index/recall.h"
#include "protocol/wire.h"

#include <stdlib.h>
#include <string.h>

/*
 * The ring holds records one behind the other, none of which lies across its end:
 *
 *   hash u64 | length of the question u32 | of the answer u32 | both
 *
 * A slot names where the record of its last question begins, counted from the first byte that was
 * ever kept: what lies further behind the end than the ring is long is gone.
 */

enum { HEAD = 16, ALIGN = 8 };

struct recall {
    uint64_t end;              /* bytes kept so far */
    uint64_t at[RECALL_SLOTS]; /* where a record begins, and one; 0 = none */
    struct buf scratch;
    char ring[RECALL_BYTES];
};

enum status recall_create(struct recall **out)
{
    *out = calloc(1, sizeof **out);
    if (*out && buf_reserve(&(*out)->scratch, RECALL_MOST + ANALYSE_TERM_MAX * 2))
        return STATUS_OK;
    recall_destroy(out);
    return STATUS_NO_MEMORY;
}

void recall_destroy(struct recall **r)
{
    if (*r)
        buf_fini(&(*r)->scratch);
    free(*r);
    *r = NULL;
}

static void put(struct recall_question *q, const void *bytes, size_t len)
{
    if (q->len + len > RECALL_KEY) {
        q->len = RECALL_KEY + 1; /* too long stays too long */
        return;
    }
    if (len)
        memcpy(q->bytes + q->len, bytes, len);
    q->len += (uint32_t)len;
}

void recall_ask(struct recall_question *q, const struct snapshot *snap, enum recall_kind kind,
                uint64_t number, struct slice a, struct slice b)
{
    struct {
        uint64_t dictionary, number;
        uint32_t kind, a;
    } head = {snapshot_dictionary(snap), number, kind, (uint32_t)a.len};
    q->len = 0;
    put(q, &head, sizeof head);
    put(q, a.ptr, a.len);
    put(q, b.ptr, b.len);
    q->hash = q->len > RECALL_KEY ? 0 : XXH3_64bits(q->bytes, q->len);
}

bool recall_get(const struct recall *r, const struct recall_question *q, struct slice *answer)
{
    if (!r || q->len > RECALL_KEY)
        return false;
    uint64_t at = r->at[q->hash % RECALL_SLOTS];
    if (!at || r->end - (at - 1) > RECALL_BYTES)
        return false;
    const char *record = r->ring + (at - 1) % RECALL_BYTES;
    if (wire_load64(record) != q->hash || wire_load32(record + 8) != q->len ||
        memcmp(record + HEAD, q->bytes, q->len) != 0)
        return false;
    *answer = slice_make(record + HEAD + q->len, wire_load32(record + 12));
    return true;
}

void recall_keep(struct recall *r, const struct recall_question *q, struct slice answer)
{
    if (!r || q->len > RECALL_KEY || answer.len > RECALL_MOST)
        return;
    uint64_t need = (HEAD + q->len + answer.len + ALIGN - 1) / ALIGN * ALIGN;
    uint64_t left = RECALL_BYTES - r->end % RECALL_BYTES;
    if (left < need)
        r->end += left;
    char *record = r->ring + r->end % RECALL_BYTES;
    r->at[q->hash % RECALL_SLOTS] = r->end + 1;
    r->end += need;
    wire_store64(record, q->hash);
    wire_store32(record + 8, q->len);
    wire_store32(record + 12, (uint32_t)answer.len);
    memcpy(record + HEAD, q->bytes, q->len);
    if (answer.len)
        memcpy(record + HEAD + q->len, answer.ptr, answer.len);
}

struct buf *recall_scratch(struct recall *r)
{
    buf_clear(&r->scratch);
    return &r->scratch;
}

/* --- terms ------------------------------------------------------------------------------------ */

enum status recall_get_terms(const struct recall *r, const struct recall_question *q,
                             struct arena *arena, struct typo_list *terms, bool *known)
{
    struct slice answer;
    *terms = (struct typo_list){0};
    *known = recall_get(r, q, &answer);
    if (!*known)
        return STATUS_OK;
    struct wire_reader in = wire_reader_of(arena_copy(arena, answer));
    terms->count = (uint32_t)wire_varint(&in);
    terms->items = arena_alloc(arena, (terms->count + 1) * sizeof *terms->items);
    if (in.failed || !terms->items)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < terms->count; i++) {
        struct typo *t = &terms->items[i];
        t->df = wire_varint(&in);
        t->distance = (uint32_t)wire_varint(&in);
        t->term = wire_bytes(&in);
    }
    return STATUS_OK;
}

void recall_keep_terms(struct recall *r, const struct recall_question *q,
                       const struct typo_list *terms)
{
    if (!r)
        return;
    struct buf *b = recall_scratch(r);
    wire_put_varint(b, terms->count);
    for (uint32_t i = 0; i < terms->count && b->len <= RECALL_MOST; i++) {
        wire_put_varint(b, terms->items[i].df);
        wire_put_varint(b, terms->items[i].distance);
        wire_put_bytes(b, terms->items[i].term);
    }
    if (!b->failed)
        recall_keep(r, q, buf_slice(b));
}
