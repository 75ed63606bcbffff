#include "loadtest/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "loadtest/clock.h"
#include "loadtest/link.h"
#include "loadtest/observe.h"

enum { EVENTS = 256, ROOM = 256 * 1024, BATCH = 512, TICK_NS = 5000000, LATE_NS = 1000000 };
enum { EXPIRE_TICKS = 4 };
enum { DEFAULT_LATE_NS = 100000000, GRACE_NS = 300000000, SHED_NS = 10000000 };
enum { SEND_COST = 8 }; /* against a request that is only counted */
enum { LINES = 2 };     /* for critical and default requests; for those of lower classes */

struct engine {
    const struct engine_spec *spec;
    struct tally *tally;
    struct player player;
    struct observer observer;
    struct schedule schedule;
    struct link *links; /* connections, then as many for those that drain */
    struct link **dirty;
    uint32_t dirty_count, in_flight, closed_due, closed_later, replayed, ticks;
    struct {
        uint32_t from, count, turn, in_flight_most;
    } lines[LINES]; /* the connections of each; the same ones unless spec->split */
    int epoll;
    struct buf room;
    struct tls_context *tls; /* NULL = in the clear */
    struct link_handler handler;
    uint64_t start_ns, stop_ns, next_ns; /* next_ns: intended time of the next; UINT64_MAX = end */
    uint64_t tick_ns, interval_start_ns;
    struct counts before; /* at the begin of the interval */
};

/* --- what becomes of a request ---------------------------------------------------------------- */

static uint64_t us_of(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (to_ns - from_ns + 500) / 1000 : 0;
}

static void record(struct engine *e, const struct pending *p, bool lost, uint64_t now)
{
    struct op_tally *o = &e->tally->ops[p->op];
    uint64_t response = us_of(p->intended_ns, now);
    histogram_record(lost ? &o->lost : &o->response, response);
    if (!lost)
        histogram_record(&o->service, us_of(p->sent_ns, now));
    histogram_record(&e->tally->interval, response);
}

static void over(struct engine *e, uint64_t now)
{
    e->in_flight--;
    e->tally->last_reply_ns = now;
    if (e->spec->closed && now < e->stop_ns)
        e->closed_due++;
}

static void on_reply(void *ctx, struct link *l, struct pending *p, const struct frame *f,
                     uint64_t now)
{
    struct engine *e = ctx;
    struct counts *c = &e->tally->ops[p->op].counts;
    const struct mix_op *op = &e->spec->mix->ops[p->op];
    (void)l;
    c->server_us += f->time;
    c->bytes_in += FRAME_HEADER + f->body.len;
    over(e, now);
    if (f->status) {
        if (e->closed_due) { /* refused: a client that asks again at once is a storm */
            e->closed_due--;
            e->closed_later++;
        }
        c->failed[(uint32_t)f->status < FAILURE_HELD_BACK ? (uint32_t)f->status
                                                          : STATUS_INTERNAL]++;
        return;
    }
    if (!observe_reply(&e->observer, op, l->number, p, f, c)) {
        c->failed[FAILURE_BAD_REPLY]++;
        return;
    }
    uint64_t took = now - p->intended_ns, deadline = (uint64_t)op->deadline_ms * 1000000;
    uint64_t limit = e->spec->late_after_ns ? e->spec->late_after_ns
                     : deadline             ? deadline
                                            : DEFAULT_LATE_NS;
    c->ok++;
    c->good += !deadline || took <= deadline;
    c->late += took > limit;
    record(e, p, false, now);
}

static void on_fail(void *ctx, struct link *l, struct pending *p, uint32_t failure, uint64_t now)
{
    struct engine *e = ctx;
    (void)l;
    over(e, now);
    e->tally->ops[p->op].counts.failed[failure]++;
    record(e, p, true, now); /* it would have taken at least that long */
}

static void on_sent(void *ctx, struct pending *p)
{
    struct engine *e = ctx;
    uint64_t lag = p->sent_ns > p->intended_ns ? p->sent_ns - p->intended_ns : 0;
    e->tally->ops[p->op].counts.sent_late += lag > LATE_NS;
    if (lag > e->tally->send_lag_max_ns)
        e->tally->send_lag_max_ns = lag;
}

static void on_goaway(void *ctx)
{
    ((struct engine *)ctx)->tally->goaways++;
}

/* --- sending ---------------------------------------------------------------------------------- */

static uint32_t line_of(const struct mix_op *op)
{
    return op->frame_class >= CLASS_SHEDDABLE;
}

/* Which connections a request may take, and how many under way leave room for it. Where a mix has
 * both, those of lower classes leave half of the bound to the others. */
