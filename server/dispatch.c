#include "server/front.h"

/* Which function answers which opcode; PING is the smallest one to copy. */
static handler_fn const handlers[] = {
    [OP_HELLO] = handle_hello,
    [OP_PING] = handle_ping,
    [OP_CATALOG] = handle_catalog,
    [OP_SEARCH] = handle_search,
    [OP_MULTI_SEARCH] = handle_multi_search,
    [OP_GET] = handle_get,
    [OP_PUT] = handle_put,
    [OP_WAIT] = handle_wait,
    [OP_STATS] = handle_stats,
    [OP_SCAN] = handle_scan,
    [OP_DELETE] = handle_delete,
    [OP_GOAWAY] = handle_goaway,
    [OP_UPSTREAM] = handle_upstream,
};

static uint16_t reply_flags(uint16_t flags)
{
    return (uint16_t)(FLAG_REPLY | (flags & FLAG_CHECKSUM));
}

size_t reply_begin(struct request *rq)
{
    return frame_begin(&rq->conn->out);
}

void reply_end(struct request *rq, size_t at)
{
    struct frame f = {.opcode = rq->frame.opcode,
                      .flags = reply_flags(rq->frame.flags),
                      .request_id = rq->frame.request_id,
                      .time = (uint32_t)(clock_mono_us() - rq->received_us)};
    frame_end(&rq->conn->out, at, &f);
}

struct reply_address reply_address_of(const struct request *rq)
{
    return (struct reply_address){rq->conn->id, rq->frame.request_id, rq->frame.flags,
                                  rq->frame.opcode, rq->received_us};
}

static struct conn *answered(struct front *f, const struct reply_address *to)
{
    struct conn *c = conn_find(f, to->conn_id);
    if (c) {
        c->in_flight--;
        conn_touch(c);
    }
    return c;
}

void reply_later(struct front *f, const struct reply_address *to, enum status s, struct slice body)
{
    struct conn *c = answered(f, to);
    if (!c)
        return;
    size_t at = frame_begin(&c->out);
    buf_put_slice(&c->out, body);
    struct frame reply = {.opcode = to->opcode,
                          .flags = reply_flags(to->flags),
                          .status = s,
                          .request_id = to->request_id,
                          .time = (uint32_t)(clock_mono_us() - to->received_us)};
    frame_end(&c->out, at, &reply);
}

void reply_fault_later(struct front *f, const struct reply_address *to, const struct fault *fault)
{
    struct conn *c = answered(f, to);
    if (!c)
        return;
    struct frame request = {.opcode = to->opcode, .flags = to->flags, .request_id = to->request_id};
    frame_put_error(&c->out, &request, fault);
}

void dispatch(struct front *f, struct request *rq)
{
    struct conn *c = rq->conn;
    struct fault fault = {0};
    size_t before = c->out.len;
    enum status s = STATUS_UNSUPPORTED;
    handler_fn fn =
        rq->frame.opcode < sizeof handlers / sizeof handlers[0] ? handlers[rq->frame.opcode] : NULL;
    if (rq->deadline_us < clock_mono_us())
        s = STATUS_DEADLINE;
    else if (fn)
        s = fn(f, rq, &fault);
    arena_reset(&f->arena);
    if (s == STATUS_AGAIN)
        return;
    c->in_flight--;
    conn_touch(c);
    if (s == STATUS_OK && !c->out.failed)
        return;
    /* A reply that was begun is taken back. */
    if (c->out.failed)
        s = STATUS_NO_MEMORY;
    c->out.failed = false;
    c->out.len = before;
    fault.status = s;
    if (s == STATUS_OVERLOADED && !fault.retry_after_ms)
        fault.retry_after_ms = 50 + (uint32_t)(rq->received_us & 63);
    frame_put_error(&c->out, &rq->frame, &fault);
    atomic_fetch_add_explicit(&f->role->self->errors, 1, memory_order_relaxed);
}
