/*
 * tracer - which requests one process makes spans of, and where these go when they end.
 *
 * Parent-based: a request that came with a context is traced when its caller samples it. One
 * without is the beginning of a trace when the number in its new trace id is below trace.ratio, as
 * other implementations decide, so that those who see the same id decide alike. With
 * trace.endpoint empty nothing is traced, and nothing is paid but a look at two numbers.
 *
 * Belongs to one thread of the process: the ring behind it has one producer.
 */
#ifndef SOUK_SERVER_TRACER_H
#define SOUK_SERVER_TRACER_H

#include "server/role.h"
#include "server/span_ring.h"

struct tracer {
    struct span_ring *ring; /* of this process; NULL = nothing is traced */
    uint64_t below;         /* a new trace id's number below this is sampled; 0 = none is */
    uint64_t random[2];
};

/* By the options as they are now: at the start, and again after role_reload(). */
void tracer_set(struct tracer *t, const struct role_context *r);

/* A span of the trace `parent`, from `start_us`; NULL when it is not sampled (or there is no
 * memory). */
struct span *tracer_begin(struct tracer *t, const struct trace_context *parent, unsigned name,
                          enum span_kind kind, int64_t start_us);
/* The first span of a new trace, when chance will have it; else NULL. */
struct span *tracer_root(struct tracer *t, unsigned name, int64_t start_us);
/* Ends it and hands it on; *s becomes NULL, and may be it already. */
void tracer_end(struct tracer *t, struct span **s, int64_t end_us);
/* For what belongs to nobody any more. */
void tracer_forget(struct span **s);
/* Another id, for a span that is not in a record of its own. */
void tracer_id(struct tracer *t, uint8_t id[TRACE_SPAN_LEN]);

#endif
