#include "loadtest/link.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "loadtest/clock.h"
#include "protocol/hello.h"

static const uint32_t HELLO_ID = UINT32_MAX; /* no slot has it: slots end at 65,000 */
enum { RETRY_NS = 50 * 1000 * 1000, READS = 4 };

enum status link_init(struct link *l, uint32_t number, int epoll, uint32_t slots)
{
    *l = (struct link){.fd = -1, .epoll = epoll, .number = number};
    l->slot_count = slots > 65000 ? 65000 : slots;
    l->limit = l->slot_count;
    l->slots = calloc(l->slot_count, sizeof *l->slots);
    return l->slots ? STATUS_OK : STATUS_NO_MEMORY;
}

void link_fini(struct link *l)
{
    tls_link_destroy(&l->tls);
    if (l->fd >= 0)
        close(l->fd);
    buf_fini(&l->in);
    buf_fini(&l->out);
    free(l->slots);
    *l = (struct link){.fd = -1};
}

static void put_hello(struct link *l)
{
    struct hello h = {.min_version = 1,
                      .max_version = 1,
                      .features = HELLO_FEATURES,
                      .max_frame = FRAME_MAX_BODY,
                      .name = SLICE_LIT("souk-load"),
                      .key = slice_str(l->key)};
    size_t at = frame_begin(&l->out);
    hello_encode(&h, 1 + l->number, &l->out);
    frame_end(&l->out, at, &(struct frame){.opcode = OP_HELLO, .request_id = HELLO_ID});
}

static void watch(struct link *l, int how, bool write)
{
    struct epoll_event e = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.u32 = l->number};
    epoll_ctl(l->epoll, how, l->fd, &e);
    l->want_write = write;
}

enum status link_open(struct link *l, const struct sockaddr *address, socklen_t len, uint64_t now)
{
    int on = 1;
    l->retry_ns = now + RETRY_NS;
    l->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return STATUS_UNAVAILABLE;
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(l->fd, address, len) && errno != EINPROGRESS && errno != EAGAIN) {
        close(l->fd);
        l->fd = -1;
        return STATUS_UNAVAILABLE;
    }
    l->state = LINK_CONNECTING;
    buf_clear(&l->in);
    buf_clear(&l->out);
    l->out_at = 0;
    put_hello(l);
    watch(l, EPOLL_CTL_ADD, true);
    return STATUS_OK;
}

static void release(struct link *l, struct pending *p)
{
    uint32_t i = (uint32_t)(p - l->slots);
    p->used = false;
    p->next_free = (uint16_t)l->free_head;
    l->free_head = i + 1;
    l->in_flight--;
}

void link_close(struct link *l, const struct link_handler *h, uint64_t now)
{
    tls_link_destroy(&l->tls);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    l->state = LINK_DOWN;
    l->fresh_count = 0;
    l->retry_ns = now + RETRY_NS;
    for (uint32_t i = 0; i < l->high; i++)
        if (l->slots[i].used) {
            h->fail(h->ctx, l, &l->slots[i], FAILURE_DISCONNECTED, now);
            release(l, &l->slots[i]);
        }
}

struct pending *link_put(struct link *l, const struct frame *head, uint64_t intended_ns,
                         uint64_t expires_ns)
{
    uint32_t i = l->free_head ? l->free_head - 1 : l->high++;
    struct pending *p = &l->slots[i];
    if (l->free_head)
        l->free_head = p->next_free;
    uint16_t generation = (uint16_t)(p->generation + 1);
    *p = (struct pending){.intended_ns = intended_ns,
                          .expires_ns = expires_ns,
                          .generation = generation == UINT16_MAX ? 0 : generation,
                          .used = true};
    struct frame f = *head;
    f.request_id = (uint32_t)p->generation << 16 | i;
    size_t at = frame_begin(&l->out);
    buf_put_slice(&l->out, head->body);
    frame_end(&l->out, at, &f);
    l->in_flight++;
    l->fresh[l->fresh_count++] = (uint16_t)i;
    return p;
}

/* What was put counts as sent now: the socket's own buffer is the server's affair. */
static void mark_sent(struct link *l, const struct link_handler *h)
{
    uint64_t now = clock_ns();
    for (uint32_t i = 0; i < l->fresh_count; i++) {
        struct pending *p = &l->slots[l->fresh[i]];
        p->sent_ns = now;
        h->sent(h->ctx, p);
    }
    l->fresh_count = 0;
}

void link_flush(struct link *l, const struct link_handler *h)
{
    if (l->fresh_count)
        mark_sent(l, h);
    if (l->state != LINK_UP && l->state != LINK_DRAINING)
        return;
    while (l->out_at < l->out.len) {
        const char *at = l->out.ptr + l->out_at;
        size_t len = l->out.len - l->out_at;
        ssize_t n = l->tls ? tls_link_send(l->tls, at, len)
                           : send(l->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            l->out_at += (size_t)n;
        } else if (errno == EAGAIN) {
            if (!l->want_write)
                watch(l, EPOLL_CTL_MOD, true);
            return;
        } else if (errno != EINTR) {
            link_close(l, h, clock_ns());
            return;
        }
    }
    buf_clear(&l->out);
    l->out_at = 0;
    if (l->want_write)
        watch(l, EPOLL_CTL_MOD, false);
}

