/* DELETE by filter: what it matches is looked up here and deleted in parts by the writer. */
#include <stdlib.h>

#include "index/filter.h"
#include "protocol/reply.h"
#include "server/front_trace.h"

enum { DELETE_PART = 1000 };

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
        uint16_t flags =
            (uint16_t)(rq->frame.flags | FLAG_CANONICAL | front_trace_put(rq->trace, &body));
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
                : writer_link_send(f->writer, OP_PUT, flags, front_deadline_left(rq->deadline_us),
                                   buf_slice(&body), delete_done, j);
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
    span_say(front_trace_span(rq->trace), SPAN_SELF, KEY_COLLECTION, in.catalog);
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
