#include "server/front_trace.h"

static const struct operation operations[] = {
#define OPERATION(opcode, handler, queue, at_once, needs, scopes, access)                          \
    [OP_##opcode] = {handler, QUEUE_##queue, at_once, needs, scopes, ACCESS_##access},
#include "server/operations.def"
#undef OPERATION
};

static const struct operation unknown = {handle_unknown, QUEUE_CRITICAL, true, 0,
                                         SCOPE_ALL,      ACCESS_NOTHING};

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

/* Its key was looked at when it came; by now it may be another one, or none. */
static enum status run(struct front *f, struct request *rq, struct fault *fault)
{
    const struct operation *o = operation_of(rq->frame.opcode);
    struct key *key = rq->conn->key;
    enum status s = STATUS_OK;
    if (!(key->scopes & o->scopes))
        s = key->known ? access_forbid(key, rq->frame.opcode, o->scopes, fault)
                       : fault_set(fault, STATUS_UNAUTHENTICATED, "key",
                                   "the API key of this connection is no more");
    else
        s = access_allowed(key, o->access, &rq->frame, fault);
    key->forbidden += s == STATUS_FORBIDDEN;
    return s ? s : o->handler(f, rq, fault);
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
    enum status s = rq->deadline_us < f->now_us ? STATUS_DEADLINE : run(f, rq, &fault);
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
