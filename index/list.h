/*
 * list - one posting list while a query reads it: where it stands, the block it has decoded.
 *
 * Lives in the query's arena; used by source.c and the matchers, never moved (a list of one block
 * points into itself). Documents count from the segment's first. Reading goes forward only.
 */
#ifndef SOUK_INDEX_LIST_H
#define SOUK_INDEX_LIST_H

#include "index/kernels.h"
#include "index/postings.h"
#include "index/query.h"

/* Documents a caller may hand to list_probe() at once, and a source in one piece. */
enum { LIST_BATCH = KERNEL_WINDOW, LIST_ROOM = LIST_BATCH + KERNEL_SLACK, LIST_KNOWN = 8 };

struct list {
    struct postings_block block; /* decoded */
    _Alignas(64) uint32_t scores[POSTINGS_BLOCK + KERNEL_SLACK];
    struct postings p;
    struct postings_weight weight;
    uint64_t *meter; /* postings read by the query so far */
    struct {
        uint32_t bound, score;
    } known[LIST_KNOWN]; /* what bounds of blocks score, by a hash of them */
    uint32_t bound;      /* most that any document of it can score */
    uint32_t cur;        /* block at or behind which we stand; p.block_count = at the end */
    uint32_t block_at;   /* the decoded block; UINT32_MAX = none */
    uint32_t at;         /* in the decoded block: what is before is behind us */
    uint32_t decoded;    /* blocks decoded so far */
    bool scored;         /* `scores` hold the decoded block's */
};

/* Prepares a list whose `p` is open. */
void list_init(struct list *l, struct postings_weight weight, struct query_work *work);
/* Reads a list of one block to know its bound exactly. */
enum status list_measure(struct list *l);
/* Adds what was read and skipped to `work`. */
void list_account(const struct list *l, struct query_work *work);
/* Most a document of block b scores. */
uint32_t list_block_bound(struct list *l, uint32_t b);
/* Most a document in [from, to) scores, 0 when no block reaches there. Moves to `from`. */
uint32_t list_bound_in(struct list *l, uint32_t from, uint32_t to);
/* What postings in [from, to) may be, as a bound of postings.h whose lanes are those of all blocks
 * that reach there, and the smallest tie key among these. */
struct list_reach {
    uint32_t bound, tie, lists;
};
static const struct list_reach list_reach_nothing = {.tie = UINT32_MAX};
/* Adds what the list has there. Moves to `from`. */
void list_reach(struct list *l, uint32_t from, uint32_t to, struct list_reach *r);
/* Decodes block b, unless it is. */
enum status list_load(struct list *l, uint32_t b);
void list_score(struct list *l);
/* Smallest document >= from that the list may hold; exact when its block is decoded. DOC_NONE at
 * the end. */
uint32_t list_next(struct list *l, uint32_t from);
/* Keeps the documents, with their scores, that may reach `least` with what the block they would
 * stand in adds at most. Nothing is decoded; list_probe() may follow for the same documents. */
uint32_t list_keep(struct list *l, uint32_t *docs, uint32_t *scores, uint32_t count,
                   uint32_t least);
/*
 * Which of `count` ascending documents the list holds: index[k] = number in docs, score[k] what it
 * scores here (score NULL: not asked). Both have room for count + KERNEL_SLACK. Documents that come
 * later in another call are not before these.
 */
enum status list_probe(struct list *l, const uint32_t *docs, uint32_t count, uint16_t *index,
                       uint32_t *score, uint32_t *found);

#endif
