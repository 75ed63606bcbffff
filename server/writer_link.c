#include "server/writer_link.h"
#include "protocol/traceparent.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINK_PENDING = 4096, LINK_AGAIN_MS = 20, LINK_READ = 65536, LINK_PATIENCE_MS = 1000 };
#define LINK_OUTPUT ((size_t)64 * 1024 * 1024)
/* What has gone out is let go from so much on, and room beyond it when nothing is left to send. */
#define LINK_KEEP ((size_t)1024 * 1024)

struct pending {
    writer_done_fn done; /* NULL = free */
    void *ctx;
    uint32_t id;
};

struct writer_link {
    struct loop *loop;
    char path[108];
    int fd;
    struct loop_watch *watch;
    struct loop_timer *again;
    struct loop_timer *patience; /* runs while requests wait for a writer to come up */
    struct buf in, out;
    size_t out_at;
    uint32_t next_id, count;
    struct pending pending[LINK_PENDING]; /* by id % LINK_PENDING */
};

static void link_down(struct writer_link *l)
{
    loop_watch_destroy(&l->watch);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    buf_clear(&l->in);
    buf_clear(&l->out);
    l->out_at = 0;
    for (uint32_t i = 0; i < LINK_PENDING && l->count; i++) {
        struct pending p = l->pending[i];
        if (!p.done)
            continue;
        l->pending[i].done = NULL;
        l->count--;
        p.done(p.ctx, NULL);
    }
    loop_timer_set(l->patience, -1);
    loop_timer_set(l->again, LINK_AGAIN_MS);
}

static void let_go(struct writer_link *l)
{
    if (l->out_at < l->out.len) {
        buf_let_go(&l->out, &l->out_at, LINK_KEEP);
        return;
    }
    if (l->out.cap > LINK_KEEP)
        buf_fini(&l->out);
    buf_clear(&l->out);
    l->out_at = 0;
}

/* False when the writer is gone. */
static bool link_send_now(struct writer_link *l)
{
    while (l->out_at < l->out.len) {
        ssize_t n = send(l->fd, l->out.ptr + l->out_at, l->out.len - l->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0)
            break;
        l->out_at += (size_t)n;
    }
    let_go(l);
    loop_watch_set(l->watch, LOOP_READ | (l->out.len ? LOOP_WRITE : 0));
    return true;
}

static void link_answer(struct writer_link *l, const struct frame *f)
{
    struct pending *p = &l->pending[f->request_id % LINK_PENDING];
    if (!p->done || p->id != f->request_id)
        return;
    struct pending copy = *p;
    p->done = NULL;
    l->count--;
    copy.done(copy.ctx, f);
}

static bool link_read(struct writer_link *l)
{
    for (int round = 0; round < 8; round++) {
        if (!buf_reserve(&l->in, LINK_READ))
            return false;
        ssize_t n = recv(l->fd, l->in.ptr + l->in.len, LINK_READ, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0)
            return false;
        l->in.len += (size_t)n;
    }
    size_t at = 0, used, need;
    struct frame f;
    enum status s;
    while ((s = frame_decode(slice_make(l->in.ptr + at, l->in.len - at), FRAME_MAX_BODY, &f, &used,
                             &need)) == STATUS_OK) {
        at += used;
        link_answer(l, &f);
        if (l->fd < 0)
            return true;
    }
    if (s != STATUS_AGAIN)
        return false;
    memmove(l->in.ptr, l->in.ptr + at, l->in.len - at);
    l->in.len -= at;
    return true;
}

static void on_ready(void *ctx, int fd, int events)
{
    (void)fd;
    struct writer_link *l = ctx;
    if ((events & LOOP_READ && !link_read(l)) ||
        (l->fd >= 0 && events & LOOP_WRITE && !link_send_now(l)))
        link_down(l);
}

static void link_give_up(void *ctx)
{
    struct writer_link *l = ctx;
    if (l->fd < 0)
        link_down(l);
}

static void link_connect(void *ctx)
{
    struct writer_link *l = ctx;
    if (l->fd >= 0)
        return;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, l->path, sizeof l->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
        (l->watch = loop_watch_create(l->loop, fd, LOOP_READ | LOOP_WRITE, on_ready, l))) {
        l->fd = fd;
        loop_timer_set(l->patience, -1);
        return;
    }
    if (fd >= 0)
        close(fd);
    loop_timer_set(l->again, LINK_AGAIN_MS);
}

enum status writer_link_create(struct loop *loop, const char *path, struct writer_link **out)
{
    struct writer_link *l = calloc(1, sizeof *l);
    if (!l)
        return STATUS_NO_MEMORY;
    l->loop = loop;
    l->fd = -1;
    size_t len = strlen(path);
    if (len >= sizeof l->path) {
        free(l);
        return STATUS_TOO_LARGE;
    }
    l->again = loop_timer_create(loop, 0, 0, link_connect, l);
    l->patience = loop_timer_create(loop, -1, 0, link_give_up, l);
    if (!l->again || !l->patience) {
        loop_timer_destroy(&l->again);
        loop_timer_destroy(&l->patience);
        free(l);
        return STATUS_NO_MEMORY;
    }
    memcpy(l->path, path, len + 1);
    *out = l;
    return STATUS_OK;
}

void writer_link_destroy(struct writer_link **l)
{
    if (!*l)
        return;
    link_down(*l);
    loop_timer_destroy(&(*l)->again);
    loop_timer_destroy(&(*l)->patience);
    buf_fini(&(*l)->in);
    buf_fini(&(*l)->out);
    free(*l);
    *l = NULL;
}

enum status writer_link_send(struct writer_link *l, uint8_t opcode, uint16_t flags,
                             uint32_t deadline_ms, struct slice body, writer_done_fn done,
                             void *ctx)
{
    if (l->fd < 0)
        link_connect(l);
    if (body.len > (size_t)FRAME_MAX_BODY + (flags & FLAG_TRACE ? TRACE_FIELD_LEN : 0))
        return STATUS_TOO_LARGE; /* who reads it would end the link, and all that is under way */
    struct pending *p = &l->pending[l->next_id % LINK_PENDING];
    if (p->done || l->out.len - l->out_at > LINK_OUTPUT)
        return STATUS_OVERLOADED;
    size_t at = frame_begin(&l->out);
    buf_put_slice(&l->out, body);
    struct frame f = {.opcode = opcode,
                      .flags = (uint16_t)(flags & ~(FLAG_REPLY | FLAG_CHECKSUM)),
                      .request_id = l->next_id,
                      .time = deadline_ms};
    frame_end(&l->out, at, &f);
    if (l->out.failed) {
        l->out.len = at;
        l->out.failed = false;
        return STATUS_NO_MEMORY;
    }
    if (l->fd >= 0)
        loop_watch_set(l->watch, LOOP_READ | LOOP_WRITE); /* sent in the next turn of the loop */
    else if (!l->count)
        loop_timer_set(l->patience, LINK_PATIENCE_MS);
    *p = (struct pending){done, ctx, l->next_id++};
    l->count++;
    return STATUS_OK;
}

bool writer_link_up(const struct writer_link *l)
{
    return l->fd >= 0;
}

uint32_t writer_link_pending(const struct writer_link *l)
{
    return l->count;
}
