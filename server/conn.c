#include "server/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PASS_FRAMES = 64, PASS_BYTES = 256 * 1024, OUT_BOUND = 4 * 1024 * 1024, CONN_SLOTS = 4096 };

struct conn {
    struct server *server;
    struct conn *next; /* in its slot */
    uint64_t id;
    int fd;
    struct watch *watch;
    struct buf in, out;
    size_t in_at, out_at; /* consumed bytes */
    bool closing;         /* close when the output is written */
    bool handling;        /* inside a pass: freed at its end */
    bool dead;
};

struct server {
    struct loop *loop;
    struct watch *accepts[8];
    int listeners[8];
    uint32_t listener_count, connections, max_connections;
    int spare_fd; /* given up for a moment when descriptors run out */
    struct watch *resume;
    uint64_t next_id;
    conn_handler handler;
    void *ctx;
    struct conn *slots[CONN_SLOTS];
};

static void conn_free(struct conn *c)
{
    struct server *s = c->server;
    struct conn **p = &s->slots[c->id % CONN_SLOTS];
    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
    loop_unwatch(&c->watch);
    close(c->fd);
    buf_fini(&c->in);
    buf_fini(&c->out);
    free(c);
    s->connections--;
}

static void conn_kill(struct conn *c)
{
    if (c->handling)
        c->dead = true;
    else
        conn_free(c);
}

uint64_t conn_id(const struct conn *c)
{
    return c->id;
}

struct conn *conn_find(struct server *s, uint64_t id)
{
    struct conn *c = s->slots[id % CONN_SLOTS];
    while (c && c->id != id)
        c = c->next;
    return c && !c->dead ? c : NULL;
}

struct buf *conn_out(struct conn *c)
{
    return &c->out;
}

static size_t unsent(const struct conn *c)
{
    return c->out.len - c->out_at;
}

static void want(struct conn *c)
{
    int directions = unsent(c) ? LOOP_WRITE : 0;
    if (!c->closing && unsent(c) < OUT_BOUND)
        directions |= LOOP_READ;
    loop_watch_set(c->watch, directions);
}

void conn_flush(struct conn *c)
{
    if (c->dead)
        return;
    while (unsent(c)) {
        ssize_t n = send(c->fd, c->out.ptr + c->out_at, unsent(c), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n <= 0) {
            conn_kill(c);
            return;
        }
        c->out_at += (size_t)n;
    }
    if (!unsent(c)) {
        buf_clear(&c->out);
        c->out_at = 0;
        if (c->closing) {
            conn_kill(c);
            return;
        }
    }
    if (c->out.failed) {
        conn_kill(c);
        return;
    }
    want(c);
}

void conn_error(struct conn *c, const struct frame *to, const struct fault *f)
{
    frame_put_error(&c->out, to, f);
}

/* A frame that breaks the protocol: one error frame (or a readable line), then close. */
static void refuse(struct conn *c, struct slice bytes, enum status s)
{
    struct slice line;
    if (frame_stranger(bytes, &line)) {
        buf_put_slice(&c->out, line);
    } else {
        struct fault f = {0};
        struct frame none = {.opcode = OP_GOAWAY};
        fault_set(&f, s, NULL, "%s", status_text(s));
        frame_put_error(&c->out, &none, &f);
    }
    c->closing = true;
}

static void handle_frames(struct conn *c)
{
    for (int n = 0; n < PASS_FRAMES && !c->closing && !c->dead; n++) {
        struct slice bytes = slice_make(c->in.ptr + c->in_at, c->in.len - c->in_at);
        struct frame f;
        size_t used, need;
        enum status s = frame_decode(bytes, FRAME_MAX_BODY, &f, &used, &need);
        if (s == STATUS_AGAIN) {
            if (bytes.len >= 4 && wire_load16(bytes.ptr) != PROTOCOL_MAGIC)
                refuse(c, bytes, STATUS_BAD_FRAME);
            break;
        }
        if (s == STATUS_BAD_CHECKSUM) {
            struct fault fault = {0};
            fault_set(&fault, s, NULL, "the body's checksum does not match");
            conn_error(c, &f, &fault);
        } else if (s) {
            refuse(c, bytes, s);
            return;
        } else {
            c->server->handler(c->server->ctx, c, &f);
        }
        c->in_at += used;
    }
}

