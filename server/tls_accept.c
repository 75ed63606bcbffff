#include "server/tls_accept.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/tls.h"
#include "server/front.h"
#include "server/say.h"
#include "server/tls_files.h"

enum { STEP_SHARE = 3, DRAIN_MOST = 65536 };

enum place { WAITS, READY, LINGERS };

struct handshake {
    struct tls_accept *owner;
    int fd;
    enum place place;
    struct loop_watch *watch;
    struct tls_link *link; /* NULL: nothing came yet, or it failed */
    int64_t begun_ms, heard_ms;
    size_t drained;
    struct handshake *older, *newer; /* of all */
    struct handshake *next;          /* READY */
};

struct tls_accept {
    struct front *front;
    struct tls_context *context;
    uint64_t seen; /* which certificate that is */
    uint32_t count;
    struct handshake *oldest, *newest;
    struct handshake *first, *last; /* READY, in the order they became so */
    int64_t not_before_us;          /* the next step beside requests */
};

/* --- figures ------------------------------------------------------------------------------------
 */

static void count_failure(struct tls_accept *t, enum tls_failure f)
{
    atomic_fetch_add_explicit(&t->front->role->self->tls.failures[f], 1, memory_order_relaxed);
}

static void publish(struct tls_accept *t)
{
    atomic_store_explicit(&t->front->role->self->tls.handshaking, t->count, memory_order_relaxed);
}

/* --- rows ---------------------------------------------------------------------------------------
 */

static void unready(struct handshake *h)
{
    struct tls_accept *t = h->owner;
    struct handshake *before = NULL;
    for (struct handshake *at = t->first; at != h; at = at->next)
        before = at;
    if (before)
        before->next = h->next;
    else
        t->first = h->next;
    if (t->last == h)
        t->last = before;
    h->next = NULL;
}

/* The row goes; its descriptor and link only when they are still there. */
static void forget(struct handshake *h)
{
    struct tls_accept *t = h->owner;
    if (h->place == READY)
        unready(h);
    *(h->older ? &h->older->newer : &t->oldest) = h->newer;
    *(h->newer ? &h->newer->older : &t->newest) = h->older;
    loop_watch_destroy(&h->watch);
    tls_link_destroy(&h->link);
    if (h->fd >= 0)
        close(h->fd);
    free(h);
    t->count--;
    publish(t);
    front_listen_tls(t->front);
}

static void tell(struct handshake *h, enum tls_failure f, const char *why)
{
    struct front *front = h->owner->front;
    count_failure(h->owner, f);
    peer_note(&front->notes, front->now_us, role_name(front->role->role), h->fd,
              "TLS handshake failed", why);
}

/* What was said to the peer must reach it: closing with unread bytes would take it back. */
static void linger(struct handshake *h)
{
    if (h->place == READY)
        unready(h);
    h->place = LINGERS;
    tls_link_destroy(&h->link);
    shutdown(h->fd, SHUT_WR);
    loop_watch_set(h->watch, LOOP_READ);
}

static void drain(struct handshake *h)
{
    char bytes[4096];
    ssize_t n = recv(h->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    h->drained += n > 0 ? (size_t)n : 0;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || h->drained > DRAIN_MOST)
        forget(h);
}

static void on_ready(void *ctx, int fd, int events)
{
    (void)fd, (void)events;
    struct handshake *h = ctx;
    struct tls_accept *t = h->owner;
    if (h->place == LINGERS) {
        drain(h);
        return;
    }
    loop_watch_set(h->watch, 0);
    h->place = READY;
    h->heard_ms = clock_mono_ms();
    *(t->last ? &t->last->next : &t->first) = h;
    t->last = h;
}

void tls_accept_add(struct tls_accept *t, int fd)
{
    struct handshake *h = calloc(1, sizeof *h);
    if (!h || !(h->watch = loop_watch_create(t->front->loop, fd, LOOP_READ, on_ready, h))) {
        free(h);
        close(fd);
        return;
    }
    h->owner = t;
    h->fd = fd;
    h->begun_ms = h->heard_ms = clock_mono_ms();
    h->older = t->newest;
    *(t->newest ? &t->newest->newer : &t->oldest) = h;
    t->newest = h;
    t->count++;
    publish(t);
}

uint32_t tls_accept_count(const struct tls_accept *t)
{
    return t->count;
}

bool tls_accept_room(struct tls_accept *t)
{
    uint32_t most = (uint32_t)config_number(t->front->role->config, OPTION_TLS_HANDSHAKES);
    if (t->count < most)
        return true;
    int64_t now = clock_mono_ms();
    for (struct handshake *h = t->oldest; h; h = h->newer)
        if (h->place != READY && now - h->heard_ms >= TLS_SILENT_MS) {
            if (h->place == WAITS)
                tell(h, TLS_FAILURE_CROWDED, "silent, and others wait for its place");
            forget(h);
            return true;
        }
    return false;
}

/* --- steps --------------------------------------------------------------------------------------
 */

