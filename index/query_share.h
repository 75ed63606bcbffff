/*
 * query_share - what the sub-queries of one request have in common, worked out once.
 *
 * A storefront with refined facets sends the same words several times, each time with one term of
 * the filter less. While sharing is on, the products that hold the words (with their scores, before
 * any filter) are kept for each attempt, as are the terms that typos and beginnings gave, the terms
 * of filters as they were read, and for each of these a bitmap over those products. A later
 * sub-query then intersects bitmaps.
 *
 * What is kept lives in the arena of the request and belongs to one state of one catalog; a search
 * of another state starts anew. Answers are the same with and without sharing, but for `work`.
 */
#ifndef SOUK_INDEX_QUERY_SHARE_H
#define SOUK_INDEX_QUERY_SHARE_H

#include "index/clauses.h"
#include "index/plan.h"

enum { SHARE_PIECE = CLAUSES_BATCH, SHARE_MOST = 1 << 21 /* products of one attempt */ };

/* Up to SHARE_PIECE products of one segment. */
struct share_piece {
    uint32_t segment; /* by place in the snapshot */
    uint32_t count;
    uint32_t *docids, *scores;
    struct share_piece *next;
};

struct share_clause {
    struct slice text;
    uint64_t *bits; /* SHARE_PIECE / 64 words for each piece, one after the other */
    struct share_clause *next;
};

struct share_base { /* one attempt */
    uint64_t key;
    bool complete;   /* else: too many, or still being made */
    bool early_stop; /* a search of all would have found more */
    uint32_t piece_count, product_count;
    struct share_piece *first, *last;
    struct share_clause *clauses;
    struct share_base *next;
};

struct share_plan {
    uint64_t key;
    struct plan plan;
    struct share_plan *next;
};

struct share {
    struct arena *arena; /* NULL = off */
    uint64_t generation;
    struct edition edition;
    const struct snapshot *snap;
    struct share_base *bases;
    struct share_plan *plans;
    struct filter_term *terms;
};

/* Forgets what belongs to another state of the catalog. */
void share_of(struct share *s, const struct snapshot *snap);
/* The base of a key, NULL when there is none that is complete. */
struct share_base *share_find(const struct share *s, uint64_t key);
/* A base to fill; NULL when memory is short: then nothing is shared. */
struct share_base *share_add(struct share *s, uint64_t key);
/* Adds products of a segment; with too many of them the base is given up. */
void share_put(struct share *s, struct share_base *b, uint32_t segment, const uint32_t *docids,
               const uint32_t *scores, uint32_t count);
/* The expanded words of a key; false when they are not there. */
bool share_plan_get(const struct share *s, uint64_t key, struct plan *out);
void share_plan_put(struct share *s, uint64_t key, const struct plan *plan);
/* The bits of a clause over the base, made at their first use. NULL: out of memory, or the search
 * ended. */
const uint64_t *share_bits(struct share *s, struct share_base *b, struct clauses *c,
                           uint32_t clause, struct pulse *pulse);

#endif