static void make_lines(struct engine *e)
{
    const struct engine_spec *s = e->spec;
    uint32_t ops[LINES] = {0}, half = s->connections / 2;
    for (uint32_t i = 0; i < s->mix->op_count; i++)
        ops[line_of(&s->mix->ops[i])]++;
    bool both = ops[0] && ops[1] && !s->closed, apart = both && s->split && half;
    for (int i = 0; i < LINES; i++) {
        e->lines[i].from = i && apart ? half : 0;
        e->lines[i].count = !apart ? s->connections : i ? s->connections - half : half;
        e->lines[i].in_flight_most = i && both ? (s->max_in_flight + 1) / 2 : s->max_in_flight;
    }
}

static struct link *pick_link(struct engine *e, uint32_t line, bool *connected)
{
    uint32_t n = e->lines[line].count;
    *connected = e->in_flight >= e->lines[line].in_flight_most;
    if (*connected)
        return NULL;
    for (uint32_t i = 0; i < n; i++) {
        struct link *l = &e->links[e->lines[line].from + e->lines[line].turn];
        e->lines[line].turn = e->lines[line].turn + 1 < n ? e->lines[line].turn + 1 : 0;
        if (link_takes(l))
            return l;
        *connected |= l->state == LINK_UP || l->state == LINK_CONNECTING;
    }
    return NULL;
}

/* A deadline counts from the intended start: what our own lateness took is not the server's. */
static uint32_t deadline_left(uint32_t deadline_ms, uint64_t intended, uint64_t now)
{
    uint64_t gone = now > intended ? (now - intended) / 1000000 : 0;
    return !deadline_ms ? 0 : gone < deadline_ms ? deadline_ms - (uint32_t)gone : 1;
}

/* The tester is so late that nobody could call the reply good, or that less important requests are
 * given up for the others: what it cannot send in time is not the server's. */
static bool too_late(const struct engine *e, const struct mix_op *op, uint64_t intended,
                     uint64_t now)
{
    uint64_t late = now > intended ? now - intended : 0;
    bool yields = line_of(op) && e->lines[1].in_flight_most < e->lines[0].in_flight_most;
    return (op->deadline_ms && late >= (uint64_t)op->deadline_ms * 1000000) ||
           (yields && late >= SHED_NS);
}

/* What a request that is due came to. */
enum dispatched { SENT, NOT_SENT, NO_ROOM /* only in a closed loop: ask again */ };

static enum dispatched dispatch(struct engine *e, uint64_t intended, uint64_t now)
{
    struct frame f;
    bool connected = true;
    struct link *l = e->spec->closed ? pick_link(e, 0, &connected) : NULL;
    if (!l && e->spec->closed)
        return NO_ROOM;
    uint32_t op =
        e->spec->replay ? e->spec->replay->entries[e->replayed].op : player_pick(&e->player);
    struct counts *c = &e->tally->ops[op].counts;
    const struct mix_op *row = &e->spec->mix->ops[op];
    c->offered++;
    if (too_late(e, row, intended, now)) {
        c->failed[FAILURE_UNSENT]++;
        return NOT_SENT;
    }
    if (!l && !(l = pick_link(e, line_of(row), &connected))) {
        c->failed[connected ? FAILURE_HELD_BACK : FAILURE_UNCONNECTED]++;
        return NOT_SENT;
    }
    if (e->spec->replay)
        replay_frame(&e->spec->replay->entries[e->replayed], &e->player, &f);
    else
        player_make(&e->player, op, NULL, &f);
    f.time = deadline_left(f.time, intended, now);
    struct pending *p = link_put(l, &f, intended, now + e->spec->timeout_ns);
    p->op = (uint8_t)op;
    c->sent++;
    c->bytes_out += FRAME_HEADER + f.body.len;
    e->in_flight++;
    if (!l->dirty) {
        l->dirty = true;
        e->dirty[e->dirty_count++] = l;
    }
    if (l->fresh_count == sizeof l->fresh / sizeof l->fresh[0])
        link_flush(l, &e->handler);
    return SENT;
}

static void flush_all(struct engine *e)
{
    for (uint32_t i = 0; i < e->dirty_count; i++) {
        e->dirty[i]->dirty = false;
        link_flush(e->dirty[i], &e->handler);
    }
    e->dirty_count = 0;
}

/* The intended time of the request after this one. */
static void advance(struct engine *e)
{
    uint64_t at;
    if (e->spec->replay) {
        uint64_t next = e->replayed + (uint64_t)e->spec->parts;
        e->replayed = next < e->spec->replay->count ? (uint32_t)next : UINT32_MAX;
        e->next_ns = e->replayed != UINT32_MAX
                         ? e->start_ns + e->spec->replay->entries[e->replayed].at_ns
                         : UINT64_MAX;
    } else {
        e->next_ns = schedule_next(&e->schedule, &at) ? UINT64_MAX : e->start_ns + at;
    }
}

