#include "server/front_trace.h"

/*
 * Which function answers which opcode, and the best class it may run in (its queue). `at_once`: too
 * small to be worth a queue. `needs`: refused while the ladder has that off. PING is the smallest
 * one to copy.
 */
static const struct operation operations[] = {
    [OP_HELLO] = {handle_hello, QUEUE_CRITICAL, true, 0},
    [OP_PING] = {handle_ping, QUEUE_CRITICAL, true, 0},
    [OP_CATALOG] = {handle_catalog, QUEUE_DEFAULT, false, 0},
    [OP_SEARCH] = {handle_search, QUEUE_CRITICAL, false, 0},
    [OP_MULTI_SEARCH] = {handle_multi_search, QUEUE_CRITICAL, false, 0},
    [OP_GET] = {handle_get, QUEUE_CRITICAL, false, 0},
    [OP_PUT] = {handle_put, QUEUE_INGEST, false, 0},
    [OP_WAIT] = {handle_wait, QUEUE_DEFAULT, false, 0},
    [OP_STATS] = {handle_stats, QUEUE_DEFAULT, false, 0},
    [OP_SCAN] = {handle_scan, QUEUE_BACKGROUND, false, 1u << LADDER_BACKGROUND},
    [OP_DELETE] = {handle_delete, QUEUE_INGEST, false, 0},
    [OP_UPSTREAM] = {handle_upstream, QUEUE_DEFAULT, false, 0},
    [OP_SAFE_MODE] = {handle_safe_mode, QUEUE_DEFAULT, false, 0},
    [OP_DEGRADE] = {handle_degrade, QUEUE_DEFAULT, false, 0},
    [OP_SUGGEST] = {handle_suggest, QUEUE_DEFAULT, false, 1u << LADDER_SUGGESTIONS},
    [OP_QUERIES] = {handle_queries, QUEUE_DEFAULT, false, 0},
    [OP_LOG_READ] = {handle_replica, QUEUE_BACKGROUND, false, 0},
    [OP_COPY_READ] = {handle_replica, QUEUE_BACKGROUND, false, 1u << LADDER_BACKGROUND},
    [OP_PROMOTE] = {handle_promote, QUEUE_DEFAULT, false, 0},
    [OP_GOAWAY] = {handle_goaway, QUEUE_CRITICAL, true, 0},
};

static const struct operation unknown = {handle_unknown, QUEUE_CRITICAL, true, 0};

const struct operation *operation_of(uint8_t opcode)
{
    bool known = opcode < sizeof operations / sizeof operations[0] && operations[opcode].handler;
    return known ? &operations[opcode] : &unknown;
}

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
    struct front *front = rq->conn->front;
    front->now_us = clock_mono_us();
    latency_note(front->role->self->latency, rq->frame.opcode, front->now_us - rq->received_us);
    struct frame f = {.opcode = rq->frame.opcode,
                      .flags = reply_flags(rq->frame.flags),
                      .request_id = rq->frame.request_id,
                      .time = (uint32_t)(front->now_us - rq->received_us)};
    frame_end(&rq->conn->out, at, &f);
}

struct reply_address reply_address_of(const struct request *rq)
{
    return (struct reply_address){rq->conn->id,     rq->frame.request_id, rq->frame.flags,
                                  rq->frame.opcode, rq->received_us,      rq->trace};
}

static struct conn *answered(struct front *f, const struct reply_address *to, enum status s)
{
    struct conn *c = conn_find(f, to->conn_id);
    struct request_trace *trace = to->trace;
    front_trace_end(f, &trace, to->opcode, to->received_us, c ? s : STATUS_CANCELLED);
    if (c)
        conn_answered(c);
    return c;
}

void reply_later(struct front *f, const struct reply_address *to, enum status s, struct slice body)
{
    struct conn *c = answered(f, to, s);
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
    struct conn *c = answered(f, to, fault->status);
    if (!c)
        return;
    struct frame request = {.opcode = to->opcode, .flags = to->flags, .request_id = to->request_id};
    frame_put_error(&c->out, &request, fault);
}

/* A reply that was begun is taken back; an error takes its place. */
static void answer_error(struct request *rq, size_t before, enum status s, struct fault *fault)
{
    struct conn *c = rq->conn;
    c->out.failed = false;
    c->out.len = before;
    if (s == STATUS_OVERLOADED && !fault->text[0] && !fault->retry_after_ms) {
        conn_refuse(c, &rq->frame, s, conn_retry_ms(c->front));
        return;
    }
    fault->status = s;
    if (s == STATUS_OVERLOADED && !fault->retry_after_ms)
        fault->retry_after_ms = conn_retry_ms(c->front);
    frame_put_error(&c->out, &rq->frame, fault);
    c->front->errors++;
}

/* A page that is ready behind its deadline: nobody waits for it any more. What changes something is
 * told of whenever it is done. */
static bool too_late(const struct request *rq)
{
    static const uint32_t pages =
        1u << OP_SEARCH | 1u << OP_MULTI_SEARCH | 1u << OP_GET | 1u << OP_SUGGEST;
    return rq->frame.opcode < 32 && pages >> rq->frame.opcode & 1 &&
           rq->deadline_us < rq->conn->front->now_us;
}

void dispatch(struct front *f, struct request *rq)
{
    struct conn *c = rq->conn;
    struct fault fault;
    fault.status = STATUS_OK;
    fault.text[0] = fault.field[0] = '\0';
    fault.item = fault.line = fault.column = fault.retry_after_ms = 0;
    conn_touch(c); /* now it has an output buffer */
    size_t before = c->out.len;
    if (front_trace_wanted(f, &rq->frame))
        front_trace_begin(f, rq);
    f->running = rq;
    enum status s = rq->deadline_us < f->now_us
                        ? STATUS_DEADLINE
                        : operation_of(rq->frame.opcode)->handler(f, rq, &fault);
    f->running = NULL;
    arena_reset(&f->arena);
    if (s == STATUS_AGAIN)
        return;
    if (c->out.failed)
        s = STATUS_NO_MEMORY;
    else if (!s && too_late(rq))
        s = STATUS_DEADLINE;
    if (s)
        answer_error(rq, before, s, &fault);
    if (rq->trace)
        front_trace_end(f, &rq->trace, rq->frame.opcode, rq->received_us, s);
    conn_answered(c);
}
