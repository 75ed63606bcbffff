#include "server/writer_conn.h"
#include "protocol/traceparent.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNS_MOST = 256, READ_SIZE = 256 << 10, OUT_PAUSE = 16 << 20 };

struct link {
    uint64_t id; /* 0 = free */
    int fd;
    struct loop_watch *watch;
    struct buf in, out;
    struct writer_conns *owner;
};

struct writer_conns {
    struct loop *loop;
    int fd;
    struct loop_watch *watch;
    uint64_t serial;
    writer_frame_fn fn;
    void *ctx;
    struct link links[CONNS_MOST];
};

static void close_link(struct link *l)
{
    loop_watch_destroy(&l->watch);
    close(l->fd);
    buf_fini(&l->in);
    buf_fini(&l->out);
    l->id = 0;
}

static void drop_front(struct buf *b, size_t n)
{
    if (n)
        memmove(b->ptr, b->ptr + n, b->len - n);
    b->len -= n;
}

/* False when the connection is to be closed. */
static bool send_now(struct link *l)
{
    size_t at = 0;
    while (at < l->out.len) {
        ssize_t n = send(l->fd, l->out.ptr + at, l->out.len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0)
            break;
        at += (size_t)n;
    }
    drop_front(&l->out, at);
    loop_watch_set(l->watch,
                   (l->out.len < OUT_PAUSE ? LOOP_READ : 0) | (l->out.len ? LOOP_WRITE : 0));
    return !l->out.failed;
}

static bool read_some(struct link *l)
{
    if (!buf_reserve(&l->in, READ_SIZE))
        return false;
    ssize_t n = recv(l->fd, l->in.ptr + l->in.len, READ_SIZE, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    l->in.len += (size_t)n;
    return n > 0;
}

static bool take_frames(struct link *l)
{
    size_t at = 0, used, need;
    struct frame f;
    enum status st = STATUS_AGAIN;
    while (l->in.len > at) {
        used = need = 0;
        st = frame_decode(slice_make(l->in.ptr + at, l->in.len - at),
                          FRAME_MAX_BODY + TRACE_FIELD_LEN, &f, &used, &need);
        if (st)
            break;
        l->owner->fn(l->owner->ctx, l->id, &f);
        at += used;
    }
    drop_front(&l->in, at);
    return st == STATUS_OK || st == STATUS_AGAIN;
}

static void on_ready(void *ctx, int fd, int events)
{
    struct link *l = ctx;
    (void)fd;
    bool good = true;
    if (events & LOOP_READ)
        good = read_some(l) && take_frames(l);
    if (good && events & LOOP_WRITE)
        good = send_now(l);
    if (!good)
        close_link(l);
}

static void on_accept(void *ctx, int listener, int events)
{
    struct writer_conns *c = ctx;
    (void)events;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    for (int i = 0; i < CONNS_MOST; i++) {
        struct link *l = &c->links[i];
        if (l->id)
            continue;
        *l = (struct link){.fd = fd, .owner = c};
        l->watch = loop_watch_create(c->loop, fd, LOOP_READ, on_ready, l);
        if (!l->watch)
            break;
        l->id = ++c->serial << 8 | (uint64_t)i;
        return;
    }
    close(fd);
}

enum status writer_conns_create(struct loop *loop, const char *path, writer_frame_fn fn, void *ctx,
                                struct writer_conns **out)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct writer_conns *c = calloc(1, sizeof *c);
    *out = c;
    if (!c || strlen(path) >= sizeof a.sun_path)
        return c ? STATUS_TOO_LARGE : STATUS_NO_MEMORY;
    *c = (struct writer_conns){.loop = loop, .fn = fn, .ctx = ctx};
    memcpy(a.sun_path, path, strlen(path));
    unlink(path);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Behind this socket nobody is asked for a key: from its first moment it is its owner's alone.
     */
    if (c->fd < 0 || fchmod(c->fd, 0600) || bind(c->fd, (struct sockaddr *)&a, sizeof a) ||
        listen(c->fd, 128))
        return status_from_errno(errno);
    c->watch = loop_watch_create(loop, c->fd, LOOP_READ, on_accept, c);
    return c->watch ? STATUS_OK : STATUS_NO_MEMORY;
}

void writer_conns_destroy(struct writer_conns **cp)
{
    struct writer_conns *c = *cp;
    if (!c)
        return;
    for (int i = 0; i < CONNS_MOST; i++)
        if (c->links[i].id)
            close_link(&c->links[i]);
    if (c->watch)
        loop_watch_destroy(&c->watch);
    if (c->fd > 0)
        close(c->fd);
    free(c);
    *cp = NULL;
}

static struct link *find(struct writer_conns *c, uint64_t conn)
{
    struct link *l = &c->links[conn & (CONNS_MOST - 1)];
    return conn && l->id == conn ? l : NULL;
}

void writer_conns_reply(struct writer_conns *c, uint64_t conn, const struct frame *to,
                        struct slice body)
{
    struct link *l = find(c, conn);
    if (!l)
        return;
    struct frame f = {.opcode = to->opcode, .flags = FLAG_REPLY, .request_id = to->request_id};
    size_t at = frame_begin(&l->out);
    buf_put_slice(&l->out, body);
    frame_end(&l->out, at, &f);
}

void writer_conns_error(struct writer_conns *c, uint64_t conn, const struct frame *to,
                        const struct fault *fault)
{
    struct link *l = find(c, conn);
    if (l)
        frame_put_error(&l->out, to, fault);
}

void writer_conns_flush(struct writer_conns *c)
{
    for (int i = 0; i < CONNS_MOST; i++)
        if (c->links[i].id && c->links[i].out.len && !send_now(&c->links[i]))
            close_link(&c->links[i]);
}
