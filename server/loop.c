#include "server/loop.h"

#include <ev.h>
#include <stdlib.h>

struct loop {
    struct ev_loop *ev;
    ev_prepare prepare;
    loop_tick tick;
    void *ctx;
};

enum watch_kind { WATCH_IO, WATCH_TIMER, WATCH_SIGNAL };

struct watch {
    union {
        ev_io io;
        ev_timer timer;
        ev_signal signal;
    };
    enum watch_kind kind;
    struct loop *loop;
    loop_ready ready;
    loop_tick tick;
    void *ctx;
};

struct loop *loop_create(void)
{
    struct loop *l = calloc(1, sizeof *l);
    if (l && !(l->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV))) {
        free(l);
        return NULL;
    }
    return l;
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

static void on_io(struct ev_loop *ev, ev_io *io, int events)
{
    struct watch *w = io->data;
    (void)ev;
    w->ready(w->ctx, (events & EV_READ ? LOOP_READ : 0) | (events & EV_WRITE ? LOOP_WRITE : 0));
}

static void on_timer(struct ev_loop *ev, ev_timer *t, int events)
{
    struct watch *w = t->data;
    (void)ev;
    (void)events;
    w->tick(w->ctx);
}

static void on_signal(struct ev_loop *ev, ev_signal *s, int events)
{
    struct watch *w = s->data;
    (void)ev;
    (void)events;
    w->tick(w->ctx);
}

static void on_prepare(struct ev_loop *ev, ev_prepare *p, int events)
{
    struct loop *l = p->data;
    (void)ev;
    (void)events;
    l->tick(l->ctx);
}

static struct watch *new_watch(struct loop *l, enum watch_kind kind, void *ctx)
{
    struct watch *w = calloc(1, sizeof *w);
    if (w) {
        w->kind = kind;
        w->loop = l;
        w->ctx = ctx;
    }
    return w;
}

static int events_of(int directions)
{
    return (directions & LOOP_READ ? EV_READ : 0) | (directions & LOOP_WRITE ? EV_WRITE : 0);
}

struct watch *loop_watch(struct loop *l, int fd, int directions, loop_ready ready, void *ctx)
{
    struct watch *w = new_watch(l, WATCH_IO, ctx);
    if (!w)
        return NULL;
    w->ready = ready;
    ev_io_init(&w->io, on_io, fd, events_of(directions));
    w->io.data = w;
    if (directions)
        ev_io_start(l->ev, &w->io);
    return w;
}

void loop_watch_set(struct watch *w, int directions)
{
    if (ev_is_active(&w->io) && w->io.events == events_of(directions))
        return;
    int fd = w->io.fd;
    ev_io_stop(w->loop->ev, &w->io);
    ev_io_set(&w->io, fd, events_of(directions));
    if (directions)
        ev_io_start(w->loop->ev, &w->io);
}

void loop_unwatch(struct watch **w)
{
    if (!*w)
        return;
    struct ev_loop *ev = (*w)->loop->ev;
    switch ((*w)->kind) {
    case WATCH_IO:
        ev_io_stop(ev, &(*w)->io);
        break;
    case WATCH_TIMER:
        ev_timer_stop(ev, &(*w)->timer);
        break;
    case WATCH_SIGNAL:
        ev_signal_stop(ev, &(*w)->signal);
        break;
    }
    free(*w);
    *w = NULL;
}

struct watch *loop_timer(struct loop *l, double seconds, loop_tick tick, void *ctx)
{
    struct watch *w = new_watch(l, WATCH_TIMER, ctx);
    if (!w)
        return NULL;
    w->tick = tick;
    ev_timer_init(&w->timer, on_timer, seconds, seconds);
    w->timer.data = w;
    ev_timer_start(l->ev, &w->timer);
    return w;
}

struct watch *loop_signal(struct loop *l, int signal, loop_tick tick, void *ctx)
{
    struct watch *w = new_watch(l, WATCH_SIGNAL, ctx);
    if (!w)
        return NULL;
    w->tick = tick;
    ev_signal_init(&w->signal, on_signal, signal);
    w->signal.data = w;
    ev_signal_start(l->ev, &w->signal);
    return w;
}

void loop_after_pass(struct loop *l, loop_tick tick, void *ctx)
{
    l->tick = tick;
    l->ctx = ctx;
    ev_prepare_init(&l->prepare, on_prepare);
    l->prepare.data = l;
    ev_prepare_start(l->ev, &l->prepare);
}
