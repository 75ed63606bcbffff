#include "server/loop.h"

#include <ev.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOP_SIGNALS = 8 };

struct loop_call {
    loop_fn fn;
    void *ctx;
};

struct loop_watch {
    ev_io io; /* first: the callback gets its address */
    struct loop *loop;
    loop_watch_fn fn;
    void *ctx;
};

struct loop_timer {
    ev_timer timer;
    struct loop *loop;
    struct loop_call call;
};

struct loop {
    struct ev_loop *ev;
    ev_signal signals[LOOP_SIGNALS];
    struct loop_call signal_calls[LOOP_SIGNALS];
    uint32_t signal_count;
    ev_prepare prepare;
    struct loop_call before_wait;
    ev_async async;
    struct loop_call on_wake;
    ev_idle idle;
    bool busy;
};

/* libev aborts where it gets no memory: it is tried for a while, since that passes. */
static void *memory_for_libev(void *p, long size)
{
    enum { TRIES = 100, PAUSE_US = 10000 };
    if (!size) {
        free(p);
        return NULL;
    }
    void *got = realloc(p, (size_t)size);
    for (int i = 0; !got && i < TRIES; i++) {
        usleep(PAUSE_US);
        got = realloc(p, (size_t)size);
    }
    return got;
}

enum status loop_create(struct loop **out)
{
    ev_set_allocator(memory_for_libev);
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return STATUS_NO_MEMORY;
    l->ev = ev_loop_new(EVFLAG_NOENV);
    if (!l->ev) {
        free(l);
        return STATUS_IO;
    }
    *out = l;
    return STATUS_OK;
}

void loop_destroy(struct loop **l)
{
    if (!*l)
        return;
    ev_loop_destroy((*l)->ev);
    free(*l);
    *l = NULL;
}

void loop_run(struct loop *l)
{
    ev_run(l->ev, 0);
}

void loop_stop(struct loop *l)
{
    ev_break(l->ev, EVBREAK_ALL);
}

static void on_io(struct ev_loop *ev, ev_io *io, int revents)
{
    (void)ev;
    struct loop_watch *w = (struct loop_watch *)io;
    int events = (revents & EV_READ ? LOOP_READ : 0) | (revents & EV_WRITE ? LOOP_WRITE : 0);
    w->fn(w->ctx, io->fd, events);
}

struct loop_watch *loop_watch_create(struct loop *l, int fd, int events, loop_watch_fn fn,
                                     void *ctx)
{
    struct loop_watch *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->loop = l;
    w->fn = fn;
    w->ctx = ctx;
    ev_io_init(&w->io, on_io, fd, 0);
    loop_watch_set(w, events);
    return w;
}

void loop_watch_set(struct loop_watch *w, int events)
{
    int want = (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0);
    bool active = ev_is_active(&w->io);
    if (active && (w->io.events & (EV_READ | EV_WRITE)) == want)
        return;
    if (active)
        ev_io_stop(w->loop->ev, &w->io);
    if (!want)
        return;
    ev_io_set(&w->io, w->io.fd, want);
    ev_io_start(w->loop->ev, &w->io);
}

void loop_watch_destroy(struct loop_watch **w)
{
    if (!*w)
        return;
    ev_io_stop((*w)->loop->ev, &(*w)->io);
    free(*w);
    *w = NULL;
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int revents)
{
    (void)ev;
    (void)revents;
    struct loop_timer *t = (struct loop_timer *)timer;
    t->call.fn(t->call.ctx);
}

struct loop_timer *loop_timer_create(struct loop *l, int64_t after_ms, int64_t every_ms, loop_fn fn,
                                     void *ctx)
{
    struct loop_timer *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->loop = l;
    t->call = (struct loop_call){fn, ctx};
    ev_timer_init(&t->timer, on_timer, (double)after_ms / 1000, (double)every_ms / 1000);
    ev_now_update(l->ev);
    if (after_ms >= 0)
        ev_timer_start(l->ev, &t->timer);
    return t;
}

void loop_timer_set(struct loop_timer *t, int64_t after_ms)
{
    ev_timer_stop(t->loop->ev, &t->timer);
    if (after_ms < 0)
        return;
    ev_timer_set(&t->timer, (double)after_ms / 1000, t->timer.repeat);
    ev_timer_start(t->loop->ev, &t->timer);
}

void loop_timer_destroy(struct loop_timer **t)
{
    if (!*t)
        return;
    ev_timer_stop((*t)->loop->ev, &(*t)->timer);
    free(*t);
    *t = NULL;
}

static void on_call(struct loop_call *c)
{
    c->fn(c->ctx);
}

static void on_signal(struct ev_loop *ev, ev_signal *signal, int revents)
{
    (void)ev;
    (void)revents;
    on_call(signal->data);
}

enum status loop_signal(struct loop *l, int signo, loop_fn fn, void *ctx)
{
    if (l->signal_count == LOOP_SIGNALS)
        return STATUS_TOO_LARGE;
    uint32_t i = l->signal_count++;
    l->signal_calls[i] = (struct loop_call){fn, ctx};
    ev_signal_init(&l->signals[i], on_signal, signo);
    l->signals[i].data = &l->signal_calls[i];
    ev_signal_start(l->ev, &l->signals[i]);
    ev_unref(l->ev);
    return STATUS_OK;
}

static void on_prepare(struct ev_loop *ev, ev_prepare *prepare, int revents)
{
    (void)ev;
    (void)revents;
    on_call(prepare->data);
}

enum status loop_before_wait(struct loop *l, loop_fn fn, void *ctx)
{
    l->before_wait = (struct loop_call){fn, ctx};
    ev_prepare_init(&l->prepare, on_prepare);
    l->prepare.data = &l->before_wait;
    ev_prepare_start(l->ev, &l->prepare);
    return STATUS_OK;
}

static void on_async(struct ev_loop *ev, ev_async *async, int revents)
{
    (void)ev;
    (void)revents;
    on_call(async->data);
}

enum status loop_on_wake(struct loop *l, loop_fn fn, void *ctx)
{
    l->on_wake = (struct loop_call){fn, ctx};
    ev_async_init(&l->async, on_async);
    l->async.data = &l->on_wake;
    ev_async_start(l->ev, &l->async);
    return STATUS_OK;
}

void loop_wake(struct loop *l)
{
    ev_async_send(l->ev, &l->async);
}

static void on_idle(struct ev_loop *ev, ev_idle *idle, int revents)
{
    (void)ev;
    (void)idle;
    (void)revents;
}

void loop_busy(struct loop *l, bool busy)
{
    if (busy == l->busy)
        return;
    l->busy = busy;
    if (busy) {
        ev_idle_init(&l->idle, on_idle);
        ev_idle_start(l->ev, &l->idle);
    } else {
        ev_idle_stop(l->ev, &l->idle);
    }
}
