/*
 * expiry_moves - which commits touched expiry rows of living products, and how early a limit.
 *
 *   LMDB `meta`, key "expiry": count u16, then (generation u64, least limit ms i64) each, oldest
 *   first, at most EXPIRY_MOVES
 *
 * A reader that knows the products expired at some time and generation asks, when the generation
 * moved, whether that knowledge still holds: it does unless a commit in between put or removed a
 * row of a living product at or before that time. Commits that only end products (eviction) move
 * nothing, so a reader need not read through what is waiting to be evicted again and again.
 */
#ifndef SOUK_INDEX_EXPIRY_MOVES_H
#define SOUK_INDEX_EXPIRY_MOVES_H

#include "index/store.h"

enum { EXPIRY_MOVES = 32 };

/* Adds a commit; `least` is the earliest limit it touched. */
enum status expiry_moves_add(struct store_txn *t, uint64_t generation, int64_t least);
/* The earliest limit touched by commits after `since`; INT64_MAX = none, INT64_MIN = that is not
 * known any more. */
enum status expiry_moves_since(struct store_txn *t, uint64_t since, int64_t *least);

#endif
