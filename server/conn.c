#include "server/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/clients.h"
#include "server/conn_io.h"
#include "server/front.h"
#include "server/front_keys.h"

enum {
    REFUSALS_MOST = 8192,
    CONN_KEEP = 16384,
    OUT_KEEP = 262144,
    HOARD_BYTES = 1048576,
    HOARD_UNSENT = 4194304,
    HOARD_MS = 1000,
    INBOX = 1024 * 1024,
    QUIET_MS = 100
};
enum { SPARES = sizeof((struct conn_table *)0)->spares / sizeof(struct buf) };

bool conn_table_init(struct conn_table *t, uint32_t most)
{
    *t = (struct conn_table){.most = most, .inbox = malloc(INBOX)};
    return t->inbox != NULL;
}

void conn_table_fini(struct conn_table *t)
{
    for (uint32_t i = 0; i < t->cap; i++)
        if (t->slots[i])
            conn_destroy(t->slots[i]);
    while (t->spare_count)
        buf_fini(&t->spares[--t->spare_count]);
    free(t->slots);
    free(t->inbox);
}

/* --- sending ---------------------------------------------------------------------------------- */

bool conn_full(const struct conn *c)
{
    return c->out.len - c->out_at > c->front->output_most;
}

/* An output buffer belongs to a connection only while it has something to send. */
static void output_borrow(struct conn *c)
{
    struct conn_table *t = &c->front->conns;
    if (!c->out.cap && t->spare_count)
        c->out = t->spares[--t->spare_count];
}

static void output_return(struct conn *c)
{
    struct conn_table *t = &c->front->conns;
    if (c->out.cap > OUT_KEEP || t->spare_count == SPARES)
        buf_fini(&c->out);
    else if (c->out.cap)
        t->spares[t->spare_count++] = c->out;
    c->out = BUF_INIT;
}

static bool conn_send(struct conn *c)
{
    c->refusals = 0;
    c->flushed_us = c->front->now_us;
    while (c->out_at < c->out.len) {
        ssize_t n = conn_io_send(c, c->out.ptr + c->out_at, c->out.len - c->out_at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            if (!c->send_pace.since_ms)
                c->send_pace = (struct pace){c->front->now_us / 1000, 0};
            buf_let_go(&c->out, &c->out_at, OUT_KEEP); /* a slow reader asks on */
            return true;
        }
        if (n < 0)
            return false;
        c->out_at += (size_t)n;
        c->send_pace.bytes += (uint64_t)n;
        c->front->bytes_out += (uint64_t)n;
    }
    c->out_at = 0;
    c->send_pace.since_ms = 0;
    buf_clear(&c->out);
    output_return(c);
    return true;
}

void conn_send_ready(struct front *f)
{
    for (struct conn *c = f->conns.touched; c; c = c->next_touched)
        if (c->out.len > c->refusals && !c->out.failed && conn_send(c))
            output_borrow(c); /* a peer that is gone is found so again at the end */
}

/* --- life ------------------------------------------------------------------------------------- */

static void on_ready(void *ctx, int fd, int events)
{
    (void)fd;
    struct conn *c = ctx;
    if (events & LOOP_WRITE)
        conn_touch(c);
    if (events & LOOP_READ || conn_io_read_waits(c))
        conn_readable(c); /* may end it */
}

static bool table_grow(struct conn_table *t)
{
    uint32_t cap = t->cap ? t->cap * 2 : 64;
    struct conn **slots = realloc(t->slots, cap * sizeof(struct conn *));
    if (!slots)
        return false;
    memset(slots + t->cap, 0, (cap - t->cap) * sizeof(struct conn *));
    t->slots = slots;
    t->cap = cap;
    return true;
}

struct conn *conn_create(struct front *f, int fd, uint8_t queue_most)
{
    struct conn_table *t = &f->conns;
    struct conn *c = t->count < t->cap || table_grow(t) ? calloc(1, sizeof *c) : NULL;
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
    c->listen_most = queue_most;
    front_keys_begin(c);
    c->client = clients_join(&f->clients, SLICE_NULL);
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
    output_borrow(c);
}

void conn_answered(struct conn *c)
{
    c->in_flight--;
    c->client->in_flight--;
    conn_touch(c);
}

void conn_end(struct conn *c)
{
    c->state = CONN_CLOSING;
    conn_touch(c);
}

static void unlink_touched(struct conn *c)
{
    struct conn **at = &c->front->conns.touched;
    while (c->touched && *at != c)
        at = &(*at)->next_touched;
    if (c->touched)
        *at = c->next_touched;
    at = &c->front->conns.again;
    while (c->again && *at != c)
        at = &(*at)->next_again;
    if (c->again)
        *at = c->next_again;
}

void conn_destroy(struct conn *c)
{
    struct front *f = c->front;
    unlink_touched(c);
    if (c->waiting) /* nobody is there to answer any more */
        f->cancelled += admission_forget(&f->admission, c->id);
    conn_refusing_forget(c);
    front_keys_release(c);
    c->client->in_flight -= c->in_flight;
    clients_leave(&f->clients, c->client);
    f->conns.slots[c->slot] = NULL;
    f->conns.count--;
    atomic_store(&f->role->self->connections, f->conns.count);
    loop_watch_destroy(&c->watch);
    if (c->tls) {
        tls_link_destroy(&c->tls);
        atomic_fetch_sub_explicit(&f->role->self->tls.connections, 1, memory_order_relaxed);
    }
    close(c->fd);
    buf_clear(&c->out);
    output_return(c);
    if (!c->known && c->in.cap) /* a part of a HELLO */
        explicit_bzero(c->in.ptr, c->in.cap);
    buf_fini(&c->in);
    free(c);
}

