#include "server/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/front.h"

enum { CONN_FRAMES = 64, CONN_BYTES = 256 * 1024, CONN_READ = 16384, CONN_KEEP = 65536 };

static void conn_want(struct conn *c)
{
    size_t waiting = c->out.len - c->out_at;
    bool full = waiting > config_number(c->front->role->config, OPTION_OUTPUT) ||
                c->in_flight >= config_number(c->front->role->config, OPTION_IN_FLIGHT);
    loop_watch_set(c->watch,
                   (full || c->state == CONN_CLOSING ? 0 : LOOP_READ) | (waiting ? LOOP_WRITE : 0));
}

static void refuse(struct conn *c, const struct frame *f, enum status s)
{
    struct fault fault = {0};
    if (s == STATUS_OVERLOADED)
        fault.retry_after_ms = 50 + (uint32_t)(c->id * 2654435761u >> 7) % 100;
    fault_set(&fault, s, NULL, "%s", status_text(s));
    frame_put_error(&c->out, f, &fault);
    atomic_fetch_add_explicit(&c->front->role->self->refused, 1, memory_order_relaxed);
    conn_touch(c);
}

static void take_frame(struct conn *c, const struct frame *f, int64_t now_us)
{
    struct front *front = c->front;
    if (f->flags & FLAG_REPLY)
        return;
    atomic_fetch_add_explicit(&front->role->self->requests, 1, memory_order_relaxed);
    if (f->opcode == OP_CANCEL) { /* the body is empty: the header's request id names whom */
        if (admission_cancel(&front->admission, c->id, f->request_id) ||
            park_cancel(front, c->id, f->request_id) ||
            through_cancel(front, c->id, f->request_id)) {
            refuse(c, f, STATUS_CANCELLED);
            c->in_flight--;
        }
        return;
    }
    if (front->draining) {
        refuse(c, f, STATUS_GOING_AWAY);
        return;
    }
    uint64_t ms = f->time ? f->time : config_number(front->role->config, OPTION_DEADLINE);
    enum status s = admission_add(&front->admission, c->id, f, now_us, now_us + (int64_t)ms * 1000);
    if (s)
        refuse(c, f, s);
    else
        c->in_flight++;
}

/* Somebody who does not speak the protocol, or breaks it: a line or an error frame, then the end.
 */
static void break_off(struct conn *c, enum status s, bool first)
{
    struct slice line;
    if (first && !c->framed &&
        frame_stranger(slice_make(c->in.ptr + c->in_at, c->in.len - c->in_at), &line)) {
        buf_put_slice(&c->out, line);
    } else {
        struct frame none = {0};
        struct fault fault = {0};
        fault_set(&fault, s, NULL, "%s", status_text(s));
        frame_put_error(&c->out, &none, &fault);
    }
    atomic_fetch_add_explicit(&c->front->role->self->errors, 1, memory_order_relaxed);
    conn_end(c);
}

static void take_frames(struct conn *c)
{
    int64_t now = clock_mono_us();
    int frames = 0;
    bool first = c->in_at == 0;
    while (c->state == CONN_OPEN && c->in_at < c->in.len && frames++ < CONN_FRAMES) {
        struct frame f;
        size_t used, need;
        enum status s = frame_decode(slice_make(c->in.ptr + c->in_at, c->in.len - c->in_at),
                                     (uint32_t)config_number(c->front->role->config, OPTION_FRAME),
                                     &f, &used, &need);
        if (s == STATUS_AGAIN) {
            buf_reserve(&c->in, need > c->in.len - c->in_at ? need - (c->in.len - c->in_at) : 0);
            break;
        }
        if (s && s != STATUS_BAD_CHECKSUM) {
            break_off(c, s, first);
            return;
        }
        c->framed = true;
        c->last_ms = now / 1000;
        c->in_at += used;
        if (s)
            refuse(c, &f, s);
        else
            take_frame(c, &f, now);
    }
    if (c->in_at == c->in.len) {
        buf_clear(&c->in);
        c->in_at = 0;
        if (c->in.cap > CONN_KEEP)
            buf_fini(&c->in);
    } else if (c->in_at > CONN_KEEP) {
        memmove(c->in.ptr, c->in.ptr + c->in_at, c->in.len - c->in_at);
        c->in.len -= c->in_at;
        c->in_at = 0;
    }
}

static bool conn_read(struct conn *c)
{
    size_t got = 0;
    while (got < CONN_BYTES) {
        size_t room = c->in.cap - c->in.len > CONN_READ ? c->in.cap - c->in.len : CONN_READ;
        if (!buf_reserve(&c->in, room))
            return false;
        ssize_t n = recv(c->fd, c->in.ptr + c->in.len, room, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0)
            return false;
        c->in.len += (size_t)n;
        got += (size_t)n;
        if ((size_t)n < room)
            break;
    }
    atomic_fetch_add_explicit(&c->front->role->self->bytes_in, got, memory_order_relaxed);
    return true;
}