/*
 * The schedule's end has passed and requests of it are left: the tester could not keep up. They are
 * counted and not sent; a run does not last longer than was said.
 */
static void give_up_rest(struct engine *e, uint64_t now)
{
    while (e->next_ns <= now && e->next_ns != UINT64_MAX) {
        uint32_t op =
            e->spec->replay ? e->spec->replay->entries[e->replayed].op : player_pick(&e->player);
        e->tally->ops[op].counts.offered++;
        e->tally->ops[op].counts.failed[FAILURE_UNSENT]++;
        advance(e);
    }
}

static void send_due(struct engine *e)
{
    uint64_t now = clock_ns();
    if (e->spec->closed) {
        while (e->closed_due && now < e->stop_ns && dispatch(e, now, now) != NO_ROOM)
            e->closed_due--;
        if (now >= e->stop_ns)
            e->next_ns = UINT64_MAX;
    }
    for (uint32_t n = 0; !e->spec->closed && e->next_ns <= now && n < BATCH * SEND_COST;) {
        n += dispatch(e, e->next_ns, now) == SENT ? SEND_COST : 1;
        advance(e);
    }
    flush_all(e);
    if (!e->spec->closed && now >= e->stop_ns + GRACE_NS)
        give_up_rest(e, now);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void roll(struct engine *e, uint64_t now, bool last)
{
    uint64_t length = e->spec->interval_ns;
    while (now >= e->interval_start_ns + length || last) {
        uint64_t to = e->interval_start_ns + length;
        if (to > now)
            to = now;
        tally_roll(e->tally, (e->interval_start_ns - e->start_ns) / 1000,
                   (to - e->interval_start_ns) / 1000, &e->before);
        e->interval_start_ns = to;
        if (last)
            return;
    }
}

/* A connection told to go away finishes beside the one that takes its place. */
static void replace(struct engine *e, uint32_t number, uint64_t now)
{
    struct link *l = &e->links[number], *aside = &e->links[e->spec->connections + number];
    if (aside->state != LINK_DOWN)
        return;
    struct link kept = *aside;
    *aside = *l;
    *l = kept;
    aside->number = e->spec->connections + number;
    l->number = number;
    l->limit = l->slot_count;
    struct epoll_event event = {.events = EPOLLIN | (aside->want_write ? EPOLLOUT : 0),
                                .data.u32 = aside->number};
    epoll_ctl(e->epoll, EPOLL_CTL_MOD, aside->fd, &event);
    if (aside->in_flight == 0)
        link_close(aside, &e->handler, now);
    l->retry_ns = 0;
}

static void tend_links(struct engine *e, uint64_t now)
{
    const struct sockaddr *address = (const struct sockaddr *)&e->spec->address;
    for (uint32_t i = 0; i < e->spec->connections; i++) {
        struct link *l = &e->links[i];
        if (l->state == LINK_DRAINING)
            replace(e, i, now);
        if (l->state == LINK_DOWN && now >= l->retry_ns &&
            !link_open(l, address, e->spec->address_len, now))
            e->tally->reconnects++;
    }
}

static void expire(struct engine *e, uint64_t now)
{
    for (uint32_t i = 0; i < 2 * e->spec->connections; i++)
        if (e->links[i].in_flight)
            link_expire(&e->links[i], &e->handler, now);
}

static void tick(struct engine *e, uint64_t now)
{
    if (now < e->tick_ns)
        return;
    e->tick_ns = now + TICK_NS;
    e->closed_due += e->closed_later;
    e->closed_later = 0;
    if (!(++e->ticks % EXPIRE_TICKS)) /* looks at every request under way */
        expire(e, now);
    tend_links(e, now);
    roll(e, now, false);
}

static void wait_and_read(struct engine *e)
{
    struct epoll_event events[EVENTS];
    uint64_t now = clock_ns(), until = e->next_ns < e->tick_ns ? e->next_ns : e->tick_ns;
    if (e->spec->closed && e->start_ns)
        until = e->tick_ns; /* an answer wakes */
    struct timespec wait = {0};
    if (until > now && !e->spec->spin)
        wait.tv_nsec = (long)(until - now < TICK_NS ? until - now : TICK_NS);
    int n = epoll_pwait2(e->epoll, events, EVENTS, &wait, NULL);
    bool goaway = false;
    for (int i = 0; i < n; i++) {
        struct link *l = &e->links[events[i].data.u32];
        link_ready(l, events[i].events, &e->room, &e->handler);
        goaway |= l->number < e->spec->connections &&
                  (l->state == LINK_DRAINING || (l->state == LINK_DOWN && !l->retry_ns));
    }
    if (goaway)
        tend_links(e, clock_ns());
    e->tally->passes++;
}

static enum status set_up(struct engine *e)
{
    uint32_t n = e->spec->connections;
    e->epoll = epoll_create1(EPOLL_CLOEXEC);
    e->links = calloc(2 * (size_t)n, sizeof *e->links);
    e->dirty = calloc(2 * (size_t)n, sizeof(struct link *));
    if (e->epoll < 0 || !e->links || !e->dirty || !buf_reserve(&e->room, ROOM))
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < 2 * n; i++)
        if (link_init(&e->links[i], i, e->epoll, e->spec->max_in_flight))
            return STATUS_NO_MEMORY;
    struct fault fault;
    enum status st = e->spec->encrypted ? tls_client_create(&e->spec->tls, &e->tls, &fault) : 0;
    if (st)
        snprintf(e->tally->fault, sizeof e->tally->fault, "%s", fault.text);
    for (uint32_t i = 0; i < 2 * n && !st && e->tls; i++) {
        e->links[i].context = e->tls;
        e->links[i].host = e->spec->host;
    }
    for (uint32_t i = 0; i < 2 * n; i++)
        e->links[i].key = e->spec->key;
    return st;
}

