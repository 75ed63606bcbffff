#include "server/front_trace.h"

#include <inttypes.h>
#include <stdlib.h>

#include "server/say.h"

enum { TOLD_MOST = 10 }; /* lines a second */

static struct request_trace *make(const struct trace_context *context, struct span *span)
{
    struct request_trace *t = malloc(sizeof *t);
    if (!t) {
        tracer_forget(&span);
        return NULL;
    }
    if (context)
        t->context = *context;
    if (span)
        span_context(span, &t->context);
    t->span = span;
    return t;
}

void front_trace_begin(struct front *f, struct request *rq)
{
    struct trace_context context;
    uint8_t op = rq->frame.opcode < SPAN_OPERATIONS ? rq->frame.opcode : 0;
    if (rq->looked)
        return;
    rq->looked = true;
    bool given = rq->frame.flags & FLAG_TRACE && trace_context_take(&rq->frame.body, &context);
    rq->frame.flags &= (uint16_t)~FLAG_TRACE;
    if (given)
        rq->trace =
            make(&context, tracer_begin(&f->tracer, &context, op, SPAN_SERVER, rq->received_us));
    else if (f->tracer.below && !operation_of(rq->frame.opcode)->at_once) {
        struct span *root = tracer_root(&f->tracer, op, rq->received_us);
        rq->trace = root ? make(NULL, root) : NULL;
    }
    if (!rq->trace || !rq->trace->span)
        return;
    struct span *s = rq->trace->span;
    if (f->now_us > rq->received_us)
        span_stage(s, SPAN_QUEUE, rq->received_us, f->now_us);
    span_say(s, SPAN_SELF, KEY_CLASS,
             slice_str(admission_name(front_queue_of(rq->conn, &rq->frame))));
    span_number(s, SPAN_SELF, KEY_LEVEL, f->ladder.level);
}

/* What somebody will look for: at most so many a second, for a client may send nothing else. */
static void tell(struct front *f, const struct request_trace *t, uint8_t opcode, int64_t took_us,
                 enum status s)
{
    bool failed = s && status_class(s) != STATUS_CLASS_CLIENT;
    bool waits = opcode == OP_LOG_READ; /* for news, as long as it is asked to */
    if (!failed && (took_us < f->trace_slow_us || waits))
        return;
    int64_t second = clock_mono_ms() / 1000;
    if (f->trace_second != second) {
        f->trace_second = second;
        f->trace_told = 0;
    }
    if (f->trace_told++ < TOLD_MOST)
        say_traced(failed ? "warning" : "info", role_name(f->role->role), NULL, &t->context,
                   "%s %s after %" PRId64 " us", opcode_name(opcode),
                   failed ? status_name(s) : "answered", took_us);
}

void front_trace_end(struct front *f, struct request_trace **t, uint8_t opcode, int64_t received_us,
                     enum status s)
{
    if (!*t)
        return;
    int64_t now = clock_mono_us();
    if (s)
        span_fail((*t)->span, s);
    tell(f, *t, opcode, now - received_us, s);
    if (!s && (*t)->span && opcode < LATENCY_OPS) {
        struct exemplar e = {.us = (uint64_t)(now - received_us),
                             .at_ms = shared_ms_at(f->role->shared, now)};
        memcpy(e.trace_id, (*t)->span->trace_id, sizeof e.trace_id);
        exemplar_note(&f->role->self->exemplars[opcode], &e);
    }
    tracer_end(&f->tracer, &(*t)->span, now);
    front_trace_forget(t);
}

void front_trace_forget(struct request_trace **t)
{
    if (*t)
        tracer_forget(&(*t)->span);
    free(*t);
    *t = NULL;
}

void front_trace_refused(struct front *f, const struct waiting *w, enum status s)
{
    struct request rq = {conn_find(f, w->conn_id), w->frame, w->received_us,
                         w->deadline_us,           NULL,     false};
    if (!rq.conn)
        return;
    front_trace_begin(f, &rq);
    front_trace_end(f, &rq.trace, rq.frame.opcode, rq.received_us, s);
}

struct span *front_span(const struct front *f)
{
    const struct request *rq = f->running;
    return rq && rq->trace && rq->frame.opcode != OP_MULTI_SEARCH ? rq->trace->span : NULL;
}

uint16_t front_trace_put(const struct request_trace *t, struct buf *out)
{
    if (!t)
        return 0;
    trace_context_put(out, &t->context);
    return FLAG_TRACE;
}
