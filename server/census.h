/*
 * census - how many products of a catalog are fresh, stale, expired, and how old the oldest stale
 * one is: what an operator watches, and no reply can tell.
 *
 * The writer's loop counts a part at each beat, some ten thousand products, and publishes when it
 * is through; a round begins every CENSUS_MS. Parts are of different snapshots: the figures are as
 * of the round, not exact for any moment. Expired products are counted while they are not yet
 * removed.
 */
#ifndef SOUK_SERVER_CENSUS_H
#define SOUK_SERVER_CENSUS_H

#include "server/freshness.h"

enum { CENSUS_CHUNKS = 16, CENSUS_MS = 5000 };

struct census {
    uint32_t chunk; /* the next one */
    bool counting;
    int64_t next_ms; /* of the next round */
    uint64_t counts[FRESHNESS_COUNT], oldest_stale_ms, future;
};

/* One part, with a begun snapshot; publishes into `out` at the end of a round. */
enum status census_step(struct census *c, struct snapshot *s, const struct moment *m,
                        struct shared_freshness *out);

#endif
