/*
 * freshness - how old a product is and what that makes it; pure functions of columns and time.
 *
 * Results are numbers of the protocol's `enum freshness`: 0 fresh, 1 stale, 2 stale_if_error,
 * 3 expired.
 */
#ifndef SOUK_SERVER_FRESHNESS_H
#define SOUK_SERVER_FRESHNESS_H

#include "index/snapshot.h"

/* `failing`: the product's upstream does not answer well just now. */
uint8_t freshness_at(const struct schema *schema, int64_t stale_ms, int64_t limit_ms,
                     int64_t swr_ms, int64_t now_ms, bool failing);
/* From the system columns of a product. Never an age below 0. */
uint8_t freshness_of(struct snapshot *s, uint32_t docid, struct slice id, int64_t now_ms,
                     uint64_t *age_ms);

#endif