static void stranger(struct handshake *h, struct slice bytes)
{
    static const char text[] = "this port speaks TLS only";
    struct buf answer = BUF_INIT;
    struct slice line;
    if (bytes.len >= 2 && bytes.ptr[0] == 'S' && bytes.ptr[1] == 'k') { /* ours, in the clear */
        struct fault fault = {0};
        fault_set(&fault, STATUS_TLS, NULL, "%s", text);
        frame_put_error(&answer, &(struct frame){.opcode = OP_HELLO}, &fault);
    } else if (frame_stranger(bytes, &line) && line.len > 4 && !memcmp(line.ptr, "HTTP", 4)) {
        buf_printf(&answer,
                   "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                   "Connection: close\r\n\r\n%s, and the Souk protocol inside\n",
                   text);
    } else {
        buf_printf(&answer, "%s, and the Souk protocol inside\n", text);
    }
    tell(h, TLS_FAILURE_PLAIN, "the peer does not speak TLS");
    if (!answer.failed &&
        send(h->fd, answer.ptr, answer.len, MSG_NOSIGNAL | MSG_DONTWAIT) < (ssize_t)answer.len)
        h->drained = DRAIN_MOST; /* it is gone, or will never read */
    buf_fini(&answer);
    linger(h);
}

/* Its first bytes: true when a handshake begins with them, else the row has moved on. */
static bool begin(struct handshake *h)
{
    char first[4];
    struct tls_accept *t = h->owner;
    ssize_t n = recv(h->fd, first, sizeof first, MSG_PEEK | MSG_DONTWAIT);
    struct pollfd p = {.fd = h->fd, .events = POLLRDHUP};
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n > 0 && first[0] != 0x16) {
        stranger(h, slice_make(first, (size_t)n));
        return false;
    }
    /* Who has gone meanwhile gets no signature. */
    if (n <= 0 || (poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR))) {
        tell(h, TLS_FAILURE_CUT, "the peer has gone before it began");
        forget(h);
        return false;
    }
    if (t->context && !tls_link_create(t->context, h->fd, NULL, &h->link))
        return true;
    tell(h, TLS_FAILURE_BROKEN, t->context ? "out of memory" : "there is no certificate");
    forget(h);
    return false;
}

/* It becomes a connection like any other. */
static void stands(struct handshake *h)
{
    struct front *f = h->owner->front;
    struct tls_link *link = h->link;
    int fd = h->fd;
    loop_watch_destroy(&h->watch);
    h->link = NULL;
    h->fd = -1;
    forget(h);
    struct conn *c = conn_create(f, fd, f->listen_queue);
    if (!c) {
        tls_link_destroy(&link);
        return;
    }
    c->tls = link;
    atomic_fetch_add_explicit(&f->role->self->tls.handshakes, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&f->role->self->tls.connections, 1, memory_order_relaxed);
}

static void go_on(struct handshake *h)
{
    struct fault fault;
    if (!h->link && !begin(h))
        return;
    switch (tls_link_handshake(h->link)) {
    case STATUS_OK:
        stands(h);
        return;
    case STATUS_AGAIN:
        loop_watch_set(h->watch, tls_link_wants(h->link) & TLS_WANT_WRITE ? LOOP_WRITE : LOOP_READ);
        return;
    default:
        tell(h, tls_link_fault(h->link, &fault), fault.text);
        linger(h);
    }
}

void tls_accept_step(struct tls_accept *t, bool busy)
{
    struct handshake *h = t->first;
    struct front *f = t->front;
    if (!h || (busy && f->now_us < t->not_before_us))
        return;
    int64_t began = f->now_us = clock_mono_us();
    unready(h);
    h->place = WAITS;
    loop_watch_set(h->watch, LOOP_READ);
    go_on(h);
    f->now_us = clock_mono_us();
    t->not_before_us = f->now_us + STEP_SHARE * (f->now_us - began);
}

bool tls_accept_waits(const struct tls_accept *t)
{
    return t->first != NULL;
}

void tls_accept_tick(struct tls_accept *t, int64_t now_ms)
{
    int64_t most = (int64_t)config_number(t->front->role->config, OPTION_TLS_HANDSHAKE);
    for (struct handshake *h = t->oldest, *newer; h && now_ms - h->begun_ms >= most; h = newer) {
        newer = h->newer;
        if (h->place != LINGERS)
            tell(h, TLS_FAILURE_TIMEOUT,
                 h->link ? "the handshake took too long" : "the peer said nothing");
        forget(h);
    }
}

/* --- life ---------------------------------------------------------------------------------------
 */

void tls_accept_reload(struct tls_accept *t)
{
    struct tls_context *made = NULL;
    struct fault fault = {0};
    struct shared_tls *shared = &t->front->role->self->tls;
    if (tls_files_context(ROLE_FD_TLS, &t->seen, &made, &fault)) {
        say("error", role_name(t->front->role->role), NULL, "the certificate is kept: %s",
            fault.text);
        return;
    }
    if (!made)
        return;
    tls_context_destroy(&t->context);
    t->context = made;
    atomic_store(&shared->not_after_s, tls_not_after(made));
    atomic_store(&shared->on, 1);
}

enum status tls_accept_create(struct front *f, struct tls_accept **out)
{
    struct tls_accept *t = calloc(1, sizeof *t);
    *out = t;
    if (!t)
        return STATUS_NO_MEMORY;
    t->front = f;
    atomic_store(&f->role->self->tls.connections, 0); /* of a front before this one */
    atomic_store(&f->role->self->tls.handshaking, 0);
    tls_accept_reload(t);
    return STATUS_OK;
}

void tls_accept_destroy(struct tls_accept **t)
{
    struct tls_accept *x = *t;
    if (!x)
        return;
    for (struct handshake *h = x->oldest, *newer; h; h = newer) {
        newer = h->newer;
        forget(h);
    }
    tls_context_destroy(&x->context);
    free(x);
    *t = NULL;
}
