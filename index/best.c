#include "index/best.h"

static struct candidate candidate_of(best_number n)
{
    return (struct candidate){.keys = {(uint64_t)(n >> 96)},
                              .tie = ~(uint32_t)(n >> 64),
                              .docid = best_docid_of(n),
                              .lacks = (uint32_t)n};
}

/* Lets `n` sink from the place `at` on, which is free. */
static inline void sink(struct best *b, uint32_t at, best_number n)
{
    best_number *heap = b->heap;
    uint32_t count = b->count;
    for (uint32_t child; (child = at * 2 + 1) < count; at = child) {
        if (child + 1 < count)
            child += heap[child + 1] < heap[child];
        if (n <= heap[child])
            break;
        heap[at] = heap[child];
    }
    heap[at] = n;
}

static inline uint64_t *seen_word(struct best *b, uint32_t docid)
{
    return &b->seen[docid / 64 % (BEST_SEEN / 64)];
}

/* Where the document is, `count` when it is not. */
static uint32_t place_of(const struct best *b, uint32_t docid)
{
    uint32_t i = 0;
    while (i < b->count && best_docid_of(b->heap[i]) != docid)
        i++;
    return i;
}

void best_push(struct best *b, best_number n, bool again)
{
    uint32_t docid = best_docid_of(n);
    uint64_t *seen = seen_word(b, docid), bit = UINT64_C(1) << (docid & 63);
    if (b->count == b->cap && (b->cap == 0 || n <= b->heap[0]))
        return; /* there or not, it is no better than what is */
    if (again && *seen & bit) {
        uint32_t at = place_of(b, docid);
        if (at < b->count) {
            if (n > b->heap[at]) /* better: away from the front */
                sink(b, at, n);
            return;
        }
    }
    if (b->count == b->cap) {
        *seen |= bit;
        sink(b, 0, n);
        return;
    }
    *seen |= bit;
    uint32_t at = b->count++;
    for (; at && n < b->heap[(at - 1) / 2]; at = (at - 1) / 2)
        b->heap[at] = b->heap[(at - 1) / 2];
    b->heap[at] = n;
}

void best_from(struct best *b, const struct topk *t)
{
    b->count = t->count;
    for (uint32_t i = 0; i < BEST_SEEN / 64; i++)
        b->seen[i] = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct candidate *c = &t->items[i];
        b->heap[i] = best_number_of((uint32_t)c->keys[0], c->tie, c->docid, c->lacks);
        *seen_word(b, c->docid) |= UINT64_C(1) << (c->docid & 63);
    }
}

void best_to(const struct best *b, struct topk *t)
{
    t->count = b->count;
    for (uint32_t i = 0; i < b->count; i++)
        t->items[i] = candidate_of(b->heap[i]);
}

void best_tell(const struct best *b, struct topk *t)
{
    t->count = b->count;
    if (b->count)
        t->items[0] = candidate_of(b->heap[0]);
}
