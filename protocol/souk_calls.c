#include "protocol/souk_private.h"

void souk_reply_init(struct souk_reply *r)
{
    *r = (struct souk_reply){.bytes = BUF_INIT};
    arena_init(&r->arena, 0);
}

void souk_reply_fini(struct souk_reply *r)
{
    arena_fini(&r->arena);
    buf_fini(&r->bytes);
    r->body = SLICE_NULL;
}

enum status souk_open(const char *address, const struct souk_options *o, struct souk **out,
                      struct fault *fault)
{
    enum status st = souk_create(address, o, out, fault);
    if (st)
        return st;
    struct souk *s = *out;
    souk_connect(s);
    while (s->state == SOUK_CONNECTING || (s->state == SOUK_READY && !s->greeted)) {
        if (s->state == SOUK_READY && souk_now_us() >= s->connect_by_us)
            break; /* it accepts, but is busy: requests have deadlines of their own */
        souk_step(s, s->state == SOUK_READY ? 50 : -1);
    }
    if (s->state == SOUK_READY)
        return STATUS_OK;
    st = s->last.status ? s->last.status : STATUS_UNAVAILABLE;
    if (fault)
        *fault = s->last;
    souk_close(s);
    *out = NULL;
    return st;
}

struct call {
    struct souk_reply *reply;
    enum status status;
    bool done;
};

static void call_done(void *ctx, const struct souk_answer *answer)
{
    struct call *c = ctx;
    c->done = true;
    c->status = answer->status;
    c->reply->server_us = answer->server_us;
    if (answer->status) {
        c->reply->fault = *answer->fault;
        return;
    }
    buf_put_slice(&c->reply->bytes, answer->body);
    c->reply->body = buf_slice(&c->reply->bytes);
    if (c->reply->bytes.failed)
        c->status = fault_set(&c->reply->fault, STATUS_NO_MEMORY, NULL, "out of memory");
}

/* Submits, then waits. The body may stand in r->bytes: submitting copies it. */
static enum status submit_and_wait(struct souk *s, const struct souk_request *q,
                                   struct souk_reply *r)
{
    struct call c = {.reply = r};
    enum status st;
    r->fault = (struct fault){0};
    while ((st = souk_submit(s, q, call_done, &c, NULL)) == STATUS_AGAIN)
        souk_step(s, -1);
    if (st)
        return fault_set(&r->fault, st, NULL, "%s", status_text(st));
    buf_clear(&r->bytes);
    while (!c.done)
        souk_step(s, -1);
    return c.status;
}

enum status souk_call(struct souk *s, const struct souk_request *q, struct souk_reply *r)
{
    arena_reset(&r->arena);
    r->body = SLICE_NULL;
    return submit_and_wait(s, q, r);
}

static enum status call_with(struct souk *s, uint8_t opcode, bool safe, uint32_t deadline_ms,
                             struct souk_reply *r)
{
    if (r->bytes.failed)
        return fault_set(&r->fault, STATUS_NO_MEMORY, NULL, "out of memory");
    struct souk_request q = {
        .opcode = opcode, .body = buf_slice(&r->bytes), .deadline_ms = deadline_ms, .safe = safe};
    return submit_and_wait(s, &q, r);
}

static struct buf *begin(struct souk_reply *r)
{
    arena_reset(&r->arena);
    buf_clear(&r->bytes);
    r->body = SLICE_NULL;
    return &r->bytes;
}

static enum status decoded(struct souk_reply *r, enum status st)
{
    return st ? fault_set(&r->fault, st, NULL, "the server's reply is damaged") : STATUS_OK;
}

enum status souk_ping(struct souk *s, struct souk_reply *r)
{
    begin(r);
    return call_with(s, OP_PING, true, 0, r);
}

enum status souk_search(struct souk *s, const struct search_request *q, struct souk_reply *r,
                        struct search_reply *out)
{
    search_request_encode(q, begin(r));
    enum status st = call_with(s, OP_SEARCH, true, 0, r);
    return st ? st : decoded(r, search_reply_decode(r->body, &r->arena, out));
}

enum status souk_get(struct souk *s, const struct get_request *q, struct souk_reply *r,
                     struct get_reply *out)
{
    get_request_encode(q, begin(r));
    enum status st = call_with(s, OP_GET, true, 0, r);
    return st ? st : decoded(r, get_reply_decode(r->body, &r->arena, out));
}

enum status souk_put(struct souk *s, const struct put_request *p, struct souk_reply *r,
                     struct put_reply *out)
{
    struct buf *b = begin(r);
    put_request_header(p, b);
    for (uint32_t i = 0; i < p->item_count; i++)
        put_item_encode(&p->items[i], b);
    enum status st = call_with(s, OP_PUT, p->key.len > 0, 0, r);
    return st ? st : decoded(r, put_reply_decode(r->body, &r->arena, out));
}

enum status souk_catalog(struct souk *s, const struct catalog_request *c, struct souk_reply *r)
{
    bool reads = c->action == CATALOG_DESCRIBE || c->action == CATALOG_LIST ||
                 c->action == CATALOG_GET || c->action == CATALOG_SETTINGS;
    catalog_request_encode(c, begin(r));
    return call_with(s, OP_CATALOG, reads, 0, r);
}

enum status souk_wait(struct souk *s, const struct wait_request *w, uint32_t timeout_ms,
                      struct souk_reply *r)
{
    wait_request_encode(w, begin(r));
    return call_with(s, OP_WAIT, true, timeout_ms, r);
}

enum status souk_stats(struct souk *s, struct souk_reply *r, struct stats_row **rows,
                       uint32_t *count)
{
    begin(r);
    enum status st = call_with(s, OP_STATS, true, 0, r);
    return st ? st : decoded(r, stats_reply_decode(r->body, &r->arena, rows, count));
}

enum status souk_suggest(struct souk *s, const struct suggest_request *q, struct souk_reply *r,
                         struct suggest_reply *out)
{
    suggest_request_encode(q, begin(r));
    enum status st = call_with(s, OP_SUGGEST, true, 0, r);
    return st ? st : decoded(r, suggest_reply_decode(r->body, &r->arena, out));
}

enum status souk_queries(struct souk *s, const struct queries_request *q, struct souk_reply *r,
                         struct queries_row **rows, uint32_t *count)
{
    queries_request_encode(q, begin(r));
    enum status st = call_with(s, OP_QUERIES, true, 0, r);
    return st ? st : decoded(r, queries_reply_decode(r->body, &r->arena, rows, count));
}

static enum status scan_call(struct souk *s, uint8_t opcode, const struct scan_request *q,
                             struct souk_reply *r, struct scan_reply *out)
{
    scan_request_encode(q, begin(r));
    enum status st = call_with(s, opcode, opcode == OP_SCAN, 0, r);
    return st ? st : decoded(r, scan_reply_decode(r->body, &r->arena, out));
}

enum status souk_scan(struct souk *s, const struct scan_request *q, struct souk_reply *r,
                      struct scan_reply *out)
{
    return scan_call(s, OP_SCAN, q, r, out);
}

enum status souk_delete(struct souk *s, const struct scan_request *q, struct souk_reply *r,
                        struct scan_reply *out)
{
    return scan_call(s, OP_DELETE, q, r, out);
}
