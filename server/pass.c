/*
 * pass - one turn of a front's loop.
 *
 *   events: every readable socket is drained into the queues of admission (conn_read.c)
 *   pass_run(): what earlier passes left in the connections' buffers
 *               requests, the next by admission, until PASS_US are over; what is ready leaves
 *               between them when it is due (departure.h), and before one that usually takes
 *               LONG_US or a slice of the bulk that is being checked, else it would wait for it
 *               bodies of those that still wait are copied; the rest is sent, one write a
 *               connection
 *   then the loop waits, stays awake for a moment (spin.h), or goes round when requests wait
 *
 * So that a request never waits unseen in a socket while others are run for long, and what waits is
 * known before it is decided who runs.
 */
#include "server/cached_search.h"
#include "server/departure.h"
#include "server/front_keys.h"
#include "server/front_trace.h"
#include "server/tls_accept.h"

#include <sched.h>

enum {
    PASS_US = 1000,
    SWEEP_MS = 1000,
    COST_LEAST = 10,
    LONG_US = 500,
    EXPIRED_MOST = 256,
    MEMORY_LEVEL = 3
};
enum { LOWER_BUSY = 25 }; /* percent */

static const enum admission_id queue_of_class[FRAME_CLASS_COUNT] = {
    QUEUE_CRITICAL, QUEUE_DEFAULT, QUEUE_SHEDDABLE, QUEUE_BACKGROUND};

enum admission_id front_queue_of(const struct conn *c, const struct frame *f)
{
    const struct operation *o = operation_of(f->opcode);
    enum admission_id q = queue_of_class[frame_class_of(f)];
    if (c->front->role->role == ROLE_ADMIN)
        return QUEUE_CRITICAL; /* outside the classes: it has a process of its own */
    if (o->queue == QUEUE_INGEST)
        return QUEUE_INGEST;
    if (o->queue > q)
        q = o->queue;
    /* The counts beside a page: a shopper misses them less than the page. */
    if (q == QUEUE_CRITICAL && f->opcode == OP_SEARCH && search_request_only_counts(f->body))
        q = QUEUE_DEFAULT;
    return c->queue_most > q ? c->queue_most : q;
}

void pass_refuse(struct front *f, struct waiting *w, enum status s)
{
    struct conn *c = conn_find(f, w->conn_id);
    if (c) {
        c->waiting--;
        c->dropped += s == STATUS_OVERLOADED;
        if (w->frame.flags & FLAG_TRACE)
            front_trace_refused(f, w, s);
        conn_refuse(c, &w->frame, s, s == STATUS_OVERLOADED ? conn_retry_ms(f) : 0);
        conn_answered(c);
    }
    admission_return(&f->admission, w);
}

static void run_waiting(struct front *f, struct waiting *w, enum status verdict)
{
    struct conn *c = w->conn_id ? conn_find(f, w->conn_id) : NULL;
    if (verdict == STATUS_OK && operation_of(w->frame.opcode)->needs & f->ladder.off)
        verdict = STATUS_OVERLOADED;
    if (verdict == STATUS_OK && c && conn_full(c))
        verdict = STATUS_OVERLOADED; /* it does not fetch the answers it has */
    if (w->conn_id && (verdict || !c)) {
        pass_refuse(f, w, verdict);
        return;
    }
    if (admission_cost_us(&f->admission, &w->frame) >= LONG_US)
        conn_send_ready(f);
    int64_t start = f->now_us;
    if (c) {
        c->waiting--;
        dispatch(f, &(struct request){c, w->frame, w->received_us, w->deadline_us, NULL, false});
    } else {
        cached_search_renew(f, w, verdict);
    }
    if (f->now_us == start)
        f->now_us = clock_mono_us();
    admission_ran(&f->admission, w, f->now_us - start);
    f->ran_us += f->now_us - start;
    f->ran_count++;
    admission_return(&f->admission, w);
}

void pass_woke(struct front *f, int64_t now_us)
{
    if (!f->asleep_us)
        return;
    f->idle_us += now_us - f->asleep_us;
    f->asleep_us = 0;
    f->woke_us = now_us;
}

static uint32_t busy_percent(struct front *f)
{
    int64_t window = f->now_us - f->window_us, idle = f->idle_us;
    f->window_us = f->now_us;
    f->idle_us = 0;
    return window <= 0 || idle >= window ? 0 : (uint32_t)(100 - idle * 100 / window);
}

/* How busy the ladder takes the front for: a flood of the lower classes fills all the time that is
 * left, and must not hold a level that shoppers do not need. */
static uint32_t busy_for_ladder(const struct front *f)
{
    uint32_t lower = f->admission.lower_percent;
    uint32_t beyond = lower > LOWER_BUSY ? lower - LOWER_BUSY : 0;
    return f->busy_percent > beyond ? f->busy_percent - beyond : 0;
}

/* Of this pass; see departure.h. */
static void send_some(struct front *f)
{
    if (!departure_due(admission_count(&f->admission), f->now_us - f->sent_us, f->busy_percent))
        return;
    conn_send_ready(f);
    f->sent_us = f->now_us;
}

