/*
 * metrics - the shared pages as Prometheus text (or OpenMetrics) and as JSON.
 *
 * Reads only; any process that maps the pages may call it. Rows are declared in metrics.def.
 */
#ifndef SOUK_SERVER_METRICS_H
#define SOUK_SERVER_METRICS_H

#include "protocol/buf.h"
#include "server/shared.h"

enum metrics_format {
    METRICS_TEXT, /* exposition format 0.0.4 */
    METRICS_OPEN  /* OpenMetrics 1.0.0: counters by their family, exemplars, # EOF */
};
void metrics_put_text(struct buf *b, const struct shared *s, enum metrics_format format);
/* {"version","uptime_s","ready","processes":[...],"catalogs":[...],"keys":[...],"follow":{...}}:
 * what the status page shows. */
void metrics_put_json(struct buf *b, const struct shared *s);
/* At least one front serves and the server does not drain; a failing upstream does not count. */
bool metrics_ready(const struct shared *s);

#endif
