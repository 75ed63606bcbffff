/* MULTI_SEARCH: several searches in one request, which share what they have in common. */
#include "protocol/multi.h"
#include "server/cached_search.h"
#include "server/front_trace.h"

enum { PARTS_MAX = 32 };

/* Parts of one catalog that follow each other see the same snapshot. */
struct parts {
    struct front *front;
    struct request *request;
    struct catalog *open; /* its snapshot is begun */
    struct buf body;
};

static void leave(struct parts *p)
{
    if (p->open)
        snapshot_end(p->open->snapshot);
    p->open = NULL;
}

static enum status enter(struct parts *p, struct slice catalog, struct fault *fault)
{
    struct catalog *c;
    if (p->open && slice_equal(slice_str(p->open->name), catalog))
        return STATUS_OK;
    leave(p);
    enum status s = catalogs_get(p->front->catalogs, catalog, &c, fault);
    if (!s)
        s = snapshot_begin(c->snapshot);
    if (s)
        return s;
    p->open = c;
    return STATUS_OK;
}

static enum status search_part(struct parts *p, struct slice body, struct fault *fault)
{
    struct search_request in;
    enum status s = search_request_decode(body, &p->front->arena, &in, fault);
    if (!s)
        s = access_catalog(p->request->conn->key, OP_SEARCH, in.catalog, fault);
    if (!s)
        s = enter(p, in.catalog, fault);
    if (s)
        return s;
    if (snapshot_sequence(p->open->snapshot) < in.min_sequence)
        return STATUS_UNAVAILABLE;
    return cached_search(p->front, p->request, p->open, &in, false, &p->body, fault);
}

static void put_part(struct parts *p, struct slice body)
{
    struct fault fault = {0};
    struct buf *out = &p->request->conn->out;
    buf_clear(&p->body);
    fault.status = search_part(p, body, &fault);
    p->request->conn->key->forbidden += fault.status == STATUS_FORBIDDEN;
    size_t at = multi_reply_begin(out, fault.status);
    if (fault.status)
        error_body_encode(out, &fault);
    else
        buf_put_slice(out, buf_slice(&p->body));
    tlv_end(out, at);
}

enum status handle_multi_search(struct front *f, struct request *rq, struct fault *fault)
{
    struct wire_reader r = wire_reader_of(rq->frame.body);
    struct parts p = {.front = f, .request = rq, .body = BUF_INIT};
    struct slice body;
    enum status s;
    uint32_t count = 0;
    struct span *span = front_trace_span(rq->trace);
    int64_t start = span ? clock_mono_us() : 0;
    size_t at = reply_begin(rq);
    search_share_begin(f->searcher, &f->arena);
    while ((s = multi_request_next(&r, &body)) == STATUS_OK && ++count <= PARTS_MAX)
        put_part(&p, body);
    search_share_end(f->searcher);
    if (span)
        span_stage(span, SPAN_SEARCH, start, clock_mono_us());
    span_number(span, SPAN_SELF, KEY_ITEMS, count);
    leave(&p);
    buf_fini(&p.body);
    if (s == STATUS_OK)
        return fault_set(fault, STATUS_TOO_LARGE, NULL, "at most %d searches in one request",
                         PARTS_MAX);
    if (s != STATUS_END)
        return s;
    reply_end(rq, at);
    return STATUS_OK;
}
