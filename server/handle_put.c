/*
 * PUT: checked here, decided and logged by the writer.
 *
 * A bulk of a thousand products takes some milliseconds to check, and searches must not wait for
 * it: it is checked in slices between them. Meanwhile no other ingest request is begun, so that
 * changes reach the writer in the order they came.
 *
 *   begun -> some items left <-> a slice is checked -> sent to the writer -> answered
 *                  |                                        ^
 *                  +-- the schema changed: from the first item on again
 */
#include <stdlib.h>

#include "protocol/reply.h"
#include "server/front_trace.h"
#include "server/validate.h"

enum { BULK_BYTES = 16384, LOOK_ITEMS = 8, SLICE_US = 250 };

/* One PUT on its way through the writer. */
struct put_job {
    struct front *front;
    struct reply_address to;
    int64_t deadline_us;
    uint32_t *place; /* index in the request of each item that was sent */
    uint32_t sent;
    struct buf refused; /* encoded results of items refused here */
    uint32_t refused_count;
    /* while it is being checked */
    struct buf own;     /* the request, when it outlives the pass */
    struct arena arena; /* of `request` */
    struct put_request request;
    struct buf body; /* what the writer gets */
    uint32_t next;   /* the item to check next */
    uint16_t flags;  /* of that frame, for the trace in it */
    int64_t sent_us; /* to the writer */
    uint64_t schema_version;
};

static void put_job_free(struct put_job *j)
{
    free(j->place);
    buf_fini(&j->refused);
    buf_fini(&j->own);
    buf_fini(&j->body);
    arena_fini(&j->arena);
    free(j);
}

static void put_done(void *ctx, const struct frame *reply)
{
    struct put_job *j = ctx;
    struct front *f = j->front;
    struct put_reply r;
    struct arena a;
    struct fault fault = {0};
    arena_init(&a, 0);
    bool well = reply && !reply->status;
    struct span *span = front_trace_span(j->to.trace);
    if (span)
        span_stage(span, SPAN_WRITER, j->sent_us, clock_mono_us());
    enum status st = well ? put_reply_decode(reply->body, &a, &r) : STATUS_OK;
    if (!reply) {
        fault_set(&fault, STATUS_UNAVAILABLE, NULL, "the writer went away; send it again");
        fault.retry_after_ms = 100;
        reply_fault_later(f, &j->to, &fault);
    } else if (reply->status) {
        reply_later(f, &j->to, reply->status, reply->body);
    } else if (st == STATUS_NO_MEMORY) {
        fault_set(&fault, st, NULL,
                  "no memory for the answer: what it is about may have been done");
        reply_fault_later(f, &j->to, &fault);
    } else if (st) {
        fault_set(&fault, STATUS_INTERNAL, NULL, "the writer's answer is damaged");
        reply_fault_later(f, &j->to, &fault);
    } else {
        struct put_result *results = (struct put_result *)(uintptr_t)r.results;
        for (uint32_t i = 0; i < r.result_count; i++)
            if (results[i].item < j->sent)
                results[i].item = j->place[results[i].item];
        r.failed += j->refused_count;
        span_number(span, SPAN_SELF, KEY_APPLIED, r.applied);
        span_number(span, SPAN_SELF, KEY_SEQUENCE, (int64_t)r.sequence);
        struct buf body = BUF_INIT;
        put_reply_encode(&body, &r);
        buf_put_slice(&body, buf_slice(&j->refused));
        reply_later(f, &j->to, body.failed ? STATUS_NO_MEMORY : STATUS_OK, buf_slice(&body));
        buf_fini(&body);
    }
    arena_fini(&a);
    put_job_free(j);
}

uint32_t front_deadline_left(int64_t deadline_us)
{
    int64_t ms = (deadline_us - clock_mono_us()) / 1000;
    return ms < 1 ? 1 : (uint32_t)ms;
}

/* --- checking ----------------------------------------------------------------------------------
 */

/* From the first item on, for this schema. */
static void put_begin(struct put_job *j, const struct schema *schema)
{
    struct put_request header = j->request;
    header.names = NULL;
    header.name_count = 0;
    header.schema_version = j->schema_version = schema->version;
    j->next = j->sent = j->refused_count = 0;
    buf_clear(&j->refused);
    buf_clear(&j->body);
    j->flags = front_trace_put(j->to.trace, &j->body);
    put_request_header(&header, &j->body);
}

static void put_check(struct put_job *j, const struct schema *schema, const uint32_t *ids,
                      struct buf *document)
{
    struct fault fault = {0};
    uint32_t i = j->next++;
    struct put_item item = j->request.items[i];
    item.lease = item.origin = item.age_ms =
        0; /* the fetcher's words, sent to the writer directly */
    item.validator = SLICE_NULL;
    buf_clear(document);
    enum status s = validate_item(schema, &j->request, ids, &item, document, &fault);
    if (s) {
        put_result_encode(
            &j->refused, &(struct put_result){i, s, slice_str(fault.field), slice_str(fault.text)});
        j->refused_count++;
        return;
    }
    item.document = buf_slice(document);
    put_item_encode(&item, &j->body);
    j->place[j->sent++] = i;
}

/* Checks items until all are or the time is over. */
static enum status put_slice(struct put_job *j, const struct schema *schema, int64_t until_us)
{
    const struct put_request *p = &j->request;
    uint32_t *ids = arena_alloc(&j->front->arena, (p->name_count + 1) * sizeof *ids);
    struct buf document = BUF_INIT;
    if (!ids)
        return STATUS_NO_MEMORY;
    validate_names(schema, p->names, p->name_count, ids);
    if (!j->body.len || j->schema_version != schema->version)
        put_begin(j, schema);
    while (j->next < p->item_count) {
        put_check(j, schema, ids, &document);
        if (j->next % LOOK_ITEMS == 0 && clock_mono_us() > until_us)
            break;
    }
    bool failed = document.failed || j->body.failed || j->refused.failed;
    buf_fini(&document);
    return failed ? STATUS_NO_MEMORY : STATUS_OK;
}

