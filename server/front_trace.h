/*
 * front_trace - the trace of one request in a front, from the bytes it came with to its last word.
 *
 *   dispatch: begin ──> handlers say what they do (front_span, span.h) ──> end
 *                 └──> answered later: the trace goes with the address ──> reply_later: end
 *
 * A request that came without a context and is not chosen has none: `rq->trace` is NULL and nothing
 * more is paid than the look at it. One that came with a context that is not sampled has a trace
 * without a span: it is handed on, and told in the log. A trace has one owner: the request, its
 * copy that waits (park.h, read_through.h), or the address of an answer that comes later.
 */
#ifndef SOUK_SERVER_FRONT_TRACE_H
#define SOUK_SERVER_FRONT_TRACE_H

#include "server/front.h"

struct request_trace {
    struct trace_context context; /* to hand on: the parent is our span, or the caller's */
    struct span *span;            /* NULL = not sampled */
};

/* Could this frame have one? The look that everybody pays. */
static inline bool front_trace_wanted(const struct front *f, const struct frame *frame)
{
    return frame->flags & FLAG_TRACE || f->tracer.below;
}

/* Takes the context off the body; a request that is run again stays what it was. */
void front_trace_begin(struct front *f, struct request *rq);
/* The request was answered with `s`; *t becomes NULL, and may be it already. */
void front_trace_end(struct front *f, struct request_trace **t, uint8_t opcode, int64_t received_us,
                     enum status s);
/* Nobody waits for an answer any more. */
void front_trace_forget(struct request_trace **t);
/* A request that is refused before it is run. */
void front_trace_refused(struct front *f, const struct waiting *w, enum status s);

/* The span of the request at hand; NULL = none. The parts of a MULTI_SEARCH have none of their own.
 */
struct span *front_span(const struct front *f);

static inline struct span *front_trace_span(const struct request_trace *t)
{
    return t ? t->span : NULL;
}

/* Appends the context for the next process; what to add to the flags of the frame. */
uint16_t front_trace_put(const struct request_trace *t, struct buf *out);

#endif