static bool conn_send(struct conn *c)
{
    while (c->out_at < c->out.len) {
        ssize_t n = send(c->fd, c->out.ptr + c->out_at, c->out.len - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n < 0)
            return false;
        c->out_at += (size_t)n;
        atomic_fetch_add_explicit(&c->front->role->self->bytes_out, (uint64_t)n,
                                  memory_order_relaxed);
    }
    c->out_at = 0;
    if (c->out.cap > CONN_KEEP * 4)
        buf_fini(&c->out);
    buf_clear(&c->out);
    return true;
}

static void on_ready(void *ctx, int fd, int events)
{
    (void)fd;
    struct conn *c = ctx;
    if (events & LOOP_READ && !conn_read(c)) {
        conn_destroy(c);
        return;
    }
    if (events & LOOP_READ)
        take_frames(c);
    conn_touch(c);
}

struct conn *conn_create(struct front *f, int fd)
{
    struct conn_table *t = &f->conns;
    if (t->count == t->cap) {
        uint32_t cap = t->cap ? t->cap * 2 : 64;
        struct conn **slots = realloc(t->slots, cap * sizeof(struct conn *));
        if (!slots) {
            close(fd);
            return NULL;
        }
        memset(slots + t->cap, 0, (cap - t->cap) * sizeof(struct conn *));
        t->slots = slots;
        t->cap = cap;
    }
    struct conn *c = calloc(1, sizeof *c);
    if (!c || !(c->watch = loop_watch_create(f->loop, fd, LOOP_READ, on_ready, c))) {
        free(c);
        close(fd);
        return NULL;
    }
    while (t->slots[t->hint % t->cap])
        t->hint++;
    c->slot = t->hint++ % t->cap;
    c->id = ++t->next_serial << 24 | c->slot;
    c->fd = fd;
    c->front = f;
    c->opened_ms = c->last_ms = clock_mono_ms();
    t->slots[c->slot] = c;
    t->count++;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    atomic_store(&f->role->self->connections, t->count);
    atomic_fetch_add(&f->role->self->accepted, 1);
    return c;
}

struct conn *conn_find(struct front *f, uint64_t id)
{
    uint32_t slot = id & 0xffffff;
    struct conn *c = slot < f->conns.cap ? f->conns.slots[slot] : NULL;
    return c && c->id == id ? c : NULL;
}

void conn_touch(struct conn *c)
{
    if (c->touched)
        return;
    c->touched = true;
    c->next_touched = c->front->conns.touched;
    c->front->conns.touched = c;
}

void conn_flush_touched(struct front *f)
{
    struct conn *c;
    while ((c = f->conns.touched)) {
        f->conns.touched = c->next_touched;
        c->touched = false;
        if (c->out.failed || !conn_send(c) ||
            (c->state == CONN_CLOSING && !c->out.len && !c->in_flight)) {
            conn_destroy(c);
            continue;
        }
        /* Frames read earlier but left by the budget of the pass. */
        if (c->state == CONN_OPEN && c->in_at < c->in.len &&
            c->out.len - c->out_at <= config_number(f->role->config, OPTION_OUTPUT)) {
            size_t before = c->in_at;
            take_frames(c);
            if (c->in.len && c->in_at != before)
                loop_busy(f->loop, true);
        }
        conn_want(c);
    }
}

void conn_end(struct conn *c)
{
    c->state = CONN_CLOSING;
    conn_touch(c);
}

void conn_destroy(struct conn *c)
{
    struct front *f = c->front;
    if (c->touched) {
        struct conn **at = &f->conns.touched;
        while (*at != c)
            at = &(*at)->next_touched;
        *at = c->next_touched;
    }
    f->conns.slots[c->slot] = NULL;
    f->conns.count--;
    atomic_store(&f->role->self->connections, f->conns.count);
    loop_watch_destroy(&c->watch);
    close(c->fd);
    buf_fini(&c->in);
    buf_fini(&c->out);
    free(c);
}

void conn_sweep(struct front *f, int64_t now_ms)
{
    int64_t idle = (int64_t)config_number(f->role->config, OPTION_IDLE);
    int64_t first = (int64_t)config_number(f->role->config, OPTION_FIRST_FRAME);
    for (uint32_t i = 0; i < f->conns.cap; i++) {
        struct conn *c = f->conns.slots[i];
        if (!c || c->in_flight)
            continue;
        bool silent = !c->framed && now_ms - c->opened_ms > first;
        if (silent || now_ms - c->last_ms > idle || c->state == CONN_CLOSING)
            conn_destroy(c);
    }
}

void conn_drain_all(struct front *f)
{
    for (uint32_t i = 0; i < f->conns.cap; i++) {
        struct conn *c = f->conns.slots[i];
        if (!c || c->goaway || c->state != CONN_OPEN)
            continue;
        size_t at = frame_begin(&c->out);
        frame_end(&c->out, at, &(struct frame){.opcode = OP_GOAWAY});
        c->goaway = true;
        conn_touch(c);
    }
}
