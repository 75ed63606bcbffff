/* PUT and DELETE by filter: checked here, decided and logged by the writer. */
#include <stdlib.h>

#include "index/filter.h"
#include "protocol/reply.h"
#include "server/front.h"
#include "server/validate.h"

enum { DELETE_PART = 1000 };

/* One PUT on its way through the writer. */
struct put_job {
    struct front *front;
    struct reply_address to;
    uint32_t *place; /* index in the request of each item that was sent */
    uint32_t sent;
    struct buf refused; /* encoded results of items refused here */
    uint32_t refused_count;
};

static void put_job_free(struct put_job *j)
{
    free(j->place);
    buf_fini(&j->refused);
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
    if (!reply) {
        fault_set(&fault, STATUS_UNAVAILABLE, NULL, "the writer went away; send it again");
        fault.retry_after_ms = 100;
        reply_fault_later(f, &j->to, &fault);
    } else if (reply->status) {
        reply_later(f, &j->to, reply->status, reply->body);
    } else if (put_reply_decode(reply->body, &a, &r)) {
        fault_set(&fault, STATUS_INTERNAL, NULL, "the writer's answer is damaged");
        reply_fault_later(f, &j->to, &fault);
    } else {
        struct put_result *results = (struct put_result *)(uintptr_t)r.results;
        for (uint32_t i = 0; i < r.result_count; i++)
            if (results[i].item < j->sent)
                results[i].item = j->place[results[i].item];
        r.failed += j->refused_count;
        struct buf body = BUF_INIT;
        put_reply_encode(&body, &r);
        buf_put_slice(&body, buf_slice(&j->refused));
        reply_later(f, &j->to, body.failed ? STATUS_NO_MEMORY : STATUS_OK, buf_slice(&body));
        buf_fini(&body);
    }
    arena_fini(&a);
    put_job_free(j);
}

static uint32_t deadline_left(const struct request *rq)
{
    int64_t ms = (rq->deadline_us - clock_mono_us()) / 1000;
    return ms < 1 ? 1 : (uint32_t)ms;
}