/* A slice by the schema as it is now, which follows alterations. */
static enum status put_check_on(struct put_job *j, int64_t until_us, struct fault *fault)
{
    struct catalog *c;
    enum status s = catalogs_get(j->front->catalogs, j->request.catalog, &c, fault);
    if (!s)
        s = snapshot_begin(c->snapshot);
    if (s)
        return s;
    s = put_slice(j, snapshot_schema(c->snapshot), until_us);
    snapshot_end(c->snapshot);
    return s;
}

/* --- answering ---------------------------------------------------------------------------------
 */

/* All are checked. AGAIN: the writer has it. OK: there is nothing for the writer, the answer is in
 * `out`. */
static enum status put_send(struct put_job *j, struct buf *out)
{
    if (!j->sent) {
        put_reply_encode(out, &(struct put_reply){.failed = j->refused_count});
        buf_put_slice(out, buf_slice(&j->refused));
        return STATUS_OK;
    }
    if (j->to.trace)
        j->sent_us = clock_mono_us();
    enum status s = writer_link_send(
        j->front->writer, OP_PUT, (uint16_t)(j->to.flags | FLAG_CANONICAL | j->flags),
        front_deadline_left(j->deadline_us), buf_slice(&j->body), put_done, j);
    if (s)
        return s;
    buf_fini(&j->body);
    buf_fini(&j->own);
    return STATUS_AGAIN;
}

/* The bulk is no longer at hand: the next may come. */
static void put_over(struct front *f)
{
    f->putting = NULL;
    admission_hold_ingest(&f->admission, false);
}

void put_go_on(struct front *f)
{
    struct put_job *j = f->putting;
    struct fault fault = {0};
    struct buf answer = BUF_INIT;
    int64_t start = clock_mono_us();
    enum status s =
        j->deadline_us < start ? STATUS_DEADLINE : put_check_on(j, start + SLICE_US, &fault);
    arena_reset(&f->arena);
    f->now_us = clock_mono_us();
    admission_ran_ingest(&f->admission, f->now_us - start);
    if (!s && j->next < j->request.item_count)
        return;
    put_over(f);
    s = s ? s : put_send(j, &answer);
    if (s == STATUS_AGAIN)
        return;
    if (s && fault.status != s)
        fault_set(&fault, s, NULL, "%s",
                  s == STATUS_TOO_LARGE
                      ? "as the schema has its values it is longer than a frame: send it in parts"
                      : status_text(s));
    if (s)
        reply_fault_later(f, &j->to, &fault);
    else
        reply_later(f, &j->to, answer.failed ? STATUS_NO_MEMORY : STATUS_OK, buf_slice(&answer));
    buf_fini(&answer);
    put_job_free(j);
}

void put_drop(struct front *f)
{
    if (f->putting)
        put_job_free(f->putting);
    put_over(f);
}

static enum status put_answer_here(struct request *rq, struct put_job *j)
{
    size_t at = reply_begin(rq);
    enum status s = put_send(j, &rq->conn->out);
    if (!s)
        reply_end(rq, at);
    else
        rq->conn->out.len = at;
    return s;
}

/* Reads the request. A bulk is read from bytes of its own: those of the frame go with the pass. */
static enum status put_read(struct put_job *j, struct slice body, struct fault *fault)
{
    struct front *f = j->front;
    struct put_request *p = &j->request;
    struct catalog *c;
    bool bulk = body.len > BULK_BYTES;
    if (bulk)
        buf_put_slice(&j->own, body);
    if (j->own.failed)
        return STATUS_NO_MEMORY;
    enum status s = put_request_decode(bulk ? buf_slice(&j->own) : body,
                                       bulk ? &j->arena : &f->arena, p, fault);
    s = s ? s : catalogs_get(f->catalogs, p->catalog, &c, fault);
    if (s)
        return s;
    span_say(front_trace_span(j->to.trace), SPAN_SELF, KEY_COLLECTION, p->catalog);
    span_number(front_trace_span(j->to.trace), SPAN_SELF, KEY_ITEMS, p->item_count);
    if (p->item_count > config_number(f->role->config, OPTION_ITEMS))
        return fault_set(fault, STATUS_TOO_LARGE, NULL, "too many items in one PUT");
    j->place = malloc((p->item_count + 1) * sizeof *j->place);
    return j->place ? STATUS_OK : STATUS_NO_MEMORY;
}

/* From the next pass on it is checked slice by slice. */
static enum status put_keep(struct put_job *j)
{
    j->front->putting = j;
    admission_hold_ingest(&j->front->admission, true);
    return STATUS_AGAIN;
}

enum status handle_put(struct front *f, struct request *rq, struct fault *fault)
{
    struct put_job *j = calloc(1, sizeof *j);
    if (!j)
        return STATUS_NO_MEMORY;
    j->front = f;
    j->to = reply_address_of(rq);
    j->deadline_us = rq->deadline_us;
    arena_init(&j->arena, 0);
    enum status s = put_read(j, rq->frame.body, fault);
    if (!s && j->own.len)
        return put_keep(j);
    s = s ? s : put_check_on(j, INT64_MAX, fault);
    s = s ? s : put_answer_here(rq, j);
    if (s != STATUS_AGAIN)
        put_job_free(j);
    return s;
}
