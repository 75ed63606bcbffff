/*
 * visible - which commits a user can tell from the one before: the visible generation of an
 * edition.
 *
 *   LMDB `meta`, key "visible" -> at u64, visible u64, little-endian: the commit `at` shows what
 * the commit `visible` did. Written only by commits that change nothing to be seen (a merge, the
 *   server's own canary product); when `at` is not the generation of the edition, a later commit
 *   did change something, and the generation itself is the visible one.
 *
 * So pages that were kept and cursors that were given hold through merges and canaries.
 */
#ifndef SOUK_INDEX_VISIBLE_H
#define SOUK_INDEX_VISIBLE_H

#include "index/store.h"

/* The visible generation of an edition whose last commit is `generation`. */
enum status visible_of(struct store_txn *t, uint64_t generation, uint64_t *visible);
/* In the transaction of a commit `generation` that shows nothing else than the one `before` it. */
enum status visible_keep(struct store_txn *t, uint64_t before, uint64_t generation);

#endif
