/* stats_upstream - rows of STATS about the providers of a catalog and their canaries. */
#ifndef SOUK_SERVER_STATS_UPSTREAM_H
#define SOUK_SERVER_STATS_UPSTREAM_H

#include "protocol/buf.h"
#include "server/shared.h"

/* catalog.NAME.upstream_... and catalog.NAME.provider.PROVIDER...., from the shared pages alone. */
void stats_upstream_put(struct buf *out, const struct shared *s, const struct shared_catalog *c);

#endif
