/*
 * deleted - the versions at which products were deleted, kept for the window of the event log.
 *
 * A delete with a version leaves nothing in the index that a later change could be compared with:
 * an older upsert that comes late would bring the product back. Rows of the index, written with the
 * delete itself, remember it, also where there was no product:
 *   row "gone/" XXH3-128 of the id            -> version u64, accepted_ms u64
 *   row "gonet/" sequence BE, place u32 BE    -> accepted_ms u64, the 16 bytes: in order of time
 *   row "gonen"                               -> how many there are, u64
 * A delete without a version takes the row of its product away: who has no versions asks for no
 * order. What exists is compared with its own version alone.
 */
#ifndef SOUK_SERVER_DELETED_H
#define SOUK_SERVER_DELETED_H

#include "index/index.h"
#include "protocol/request.h"

enum { DELETED_MOST = 10000000 };

/* Of an applied item; anything but a delete is left alone. *added counts. */
enum status deleted_apply(struct batch *b, const struct put_item *item, struct slice id,
                          int64_t accepted_ms, uint64_t sequence, uint32_t place, uint64_t *added);
/* As idempotency_prune(). */
enum status deleted_prune(struct batch *b, int64_t oldest_ms, uint64_t added);
/* The version of the product's last delete since `oldest_ms`; 0 = none with a version. */
enum status deleted_version(struct index *ix, struct slice id, int64_t oldest_ms,
                            uint64_t *version);

#endif