/* True when there was any. */
static bool run_some(struct front *f)
{
    bool ran = false;
    struct waiting *w;
    enum status verdict;
    int64_t until = f->now_us + PASS_US;
    f->sent_us = f->now_us;
    while (f->now_us < until && (w = admission_next(&f->admission, f->now_us, &verdict))) {
        run_waiting(f, w, verdict);
        ran = true;
        if (!admission_idle(&f->admission))
            send_some(f);
    }
    return ran;
}

static bool has_work(const struct front *f)
{
    return !admission_idle(&f->admission) || f->putting || f->conns.again || f->conns.touched ||
           (f->tls && tls_accept_waits(f->tls));
}

/* Nothing has come while the front stays awake: whoever else wants the processor may have it. */
static bool stays_awake(struct front *f)
{
    if (!spin_awake(&f->spin) || has_work(f))
        return false;
    int64_t now = clock_mono_us();
    if (!f->asleep_us) /* there was a timer */
        f->asleep_us = now;
    if (!spin_look(&f->spin, now))
        return false;
    sched_yield();
    return true;
}

static void rest(struct front *f)
{
    bool more = has_work(f) || catalogs_map_ahead(f->catalogs);
    f->asleep_us = clock_mono_us();
    if (!more)
        spin_rest(&f->spin, f->asleep_us,
                  spin_pays(&f->spin, f->asleep_us) && !crowd_over(&f->crowd, f->asleep_us));
    loop_busy(f->loop, more || spin_awake(&f->spin));
}

void pass_run(struct front *f)
{
    struct waiting *w;
    if (stays_awake(f))
        return;
    f->now_us = clock_mono_us();
    pass_woke(f, f->now_us);
    if (has_work(f))
        spin_work(&f->spin, f->woke_us);
    conn_take_backlogs(f);
    bool ran = run_some(f);
    if (f->putting && admission_ingest_turn(&f->admission)) {
        conn_send_ready(f);
        put_go_on(f);
    }
    for (int i = 0; i < EXPIRED_MOST && (w = admission_expired(&f->admission, f->now_us)); i++)
        pass_refuse(f, w, STATUS_DEADLINE);
    admission_look(&f->admission, f->now_us);
    if (admission_urgent(&f->admission, f->now_us))
        ladder_hurry(&f->ladder, f->now_us);
    admission_keep(&f->admission);
    f->conns.inbox_len = 0;
    through_flush(f);
    conn_flush_touched(f, false);
    if (f->tls && tls_accept_waits(f->tls))
        tls_accept_step(f->tls, ran || !admission_idle(&f->admission));
    rest(f);
}

_Static_assert((int)QUEUE_COUNT == (int)SHARED_QUEUES, "every queue has its figure");

void pass_publish(struct front *f)
{
    struct shared_process *p = f->role->self;
    atomic_store_explicit(&p->requests, f->requests, memory_order_relaxed);
    atomic_store_explicit(&p->errors, f->errors, memory_order_relaxed);
    atomic_store_explicit(&p->refused, f->refused, memory_order_relaxed);
    for (int i = 0; i < QUEUE_COUNT; i++)
        atomic_store_explicit(&p->shed[i], admission_shed(&f->admission, i), memory_order_relaxed);
    atomic_store_explicit(&p->bytes_in, f->bytes_in, memory_order_relaxed);
    atomic_store_explicit(&p->awake_us, (uint64_t)f->spin.spun_us, memory_order_relaxed);
    atomic_store_explicit(&p->degrade, f->ladder.level, memory_order_relaxed);
    atomic_store_explicit(&p->pressure, admission_pressure(&f->admission), memory_order_relaxed);
    atomic_store_explicit(&p->bytes_out, f->bytes_out, memory_order_relaxed);
    front_keys_publish(f);
}

void pass_tick(struct front *f)
{
    int64_t now = clock_mono_ms();
    f->now_us = clock_mono_us();
    pass_woke(f, f->now_us);
    shared_beat(f->role->self);
    admission_tick(&f->admission);
    f->busy_percent = busy_percent(f);
    struct ladder_window w = {
        .pressure = admission_pressure(&f->admission),
        .busy = busy_for_ladder(f),
        .cost_us = f->ran_count >= COST_LEAST ? (uint32_t)(f->ran_us / f->ran_count) + 1 : 0,
        .least = f->memory >= MEMORY_SHORT ? MEMORY_LEVEL : 0,
        .pin = (int)atomic_load(&f->role->shared->degrade_pin) - 1};
    f->ran_us = f->ran_count = 0;
    ladder_step(&f->ladder, &w, f->now_us);
    conn_refusing_tick(f);
    front_keys_tick(f);
    pass_publish(f);
    if (now - f->swept_ms >= SWEEP_MS) {
        f->swept_ms = now;
        f->memory_used = memory_used();
        enum memory_state was = f->memory;
        /* the operator's door stays open */
        size_t limit =
            f->role->role == ROLE_ADMIN ? 0 : config_number(f->role->config, OPTION_MEMORY);
        f->memory = memory_step(was, f->memory_used, limit);
        if (f->memory != was)
            front_save_memory(f);
        conn_sweep(f, now);
    }
}
