#include "server/writer_trace.h"

#include <stdlib.h>

enum { WAITING_MOST = 1024 }; /* changes of which it is told when they become visible */

void writer_trace_begin(struct writer *w, struct frame *f)
{
    struct trace_context context;
    if (!(f->flags & FLAG_TRACE) || !trace_context_take(&f->body, &context))
        return;
    uint8_t op = f->opcode < SPAN_OPERATIONS ? f->opcode : 0;
    w->span = tracer_begin(&w->tracer, &context, op, SPAN_SERVER, clock_mono_us());
}

void writer_trace_logged(struct writer *w, struct answer *a)
{
    if (!w->span)
        return;
    a->decided_us = clock_mono_us();
    span_stage(w->span, SPAN_DECIDE, w->span->start_us, a->decided_us);
    span_say(w->span, SPAN_SELF, KEY_COLLECTION, slice_str(a->catalog->name));
    span_number(w->span, SPAN_SELF, KEY_SEQUENCE, (int64_t)a->sequence);
    a->span = w->span;
    w->span = NULL;
}

void writer_trace_end(struct writer *w)
{
    tracer_end(&w->tracer, &w->span, w->span ? clock_mono_us() : 0);
}

void writer_trace_synced(struct writer *w, struct answer *a, enum status st)
{
    if (!a->span)
        return;
    int64_t now = clock_mono_us();
    span_stage(a->span, SPAN_LOG, a->decided_us, now);
    if (st)
        span_fail(a->span, st);
    struct writer_trace *t = st || w->trace_count >= WAITING_MOST ? NULL : malloc(sizeof *t);
    if (!t) {
        tracer_end(&w->tracer, &a->span, now);
        return;
    }
    *t = (struct writer_trace){w->traces, a->catalog, a->span, a->sequence, now};
    a->span = NULL;
    w->traces = t;
    w->trace_count++;
}

static void end_of(struct writer *w, struct writer_trace **at, enum status st)
{
    struct writer_trace *t = *at;
    int64_t now = clock_mono_us();
    *at = t->next;
    w->trace_count--;
    if (st)
        span_fail(t->span, st);
    else
        span_stage(t->span, SPAN_APPLY, t->synced_us, now);
    tracer_end(&w->tracer, &t->span, now);
    free(t);
}

void writer_trace_seen(struct writer *w)
{
    for (struct writer_trace **at = &w->traces; *at;) {
        const struct writer_trace *t = *at;
        if (t->catalog->visible >= t->sequence)
            end_of(w, at, STATUS_OK);
        else if (t->catalog->failed)
            end_of(w, at, STATUS_READ_ONLY);
        else
            at = &(*at)->next;
    }
}

void writer_trace_fini(struct writer *w)
{
    while (w->traces) {
        struct writer_trace *t = w->traces;
        w->traces = t->next;
        tracer_forget(&t->span);
        free(t);
    }
    tracer_forget(&w->span);
}
