/*
 * best - the best documents of a search by score alone.
 *
 * What topk.h does for candidates with several keys, for numbers in which the whole order lies: a
 * comparison is one of two words, and a heap of the 64 best is a kilobyte. A filter of bits tells
 * of most documents that they are not in it, where one may come more than once.
 */
#ifndef SOUK_INDEX_BEST_H
#define SOUK_INDEX_BEST_H

#include "index/topk.h"

enum { BEST_SEEN = 8192 };

/* From the highest bits on: score, tie, docid, the last two inverted, what it lacks (which decides
 * nothing, since each document is there once): the larger one ranks first. */
__extension__ typedef unsigned __int128 best_number;

struct best {
    best_number *heap; /* room for `cap`; the worst first */
    uint32_t count, cap;
    uint64_t seen[BEST_SEEN / 64]; /* of each document that came, a bit */
};

/* What comes before the docid. */
static inline uint64_t best_high(uint32_t score, uint32_t tie)
{
    return (uint64_t)score << 32 | (uint32_t)~tie;
}

static inline best_number best_number_of(uint32_t score, uint32_t tie, uint32_t docid,
                                         uint32_t lacks)
{
    return (best_number)best_high(score, tie) << 64 | (uint64_t)~docid << 32 | lacks;
}

static inline uint32_t best_docid_of(best_number n)
{
    return ~(uint32_t)(n >> 32);
}

/* Least score of those that may still enter; the heap is full. */
static inline uint32_t best_floor(const struct best *b)
{
    return (uint32_t)(b->heap[0] >> 96);
}

/* The same top; both have the same cap, and only first keys. */
void best_from(struct best *b, const struct topk *t);
void best_to(const struct best *b, struct topk *t);
/* The worst alone, and how many there are: for those who ask what may still enter. */
void best_tell(const struct best *b, struct topk *t);
/* `again`: it may be there already, then the better one stays. */
void best_push(struct best *b, best_number n, bool again);

#endif
