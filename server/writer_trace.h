/*
 * writer_trace - the span of a traced change in the writer: decided, made durable, visible.
 *
 *   request ── begin ──> decide ──> log (with fsync; then the answer) ──> apply ──> end
 *                 └── refused, answered again: end
 *
 * The span goes on behind the answer, until the change can be found: with the answer (struct
 * answer) up to the sync, then in a list. A writer that ends forgets what it has not ended.
 */
#ifndef SOUK_SERVER_WRITER_TRACE_H
#define SOUK_SERVER_WRITER_TRACE_H

#include "server/writer_private.h"

struct writer_trace { /* a change that is not visible yet */
    struct writer_trace *next;
    struct writer_catalog *catalog;
    struct span *span;
    uint64_t sequence;
    int64_t synced_us;
};

/* Takes the context off the body of a request; w->span is what comes of it, NULL mostly. */
void writer_trace_begin(struct writer *w, struct frame *f);
/* The request at hand was decided and appended: its span goes with the answer. */
void writer_trace_logged(struct writer *w, struct answer *a);
/* The request at hand was looked at; without an answer that waits its span ends here. */
void writer_trace_end(struct writer *w);
/* The answer's change is durable, or its log failed. */
void writer_trace_synced(struct writer *w, struct answer *a, enum status st);
/* Ends those that became visible, or never will. */
void writer_trace_seen(struct writer *w);
void writer_trace_fini(struct writer *w);

#endif