/* --- the end of the pass ---------------------------------------------------------------------- */

static void input_shift(struct conn *c)
{
    size_t left = c->in.len - c->in_at;
    if (c->backlog &&
        left > c->in_at) /* later, lest a long backlog is moved for every few frames */
        return;
    if (c->in_at && left)
        memmove(c->in.ptr, c->in.ptr + c->in_at, left);
    c->in.len = left;
    c->in_at = 0;
    if (!left && c->in.cap)
        buf_fini(&c->in);
}

/* Nothing but refusals is to be sent, the last write was a moment ago, and the next pass comes. */
static bool may_stay(const struct conn *c)
{
    const struct front *f = c->front;
    return c->refusals && c->refusals == c->out.len && c->refusals < REFUSALS_MOST &&
           c->state == CONN_OPEN && !c->out.failed && !admission_idle(&f->admission) &&
           f->now_us - c->flushed_us < CONN_REFUSALS_US;
}

static void want(struct conn *c)
{
    bool reads = c->state == CONN_OPEN && !c->backlog && !conn_full(c) && !c->held_until_ms &&
                 c->in_flight < c->front->in_flight_most;
    bool writes = (c->out.len && !c->touched) || conn_io_read_waits(c);
    if (reads == c->unwatched)
        conn_watched(c, reads);
    loop_watch_set(c->watch, (reads ? LOOP_READ : 0) | (writes ? LOOP_WRITE : 0));
}

static void look_again(struct conn *c)
{
    struct conn_table *t = &c->front->conns;
    if (!c->backlog || c->again || c->held_until_ms || c->waiting >= CONN_WAITING || conn_full(c) ||
        c->in_flight >= c->front->in_flight_most)
        return;
    c->again = true;
    c->next_again = t->again;
    t->again = c;
}

void conn_flush_touched(struct front *f, bool all)
{
    struct conn *c, *later = NULL;
    while ((c = f->conns.touched)) {
        f->conns.touched = c->next_touched;
        c->touched = !all && may_stay(c);
        if (c->in.len || c->in.cap)
            input_shift(c);
        if (c->touched) {
            c->next_touched = later;
            later = c;
        } else if (c->out.failed || !conn_send(c) ||
                   (c->state == CONN_CLOSING && !c->out.len && !c->in_flight)) {
            conn_destroy(c);
            continue;
        }
        look_again(c);
        want(c);
    }
    f->conns.touched = later;
}

/* --- those who are slow or quiet -------------------------------------------------------------- */

/* True when the bytes of the last while came slower than limits.slow_rate. */
static bool too_slow(struct pace *p, int64_t now_ms, int64_t slow_ms, uint64_t rate)
{
    int64_t since = now_ms - p->since_ms;
    if (!p->since_ms || since < slow_ms)
        return false;
    bool slow = p->bytes < rate * (uint64_t)since / 1000;
    *p = (struct pace){now_ms, 0};
    return slow;
}

/* Memory is out, and much of it is the beginning of a frame, or a reply, that takes its time: at
 * limits.slow_rate it could stay for an hour, while nobody else is let in. */
static bool hoards(const struct conn *c, int64_t now_ms)
{
    if (c->front->memory < MEMORY_OUT)
        return false;
    bool in = c->in.len - c->in_at > HOARD_BYTES && c->frame_pace.since_ms &&
              now_ms - c->frame_pace.since_ms > HOARD_MS;
    bool out = c->out.len - c->out_at > HOARD_UNSENT && c->send_pace.since_ms &&
               now_ms - c->send_pace.since_ms > HOARD_MS;
    return in || out;
}

void conn_sweep(struct front *f, int64_t now_ms)
{
    const struct config *o = f->role->config;
    int64_t idle = (int64_t)config_number(o, OPTION_IDLE) / (f->memory >= MEMORY_TIGHT ? 10 : 1);
    int64_t first = (int64_t)config_number(o, OPTION_FIRST_FRAME);
    int64_t slow = (int64_t)config_number(o, OPTION_SLOW);
    uint64_t rate = config_number(o, OPTION_SLOW_RATE);
    for (uint32_t i = 0; i < f->conns.cap; i++) {
        struct conn *c = f->conns.slots[i];
        if (!c)
            continue;
        bool silent = (!c->framed || !c->known) && now_ms - c->opened_ms > first;
        if (hoards(c, now_ms) || too_slow(&c->frame_pace, now_ms, slow, rate) ||
            too_slow(&c->send_pace, now_ms, slow, rate)) {
            f->cut_slow++;
            conn_destroy(c);
        } else if ((silent && !c->held_until_ms) || (!c->in_flight && now_ms - c->last_ms > idle)) {
            f->cut_idle++;
            conn_destroy(c);
        }
    }
}

void conn_drain_all(struct front *f)
{
    for (uint32_t i = 0; i < f->conns.cap; i++) {
        struct conn *c = f->conns.slots[i];
        if (!c || c->goaway || c->state != CONN_OPEN)
            continue;
        conn_touch(c);
        size_t at = frame_begin(&c->out);
        frame_end(&c->out, at, &(struct frame){.opcode = OP_GOAWAY});
        c->goaway = true;
    }
}

uint32_t conn_drain_step(struct front *f, int64_t now_ms, bool all)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < f->conns.cap; i++) {
        struct conn *c = f->conns.slots[i];
        if (!c)
            continue;
        left++;
        if (!c->in_flight && !c->in.len && (all || now_ms - c->last_ms > QUIET_MS))
            conn_end(c);
    }
    return left;
}
