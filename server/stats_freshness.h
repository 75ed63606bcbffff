/* stats_freshness - rows of STATS about freshness, eviction, upstream and canaries of a catalog. */
#ifndef SOUK_SERVER_STATS_FRESHNESS_H
#define SOUK_SERVER_STATS_FRESHNESS_H

#include "protocol/buf.h"
#include "server/shared.h"

void stats_freshness_put(struct buf *out, const struct shared *s, const struct shared_catalog *c);

#endif