/* Waits until every connection stands; some seconds for a server that just starts. */
static enum status connect_all(struct engine *e)
{
    uint64_t until = clock_ns() + e->spec->connect_ns;
    uint32_t up = 0, n = e->spec->connections;
    while (up < n && clock_ns() < until) {
        e->tick_ns = clock_ns() + TICK_NS;
        e->next_ns = UINT64_MAX;
        tend_links(e, clock_ns());
        wait_and_read(e);
        up = 0;
        for (uint32_t i = 0; i < n; i++)
            up += e->links[i].state == LINK_UP;
    }
    e->tally->reconnects = 0;
    if (up == n)
        return STATUS_OK;
    snprintf(e->tally->fault, sizeof e->tally->fault, "%u of %u connections could be made", up, n);
    return up ? STATUS_OK : STATUS_UNAVAILABLE;
}

static void begin(struct engine *e)
{
    atomic_store(&e->tally->ready, 1);
    while (!(e->start_ns = atomic_load(&e->tally->start_ns)) && !atomic_load(&e->tally->stop))
        wait_and_read(e);
    e->stop_ns = e->start_ns + e->spec->duration_ns;
    e->interval_start_ns = e->start_ns;
    e->tally->passes = 0;
    if (e->spec->closed) {
        e->closed_due = e->spec->closed;
        e->next_ns = e->start_ns;
    } else if (e->spec->replay) {
        e->replayed = e->spec->part;
        e->next_ns = e->replayed < e->spec->replay->count
                         ? e->start_ns + e->spec->replay->entries[e->replayed].at_ns
                         : UINT64_MAX;
    } else {
        advance(e);
    }
}

static void run(struct engine *e)
{
    uint64_t drain_until = 0;
    while (!atomic_load_explicit(&e->tally->stop, memory_order_relaxed)) {
        uint64_t now = clock_ns();
        if (now >= e->start_ns)
            send_due(e);
        tick(e, now);
        if (e->next_ns == UINT64_MAX) {
            if (!drain_until)
                drain_until = now + e->spec->drain_ns;
            if (!e->in_flight || now >= drain_until)
                break;
        }
        wait_and_read(e);
    }
    expire(e, UINT64_MAX);
}

enum status engine_run(const struct engine_spec *spec, struct tally *t)
{
    struct engine e = {.spec = spec, .tally = t, .schedule = spec->schedule, .epoll = -1};
    struct rusage u;
    e.handler = (struct link_handler){&e, on_reply, on_fail, on_sent, on_goaway};
    player_init(&e.player, spec->mix, spec->seed + spec->part);
    observer_init(&e.observer, spec->verify, 2 * spec->connections, t);
    prctl(PR_SET_TIMERSLACK, 1UL);
    make_lines(&e);
    enum status s = set_up(&e);
    if (!s)
        s = connect_all(&e);
    if (!s) {
        struct rusage at_start;
        getrusage(RUSAGE_SELF, &at_start);
        begin(&e);
        run(&e);
        t->end_ns = clock_ns();
        roll(&e, t->end_ns, true);
        getrusage(RUSAGE_SELF, &u);
        t->cpu_ns = (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec - at_start.ru_utime.tv_sec -
                               at_start.ru_stime.tv_sec) *
                        1000000000 +
                    (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000 -
                    (uint64_t)(at_start.ru_utime.tv_usec + at_start.ru_stime.tv_usec) * 1000;
    }
    for (uint32_t i = 0; e.links && i < 2 * spec->connections; i++)
        link_fini(&e.links[i]);
    tls_context_destroy(&e.tls);
    free(e.links);
    free(e.dirty);
    if (e.epoll >= 0)
        close(e.epoll);
    buf_fini(&e.room);
    observer_fini(&e.observer);
    player_fini(&e.player);
    atomic_store(&t->finished, 1);
    return s;
}
