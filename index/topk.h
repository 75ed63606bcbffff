/*
 * topk - the best n candidates so far, ordered by keys (larger first), tie (smaller first), docid.
 *
 * A binary heap with the worst on top, in memory of the caller; topk_sort() puts the best first and
 * ends its use as a heap.
 */
#ifndef SOUK_INDEX_TOPK_H
#define SOUK_INDEX_TOPK_H

#include <stdbool.h>
#include <stdint.h>

enum { TOPK_KEYS = 3 };

struct candidate {
    uint64_t keys[TOPK_KEYS];
    uint32_t tie, docid;
    /* Order nothing: words of the plan that it is known not to hold, a bit each; which group it is
     * of (query_group.h). */
    uint32_t lacks, group;
};

struct topk {
    struct candidate *items; /* room for `cap` */
    uint32_t count, cap;
};

/* True when `a` ranks before `b`. */
static inline bool candidate_before(const struct candidate *a, const struct candidate *b)
{
    for (int i = 0; i < TOPK_KEYS; i++)
        if (a->keys[i] != b->keys[i])
            return a->keys[i] > b->keys[i];
    return a->tie != b->tie ? a->tie < b->tie : a->docid < b->docid;
}

void topk_push(struct topk *t, const struct candidate *c);
void topk_sort(struct topk *t);
/* The best first; quick where they are few hundred at most. */
void candidates_sort(struct candidate *items, uint32_t count);
/* Could a candidate with this first key and a tie key no smaller than `tie` enter? */
static inline bool topk_admits(const struct topk *t, uint64_t key, uint32_t tie)
{
    if (t->count < t->cap)
        return true;
    if (t->cap == 0)
        return false;
    const struct candidate *worst = &t->items[0];
    return key != worst->keys[0] ? key > worst->keys[0] : tie <= worst->tie;
}

#endif