static void on_hello(struct link *l, const struct frame *f)
{
    struct hello h;
    if (f->status || hello_decode(f->body, &h))
        return;
    if (h.max_in_flight && h.max_in_flight < l->limit)
        l->limit = h.max_in_flight;
}

static void on_frame(struct link *l, const struct frame *f, const struct link_handler *h,
                     uint64_t now)
{
    if (f->opcode == OP_GOAWAY) {
        if (l->state == LINK_UP)
            l->state = LINK_DRAINING;
        h->goaway(h->ctx);
        return;
    }
    if (!(f->flags & FLAG_REPLY) || f->flags & FLAG_MORE)
        return;
    if (f->request_id == HELLO_ID) {
        on_hello(l, f);
        return;
    }
    uint32_t i = f->request_id & 0xffff;
    if (i >= l->high || !l->slots[i].used || l->slots[i].generation != f->request_id >> 16)
        return; /* given up before */
    h->reply(h->ctx, l, &l->slots[i], f, now);
    release(l, &l->slots[i]);
}

/* Takes the whole frames at the start of the bytes; returns how many bytes that were, or SIZE_MAX
 * when they break the protocol. */
static size_t take_frames(struct link *l, struct slice bytes, const struct link_handler *h,
                          uint64_t now)
{
    size_t at = 0, used, need;
    while (at < bytes.len) {
        struct frame f;
        enum status s = frame_decode(slice_make(bytes.ptr + at, bytes.len - at), FRAME_MAX_BODY, &f,
                                     &used, &need);
        if (s == STATUS_AGAIN)
            break;
        if (s)
            return SIZE_MAX;
        on_frame(l, &f, h, now);
        at += used;
    }
    return at;
}

/* Bytes that begin a frame are kept in l->in; otherwise they are taken where they were read. */
static bool take_bytes(struct link *l, struct slice got, const struct link_handler *h, uint64_t now)
{
    if (l->in.len) {
        buf_put_slice(&l->in, got);
        got = buf_slice(&l->in);
    }
    size_t used = l->in.failed ? SIZE_MAX : take_frames(l, got, h, now);
    if (used == SIZE_MAX)
        return false;
    struct slice rest = slice_make(got.ptr + used, got.len - used);
    if (l->in.len) {
        memmove(l->in.ptr, rest.ptr, rest.len);
        l->in.len = rest.len;
    } else {
        buf_put_slice(&l->in, rest);
    }
    return true;
}

static void on_readable(struct link *l, struct buf *room, const struct link_handler *h)
{
    for (int i = 0; i < READS; i++) {
        ssize_t n = l->tls ? tls_link_recv(l->tls, room->ptr, room->cap)
                           : recv(l->fd, room->ptr, room->cap, MSG_DONTWAIT);
        uint64_t now = clock_ns();
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0 || !take_bytes(l, slice_make(room->ptr, (size_t)n), h, now)) {
            link_close(l, h, now);
            return;
        }
        if ((size_t)n < room->cap)
            break;
    }
    if (l->state == LINK_DRAINING && !l->in_flight) {
        link_close(l, h, clock_ns());
        l->retry_ns = 0;
    }
}

/* The next step of the handshake: true when it is over. */
static bool shaken(struct link *l, const struct link_handler *h)
{
    enum status st = l->tls ? STATUS_OK : tls_link_create(l->context, l->fd, l->host, &l->tls);
    st = st ? st : tls_link_handshake(l->tls);
    if (st == STATUS_AGAIN)
        watch(l, EPOLL_CTL_MOD, tls_link_wants(l->tls) & TLS_WANT_WRITE);
    else if (st)
        link_close(l, h, clock_ns());
    return !st;
}

void link_ready(struct link *l, uint32_t events, struct buf *room, const struct link_handler *h)
{
    if (l->fd < 0)
        return;
    if (l->state == LINK_CONNECTING) {
        int error = 0;
        socklen_t len = sizeof error;
        getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error) {
            link_close(l, h, clock_ns());
            return;
        }
        if (!(events & EPOLLOUT) && !l->tls)
            return;
        if (l->context && !shaken(l, h))
            return;
        l->state = LINK_UP;
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        on_readable(l, room, h);
    if (l->fd >= 0 && l->out_at < l->out.len)
        link_flush(l, h);
    else if (l->fd >= 0 && l->want_write)
        watch(l, EPOLL_CTL_MOD, false);
}

void link_expire(struct link *l, const struct link_handler *h, uint64_t now)
{
    for (uint32_t i = 0, seen = 0, all = l->in_flight; i < l->high && seen < all; i++) {
        struct pending *p = &l->slots[i];
        if (!p->used)
            continue;
        seen++;
        if (p->expires_ns > now)
            continue;
        h->fail(h->ctx, l, p, FAILURE_TIMEOUT, now);
        release(l, p);
    }
}