/* Fills `body` with what the writer gets; refused items go into the job. */
static enum status put_body(struct front *f, const struct schema *schema,
                            const struct put_request *p, struct put_job *j, struct buf *body)
{
    uint32_t *ids = arena_alloc(&f->arena, (p->name_count + 1) * sizeof *ids);
    if (!ids)
        return STATUS_NO_MEMORY;
    validate_names(schema, p->names, p->name_count, ids);
    struct put_request header = *p;
    header.names = NULL;
    header.name_count = 0;
    header.schema_version = schema->version;
    put_request_header(&header, body);
    struct buf document = BUF_INIT;
    for (uint32_t i = 0; i < p->item_count; i++) {
        struct fault fault = {0};
        struct put_item item = p->items[i];
        item.lease = item.origin = item.age_ms =
            0; /* the fetcher's words, sent to the writer directly */
        item.validator = SLICE_NULL;
        buf_clear(&document);
        enum status s = validate_item(schema, p, ids, &item, &document, &fault);
        if (s) {
            put_result_encode(&j->refused, &(struct put_result){i, s, slice_str(fault.field),
                                                                slice_str(fault.text)});
            j->refused_count++;
            continue;
        }
        item.document = buf_slice(&document);
        put_item_encode(&item, body);
        j->place[j->sent++] = i;
    }
    bool failed = document.failed || body->failed || j->refused.failed;
    buf_fini(&document);
    return failed ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status put_answer_here(struct request *rq, struct put_job *j)
{
    size_t at = reply_begin(rq);
    put_reply_encode(&rq->conn->out, &(struct put_reply){.failed = j->refused_count});
    buf_put_slice(&rq->conn->out, buf_slice(&j->refused));
    reply_end(rq, at);
    return STATUS_OK;
}

enum status handle_put(struct front *f, struct request *rq, struct fault *fault)
{
    struct put_request p;
    struct catalog *c;
    struct buf body = BUF_INIT;
    enum status s = put_request_decode(rq->frame.body, &f->arena, &p, fault);
    if (s || (s = catalogs_get(f->catalogs, p.catalog, &c, fault)))
        return s;
    if (p.item_count > config_number(f->role->config, OPTION_ITEMS))
        return fault_set(fault, STATUS_TOO_LARGE, NULL, "too many items in one PUT");
    struct put_job *j = calloc(1, sizeof *j);
    if (!j || !(j->place = malloc((p.item_count + 1) * sizeof *j->place))) {
        free(j);
        return STATUS_NO_MEMORY;
    }
    j->front = f;
    j->to = reply_address_of(rq);
    if ((s = snapshot_begin(c->snapshot)) == STATUS_OK) { /* its schema follows alterations */
        s = put_body(f, snapshot_schema(c->snapshot), &p, j, &body);
        snapshot_end(c->snapshot);
    }
    if (s == STATUS_OK && !j->sent) {
        s = put_answer_here(rq, j);
        put_job_free(j);
    } else {
        if (s == STATUS_OK)
            s = writer_link_send(f->writer, OP_PUT, (uint16_t)(rq->frame.flags | FLAG_CANONICAL),
                                 deadline_left(rq), buf_slice(&body), put_done, j);
        if (s)
            put_job_free(j);
        else
            s = STATUS_AGAIN;
    }
    buf_fini(&body);
    return s;
}

/* --- delete by filter ---------------------------------------------------------------------------
 */

struct delete_job {
    struct front *front;
    struct reply_address to;
    uint32_t open; /* parts not yet answered, + 1 while they are being sent */
    uint64_t deleted, sequence;
    struct fault fault;
};

static void delete_part_ended(struct delete_job *j)
{
    if (--j->open)
        return;
    if (j->fault.status) {
        reply_fault_later(j->front, &j->to, &j->fault);
    } else {
        struct buf body = BUF_INIT;
        tlv_put_u64(&body, TAG_SCAN_DELETED, j->deleted);
        tlv_put_u64(&body, TAG_SCAN_SEQUENCE, j->sequence);
        reply_later(j->front, &j->to, STATUS_OK, buf_slice(&body));
        buf_fini(&body);
    }
    free(j);
}

static void delete_done(void *ctx, const struct frame *reply)
{
    struct delete_job *j = ctx;
    struct put_reply r;
    struct arena a;
    arena_init(&a, 0);
    if (!reply)
        fault_set(&j->fault, STATUS_UNAVAILABLE, NULL, "the writer went away; send it again");
    else if (reply->status)
        frame_error_decode(reply, &j->fault);
    else if (put_reply_decode(reply->body, &a, &r) == STATUS_OK) {
        j->deleted += r.applied;
        j->sequence = r.sequence > j->sequence ? r.sequence : j->sequence;
    }
    arena_fini(&a);
    delete_part_ended(j);
}

struct delete_walk {
    struct catalog *catalog;
    struct buf ids; /* documents with the id and no field: length u32, bytes */
    uint32_t count;
};

static bool delete_each(void *ctx, uint32_t docid)
{
    struct delete_walk *w = ctx;
    struct slice id;
    if (snapshot_id(w->catalog->snapshot, docid, &id) == STATUS_OK) {
        wire_put_bytes(&w->ids, id);
        w->count++;
    }
    return !w->ids.failed;
}

static enum status delete_send(struct front *f, struct request *rq, struct slice catalog,
                               struct delete_walk *w, struct delete_job *j)
{
    struct wire_reader r = wire_reader_of(buf_slice(&w->ids));
    struct buf body = BUF_INIT, document = BUF_INIT;
    enum status s = STATUS_OK;
    for (uint32_t done = 0; done < w->count && s == STATUS_OK;) {
        struct put_request p = {.catalog = catalog, .ack = ACK_LOGGED};
        buf_clear(&body);
        put_request_header(&p, &body);
        for (uint32_t i = 0; i < DELETE_PART && done < w->count; i++, done++) {
            buf_clear(&document);
            document_put_header(&document, wire_bytes(&r), 0);
            put_item_encode(&(struct put_item){.op = PUT_DELETE,
                                               .ttl_ms = -1,
                                               .swr_ms = -1,
                                               .sie_ms = -1,
                                               .document = buf_slice(&document)},
                            &body);
        }
        s = body.failed
                ? STATUS_NO_MEMORY
                : writer_link_send(f->writer, OP_PUT, (uint16_t)(rq->frame.flags | FLAG_CANONICAL),
                                   deadline_left(rq), buf_slice(&body), delete_done, j);
        j->open += s == STATUS_OK;
    }
    buf_fini(&body);
    buf_fini(&document);
    return s;
}

enum status handle_delete(struct front *f, struct request *rq, struct fault *fault)
{
    struct scan_request in;
    struct catalog *c;
    enum status s = scan_request_decode(rq->frame.body, &in, fault);
    if (s || (s = catalogs_get(f->catalogs, in.catalog, &c, fault)))
        return s;
    if (filter_is_blank(in.filter))
        return fault_set(fault, STATUS_INVALID, "filter",
                         "a delete needs a filter; to remove everything drop the catalog");
    struct delete_job *j = calloc(1, sizeof *j);
    if (!j)
        return STATUS_NO_MEMORY;
    *j = (struct delete_job){.front = f, .to = reply_address_of(rq), .open = 1};
    struct delete_walk w = {.catalog = c};
    if ((s = snapshot_begin(c->snapshot)) == STATUS_OK) {
        s = search_scan(f->searcher, c->snapshot, in.filter, 0, &f->arena, delete_each, &w, fault);
        snapshot_end(c->snapshot);
    }
    if (s == STATUS_END)
        s = STATUS_OK;
    if (s == STATUS_OK && w.ids.failed)
        s = STATUS_NO_MEMORY;
    if (s) {
        free(j);
    } else {
        s = delete_send(f, rq, in.catalog, &w, j);
        if (s)
            fault_set(&j->fault, s, NULL, "%s", status_text(s));
        delete_part_ended(j); /* answers at once when nothing was sent */
        s = STATUS_AGAIN;
    }
    buf_fini(&w.ids);
    return s;
}
