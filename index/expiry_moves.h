/*
 * expiry_moves - which expiry rows of living products a commit touched.
 *
 *   LMDB `meta`, key "expiry": count u16, then (generation u64, least limit ms i64) each, oldest
 *   first, at most EXPIRY_MOVES
 *   LMDB `meta`, key "expiry" generation u64 BE: untold limit ms i64, then docids u32; only where
 *   there are docids, and not longer than the generation is in the row above
 *
 * A reader that knows the products expired at some time and generation asks, when the generation
 * moved, what to look at again. A commit that put or removed no row at or before that time is
 * passed over. One that did names the products whose limits lay in its past or nearly so, an
 * expired one that was renewed above all: only these are looked at, so that renewing what is
 * expired does not make each reader read through all that is. `untold` is the earliest limit it
 * touched without naming the product. Commits that only end products (eviction) move nothing.
 *
 * To change it safely: a commit without the second row is one that names nobody, and readers then
 * read through all rows, as they do when a commit is not remembered any more.
 */
#ifndef SOUK_INDEX_EXPIRY_MOVES_H
#define SOUK_INDEX_EXPIRY_MOVES_H

#include "index/store.h"

enum { EXPIRY_MOVES = 32, EXPIRY_NAMED = 8192 };

/* What a batch touches, while it is put together. */
struct expiry_move {
    int64_t least;  /* earliest limit put or removed; INT64_MAX = none */
    int64_t untold; /* the earliest whose docid is not among docids; INT64_MAX = none */
    int64_t soon;   /* limits up to here are named */
    uint32_t *docids;
    uint32_t count, cap;
};

void expiry_move_init(struct expiry_move *m);
void expiry_move_fini(struct expiry_move *m);
/* A product is confirmed at this time: limits before it, and shortly behind, are named. */
void expiry_move_confirmed(struct expiry_move *m, int64_t validated_ms);
/* A row of a living product is put or removed; without room the docid is not named. */
void expiry_move_note(struct expiry_move *m, int64_t limit_ms, uint32_t docid);
/* The same of products too many to name. */
void expiry_move_unnamed(struct expiry_move *m, int64_t limit_ms);

/* Adds a commit that touched something. */
enum status expiry_moves_add(struct store_txn *t, uint64_t generation, const struct expiry_move *m);

/* Calls `each` for all products whose rows at or before until_ms were touched by commits after
 * `since` (for some others, and for some twice). *told false: they are not known, or more than
 * `most`, and `each` was not called. */
enum status expiry_moves_since(struct store_txn *t, uint64_t since, int64_t until_ms, uint64_t most,
                               enum status (*each)(void *ctx, uint32_t docid), void *ctx,
                               bool *told);

#endif
