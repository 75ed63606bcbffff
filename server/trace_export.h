/*
 * trace_export - the fetcher's part of tracing: it takes finished spans out of the rings of all
 * processes and posts them to the collector, a batch at a time.
 *
 *   rings ── tick ──> batch ── POST ──> taken: the next batch at once
 *                       ^ │
 *                pause  │ ├──> 429, 502, 503, 504, no answer: again, up to EXPORT_TRIES times
 *                       └─┘    (doubling pause with jitter, or Retry-After)
 *                         └──> anything else: given up
 *
 * What waits is bounded by the rings and one batch: while a collector is dead or slow they fill up,
 * and the processes drop what they would add. Everything is counted in the shared pages. Nobody
 * waits for it.
 */
#ifndef SOUK_SERVER_TRACE_EXPORT_H
#define SOUK_SERVER_TRACE_EXPORT_H

#include "server/fetch_http.h"
#include "server/role.h"

enum { EXPORT_TRIES = 6 };

struct trace_export;

enum status trace_export_create(struct loop *loop, struct fetch_http *http, struct role_context *r,
                                struct trace_export **out);
void trace_export_destroy(struct trace_export **e);
/* By the options as they are now. */
void trace_export_set(struct trace_export *e);

#endif