static bool read_some(struct conn *c)
{
    if (c->in_at) {
        memmove(c->in.ptr, c->in.ptr + c->in_at, c->in.len - c->in_at);
        c->in.len -= c->in_at;
        c->in_at = 0;
    }
    size_t room = c->in.len > PASS_BYTES ? c->in.len : PASS_BYTES;
    if (!buf_reserve(&c->in, room < FRAME_MAX_BODY ? room : FRAME_MAX_BODY))
        return false;
    for (;;) {
        ssize_t n = recv(c->fd, c->in.ptr + c->in.len, c->in.cap - c->in.len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        c->in.len += (size_t)n;
        return n > 0;
    }
}

static void on_ready(void *ctx, int directions)
{
    struct conn *c = ctx;
    c->handling = true;
    if (directions & LOOP_READ && !c->closing) {
        if (!read_some(c))
            c->dead = true;
        size_t before;
        do { /* whole frames that are already here are not announced again by the loop */
            before = c->in_at;
            handle_frames(c);
        } while (c->in_at != before && !c->dead && !c->closing && unsent(c) < OUT_BOUND);
    }
    if (!c->dead)
        conn_flush(c);
    c->handling = false;
    if (c->dead)
        conn_free(c);
}

/* --- accepting -------------------------------------------------------------------------------- */

static void accept_again(void *ctx)
{
    struct server *s = ctx;
    for (uint32_t i = 0; i < s->listener_count; i++)
        if (s->accepts[i])
            loop_watch_set(s->accepts[i], LOOP_READ);
    loop_unwatch(&s->resume);
}

/* Out of descriptors: turn one caller away with the spare one and rest for 100 ms instead of
 * spinning. */
static void rest(struct server *s, int listener)
{
    if (s->spare_fd >= 0) {
        close(s->spare_fd);
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0)
            close(fd);
        s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    for (uint32_t i = 0; i < s->listener_count; i++)
        if (s->accepts[i])
            loop_watch_set(s->accepts[i], 0);
    if (!s->resume)
        s->resume = loop_timer(s->loop, 0.1, accept_again, s);
}

static void add_conn(struct server *s, int fd)
{
    int one = 1;
    struct conn *c = calloc(1, sizeof *c);
    if (c) {
        *c = (struct conn){
            .server = s, .id = ++s->next_id, .fd = fd, .in = BUF_INIT, .out = BUF_INIT};
        c->watch = loop_watch(s->loop, fd, LOOP_READ, on_ready, c);
    }
    if (!c || !c->watch) {
        free(c);
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->next = s->slots[c->id % CONN_SLOTS];
    s->slots[c->id % CONN_SLOTS] = c;
    s->connections++;
}

static void on_accept(struct server *s, int listener)
{
    for (int n = 0; n < 64; n++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                rest(s, listener);
            return;
        }
        if (s->connections >= s->max_connections)
            close(fd);
        else
            add_conn(s, fd);
    }
}

static void on_accept_any(void *ctx, int directions)
{
    struct server *s = ctx;
    (void)directions;
    for (uint32_t i = 0; i < s->listener_count; i++)
        on_accept(s, s->listeners[i]);
}

struct server *server_create(struct loop *l, const int *listeners, uint32_t count,
                             uint32_t max_connections, conn_handler handler, void *ctx)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s || count > 8) {
        free(s);
        return NULL;
    }
    s->loop = l;
    s->handler = handler;
    s->ctx = ctx;
    s->max_connections = max_connections;
    s->listener_count = count;
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (uint32_t i = 0; i < count; i++) {
        s->listeners[i] = listeners[i];
        s->accepts[i] = loop_watch(l, listeners[i], LOOP_READ, on_accept_any, s);
    }
    return s;
}

void server_drain(struct server *s)
{
    for (uint32_t i = 0; i < s->listener_count; i++)
        loop_unwatch(&s->accepts[i]);
    for (uint32_t i = 0; i < CONN_SLOTS; i++)
        for (struct conn *c = s->slots[i], *next; c; c = next) {
            next = c->next;
            size_t at = frame_begin(&c->out);
            frame_end(&c->out, at, &(struct frame){.opcode = OP_GOAWAY, .flags = FLAG_REPLY});
            conn_flush(c);
        }
}

void server_destroy(struct server **s)
{
    if (!*s)
        return;
    for (uint32_t i = 0; i < CONN_SLOTS; i++)
        while ((*s)->slots[i])
            conn_free((*s)->slots[i]);
    for (uint32_t i = 0; i < (*s)->listener_count; i++)
        loop_unwatch(&(*s)->accepts[i]);
    loop_unwatch(&(*s)->resume);
    if ((*s)->spare_fd >= 0)
        close((*s)->spare_fd);
    free(*s);
    *s = NULL;
}

uint32_t server_connections(const struct server *s)
{
    return s->connections;
}
