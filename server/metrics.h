/*
 * metrics - the shared pages as Prometheus text (exposition format 0.0.4) and as JSON.
 *
 * Reads only; any process that maps the pages may call it. Rows are declared in metrics.def.
 */
#ifndef SOUK_SERVER_METRICS_H
#define SOUK_SERVER_METRICS_H

#include "protocol/buf.h"
#include "server/shared.h"

void metrics_put_text(struct buf *b, const struct shared *s);
/* {"version","uptime_s","ready","processes":[...],"catalogs":[...],"follow":{...}}: what the status
 * page shows. */
void metrics_put_json(struct buf *b, const struct shared *s);
/* At least one front serves and the server does not drain; a failing upstream does not count. */
bool metrics_ready(const struct shared *s);

#endif
