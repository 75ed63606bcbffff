/* Answers of the writer: refused at once, told when the log is durable or the index has them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/say.h"
#include "server/writer_trace.h"

enum { RETRY_LEAST_MS = 5, RETRY_MS = 50, NO_SPACE_RETRY_MS = 1000, REPLICATED_MS = 2000 };

/* --- answers ---------------------------------------------------------------------------------- */

void writer_refuse(struct writer *w, uint64_t conn, const struct frame *to, enum status st,
                   const char *text)
{
    struct fault f = {0};
    span_fail(w->span, st);
    fault_set(&f, st, NULL, "%s", text ? text : status_text(st));
    if (st == STATUS_OVERLOADED)
        f.retry_after_ms = RETRY_MS;
    if (st == STATUS_NO_SPACE)
        f.retry_after_ms = NO_SPACE_RETRY_MS;
    writer_conns_error(w->conns, conn, to, &f);
}

/* The queue is full: come back when about half of it will be through. */
void writer_refuse_full(struct writer *w, uint64_t conn, const struct frame *to,
                        const struct writer_catalog *c)
{
    struct fault f = {0};
    span_fail(w->span, STATUS_OVERLOADED);
    uint64_t speed = c->items_per_s, ms = speed ? c->waiting_items * 500 / speed : RETRY_MS;
    fault_set(&f, STATUS_OVERLOADED, NULL, "%" PRIu64 " changes wait to be applied",
              (uint64_t)c->waiting_items);
    f.retry_after_ms = (uint32_t)(ms < RETRY_LEAST_MS ? RETRY_LEAST_MS : ms > 1000 ? 1000 : ms);
    writer_conns_error(w->conns, conn, to, &f);
}

void answer_free(struct answer *a)
{
    if (a->job)
        job_destroy(&a->job);
    tracer_forget(&a->span);
    buf_fini(&a->body);
    free(a);
}

static void tell(struct writer *w, struct answer *a)
{
    enum status st = a->control ? (enum status)a->catalog->control_status : STATUS_OK;
    if (st)
        writer_refuse(w, a->conn, &a->to, st,
                      a->control && st == STATUS_SCHEMA_MISMATCH
                          ? "values that products have do not fit the new type of their field"
                          : NULL);
    else
        writer_conns_reply(w->conns, a->conn, &a->to, buf_slice(&a->body));
    answer_free(a);
}

void writer_tell_seen(struct writer *w)
{
    writer_trace_seen(w);
    for (struct answer **at = &w->unseen; *at;) {
        struct answer *a = *at;
        bool seen = a->control ? a->catalog->control_ended >= a->sequence
                               : a->catalog->visible >= a->sequence;
        if (!seen && !a->catalog->failed) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        if (seen) {
            tell(w, a);
            continue;
        }
        writer_refuse(w, a->conn, &a->to, STATUS_READ_ONLY, NULL);
        answer_free(a);
    }
}

/* As long as who asked waits. */
void writer_wait_replicated(struct writer *w, struct answer *a)
{
    a->until_ms = clock_mono_ms() + (a->to.time ? a->to.time : REPLICATED_MS);
    a->next = w->unreplicated;
    w->unreplicated = a;
}

void writer_tell_replicated(struct writer *w)
{
    int64_t now = clock_mono_ms();
    for (struct answer **at = &w->unreplicated; *at;) {
        struct answer *a = *at;
        bool there = a->catalog->row->replicated >= a->sequence, over = now >= a->until_ms;
        if (!there && !over && !a->catalog->failed) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        if (there) {
            tell(w, a);
            continue;
        }
        writer_refuse(w, a->conn, &a->to, over ? STATUS_DEADLINE : STATUS_READ_ONLY,
                      over ? "it is logged here, and not yet at as many followers as it takes"
                           : NULL);
        answer_free(a);
    }
}

/* --- the log ---------------------------------------------------------------------------------- */

void writer_stop_catalog(struct writer_catalog *c, enum status st)
{
    if (c->failed)
        return;
    say("error", "writer", c->name, "it takes no more changes: the event log: %s", status_text(st));
    c->failed = st;
    c->row->write_state = WRITE_SAFE_MODE;
}

static void sync_logs(struct writer *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        struct writer_catalog *c = w->catalogs[i];
        if (!c->unsynced)
            continue;
        c->unsynced = false;
        enum status st = event_log_sync(c->log);
        if (st)
            writer_stop_catalog(c, st);
        else
            c->row->logged = event_log_last(c->log);
    }
}

/* Ends a turn: what came is made durable, told, and handed on. */
void writer_settle(struct writer *w)
{
    struct answer *a = w->unsynced;
    if (a)
        sync_logs(w);
    w->unsynced = NULL;
    w->unsynced_end = &w->unsynced;
    while (a) {
        struct answer *next = a->next;
        writer_trace_synced(w, a, a->catalog->failed ? STATUS_READ_ONLY : STATUS_OK);
        if (a->catalog->failed) {
            writer_refuse(w, a->conn, &a->to, STATUS_READ_ONLY, NULL);
            answer_free(a);
        } else {
            apply_push(w->apply, a->job);
            a->job = NULL;
            if (a->ack == ACK_REPLICATED) {
                writer_wait_replicated(w, a);
            } else if (a->ack == ACK_VISIBLE) {
                a->next = w->unseen;
                w->unseen = a;
            } else
                tell(w, a);
        }
        a = next;
    }
}

struct answer *answer_create(uint64_t conn, const struct frame *to, struct writer_catalog *c,
                             struct slice body)
{
    struct answer *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    *a = (struct answer){.catalog = c, .conn = conn, .to = *to};
    buf_put_slice(&a->body, body);
    if (a->body.failed) {
        answer_free(a);
        return NULL;
    }
    return a;
}

/* Appends one record; its answer is told after the sync. */
enum status writer_log(struct writer *w, struct answer *a, uint32_t type, struct slice payload,
                       uint64_t sequence, uint64_t items)
{
    struct writer_catalog *c = a->catalog;
    struct log_record r = {sequence, type, payload};
    enum status st = job_create(c, &r, items, &a->job);
    st = st ? st : event_log_append(c->log, sequence, type, payload, a->frees);
    if (st) {
        if (event_log_failed(c->log))
            writer_stop_catalog(c, st);
        return st;
    }
    a->sequence = sequence;
    writer_trace_logged(w, a);
    c->unsynced = true;
    *w->unsynced_end = a;
    w->unsynced_end = &a->next;
    return STATUS_OK;
}
