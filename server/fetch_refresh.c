#include "server/fetch_refresh.h"

#include <stdlib.h>

#include "server/fetch_refresh_private.h"
#include "server/fetch_write.h"

enum { ENTRIES_MOST = 200000 };

/* --- flights -----------------------------------------------------------------------------------
 */

static void on_answer(void *ctx, const struct call_answer *a)
{
    struct flight *f = ctx;
    struct refresh *r = f->refresh;
    *(f->prev ? &f->prev->next : &r->flights) = f->next;
    if (f->next)
        f->next->prev = f->prev;
    refresh_learn(f, a);
    free(f);
    refresh_tick(r);
}

#ifdef SOUK_FAULT_SECOND_FETCH
static void on_nothing(void *ctx, const struct call_answer *a)
{
    (void)ctx;
    (void)a;
}
#endif

static void unhold(struct refresh *r, struct refresh_entry *e)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->held_count && e->held; i++)
        if (r->held[i] != e)
            r->held[kept++] = r->held[i];
    r->held_count = e->held ? kept : r->held_count;
    e->held = false;
}

/* The entries leave their lists; OK when they fly, else they are as they were. */
static enum status fly(struct refresh *r, struct flight *f, enum call_kind kind,
                       int64_t deadline_ms)
{
    struct buf ids = BUF_INIT;
    for (uint32_t i = 0; i < f->count; i++) {
        if (i)
            buf_put_u8(&ids, ',');
        buf_put_slice(&ids, refresh_entry_id(f->entries[i]));
    }
#ifdef SOUK_FAULT_SECOND_FETCH /* a test build that must turn the outage tests red */
    fetch_call_start(r->catalog,
                     &(struct call_request){.kind = CALL_FOREGROUND,
                                            .what = CALL_ONE,
                                            .subject = refresh_entry_id(f->entries[0])},
                     on_nothing, NULL, NULL);
#endif
    struct call_request q = {.kind = kind,
                             .what = f->count > 1 ? CALL_MANY : CALL_ONE,
                             .subject = buf_slice(&ids),
                             .deadline_ms = deadline_ms,
                             .trace = f->entries[0]->trace};
    if (q.what == CALL_ONE && !fetch_route_choose(r->catalog, kind, CALL_ONE, 0, NULL))
        q.what = CALL_MANY; /* a provider may have only that */
    f->refresh = r;
    f->lease = atomic_load(&r->catalog->row->logged) + 1;
    enum status st =
        ids.failed ? STATUS_NO_MEMORY : fetch_call_start(r->catalog, &q, on_answer, f, &f->call);
    buf_fini(&ids);
    if (st)
        return st;
    for (uint32_t i = 0; i < f->count; i++) {
        unhold(r, f->entries[i]);
        refresh_queue_fly(&r->queue, f->entries[i]);
        f->entries[i]->again = false;
        f->entries[i]->trace = (struct trace_context){0};
    }
    f->prev = NULL;
    f->next = r->flights;
    if (f->next)
        f->next->prev = f;
    r->flights = f;
    r->figures.in_flight += f->count;
    return STATUS_OK;
}

static struct flight *flight_new(uint32_t count)
{
    return calloc(1, sizeof(struct flight) + count * sizeof(void *));
}

/* Waits for a place; false when too many do, or nobody would answer. */
static bool hold(struct refresh *r, struct refresh_entry *e)
{
    if (e->held)
        return true;
    if (r->held_count == REFRESH_HELD ||
        (!fetch_route_full(r->catalog, CALL_FOREGROUND, CALL_ONE) &&
         !fetch_route_full(r->catalog, CALL_FOREGROUND, CALL_MANY)))
        return false;
    r->held[r->held_count++] = e;
    return e->held = true;
}

/* A product somebody waits for goes at once, or as soon as there is room. */
static void fly_alone(struct refresh *r, struct refresh_entry *e, int64_t deadline_ms)
{
    struct flight *f = flight_new(1);
    enum status st = f ? STATUS_OK : STATUS_NO_MEMORY;
    if (f) {
        f->count = 1;
        f->entries[0] = e;
        st = fly(r, f, CALL_FOREGROUND, deadline_ms);
    }
    if (!st)
        return;
    free(f);
    if (st == STATUS_UPSTREAM && hold(r, e))
        return;
    unhold(r, e);
    refresh_tell_status(e, STATUS_UPSTREAM); /* every breaker is open, or too many wait */
}

/* First come, first served, as long as there is room. */
static void fly_held(struct refresh *r, int64_t now)
{
    for (uint32_t i = r->held_count; i-- > 0;) {
        struct refresh_entry *e = r->held[i];
        refresh_entry_expire(e, now);
        if (!e->waiters)
            unhold(r, e);
    }
    while (r->held_count) {
        struct refresh_entry *e = r->held[0];
        fly_alone(r, e, refresh_entry_deadline(e));
        if (e->held)
            return;
    }
}

static bool take_token(struct refresh *r, double rate, int64_t now)
{
    double most = rate / 10 > 1 ? rate / 10 : 1; /* what a tenth of a second earns */
    r->tokens += (double)(now - r->tokens_ms) * rate / 1000;
    r->tokens_ms = now;
    if (r->tokens > most)
        r->tokens = most;
    if (r->tokens < 1)
        return false;
    r->tokens -= 1;
    return true;
}

static bool fly_next(struct refresh *r, int64_t now)
{
    struct fetch_provider *many =
        fetch_route_choose(r->catalog, CALL_BACKGROUND, CALL_MANY, 0, NULL);
    struct fetch_provider *p =
        many && r->queue.ready_count > 1
            ? many
            : fetch_route_choose(r->catalog, CALL_BACKGROUND, CALL_ONE, 0, NULL);
    p = p ? p : many;
    if (!p || p->definition->paused || !take_token(r, (double)p->definition->rate, now))
        return false;
    uint32_t most = p == many ? (uint32_t)p->definition->batch : 1;
    struct flight *f = flight_new(most);
    if (!f)
        return false;
    f->count = refresh_queue_hottest(&r->queue, f->entries, most);
    if (f->count && fly(r, f, CALL_BACKGROUND, 0) == STATUS_OK)
        return true;
    free(f);
    return false;
}

/* --- time --------------------------------------------------------------------------------------
 */

/* Fronts may ask for it again: what was learned has long been visible to them. */
static void forget_asking(struct refresh *r, struct slice id)
{
    struct catalog *c;
    uint32_t docid;
    if (fetch_catalog_open(r->catalog, &c))
        return;
    if (snapshot_find(c->snapshot, id, &docid) == STATUS_OK)
        shared_pages_answered(&c->pages, docid);
    snapshot_end(c->snapshot);
}

static void wake(void *ctx, struct refresh_entry *e)
{
    struct refresh *r = ctx;
    int64_t now = clock_mono_ms();
    if (e->not_before_ms > now || (e->negative_ms > now && !e->again && !e->waiters)) {
        refresh_queue_rest(&r->queue, e, e->not_before_ms);
    } else if (e->again || e->waiters) {
        int64_t deadline_ms = refresh_entry_deadline(e);
        refresh_queue_ready(&r->queue, e);
        if (deadline_ms)
            fly_alone(r, e, deadline_ms);
    } else {
        forget_asking(r, refresh_entry_id(e));
        refresh_queue_remove(&r->queue, e);
    }
}

void refresh_recover(struct refresh *r)
{
    for (int i = 0; i < REFRESH_WHEEL; i++)
        for (struct refresh_entry *e = r->queue.resting[i], *next; e; e = next) {
            next = e->next;
            if (e->failures && e->again)
                refresh_queue_ready(&r->queue, e);
        }
}

void refresh_tick(struct refresh *r)
{
    int64_t now = clock_mono_ms();
    refresh_queue_turn(&r->queue, now, wake, r);
    for (struct flight *f = r->flights; f; f = f->next)
        for (uint32_t i = 0; i < f->count; i++)
            if (f->entries[i]->waiters)
                refresh_entry_expire(f->entries[i], now);
    fly_held(r, now);
    while (r->queue.ready_count && fly_next(r, now))
        ;
}

void refresh_flush(struct refresh *r)
{
    if (!r->item_count)
        return;
    if (fetch_write_put(r->catalog->fetcher->write, &r->items, NULL, NULL))
        r->figures.dropped += r->item_count;
    buf_clear(&r->items);
    r->item_count = 0;
}

/* --- asking ------------------------------------------------------------------------------------
 */

static struct refresh_entry *find_or_add(struct refresh *r, struct slice id, bool *fresh)
{
    struct refresh_entry *e = refresh_queue_find(&r->queue, id);
    *fresh = !e;
    if (!e && (e = refresh_queue_add(&r->queue, id)))
        refresh_queue_ready(&r->queue, e);
    r->figures.asked++;
    r->figures.dropped += !e;
    return e;
}

void refresh_ask(struct refresh *r, struct slice id)
{
    bool fresh;
    struct refresh_entry *e = find_or_add(r, id, &fresh);
    if (!e)
        return;
    refresh_queue_heat(&r->queue, e);
    if (e->state == REFRESH_RESTING && e->negative_ms < clock_mono_ms())
        e->again = true;
}

/* What rests is answered with what is known of it; nobody waits for the end of a rest. False: it
 * may be asked for now. */
static bool answer_resting(struct refresh *r, struct refresh_entry *e, struct get_item_reply *out)
{
    int64_t now = clock_mono_ms();
    if (e->state != REFRESH_RESTING)
        return false;
    if (e->negative_ms > now)
        out->status = STATUS_NOT_FOUND;
    else if (e->failures)
        out->status = STATUS_UPSTREAM;
    else if (e->passing || e->not_before_ms <= now)
        refresh_queue_ready(&r->queue, e);
    else
        refresh_entry_kept(e, now, out);
    return e->state == REFRESH_RESTING;
}

void refresh_wait(struct refresh *r, struct slice id, int64_t deadline_ms,
                  const struct trace_context *trace, refresh_fn fn, void *ctx)
{
    bool fresh;
    struct refresh_entry *e = find_or_add(r, id, &fresh);
    struct get_item_reply no = {.status = STATUS_OVERLOADED, .id = id};
    if (e && !answer_resting(r, e, &no) &&
        refresh_entry_wait(e, REFRESH_WAITERS, deadline_ms, fn, ctx)) {
        refresh_queue_heat(&r->queue, e);
        if (trace && e->state == REFRESH_READY && !trace_context_valid(&e->trace))
            e->trace = *trace;
        if (e->state == REFRESH_READY)
            fly_alone(r, e, deadline_ms);
        if (e->state == REFRESH_READY && fresh &&
            !e->held) /* it could not fly, and nobody else asked for it */
            refresh_queue_remove(&r->queue, e);
        return;
    }
    fn(ctx, &no);
}

struct refresh_figures refresh_figures(struct refresh *r)
{
    int64_t now = clock_mono_ms();
    if (now - r->counted_ms >= 1000) { /* a walk over all that rests */
        r->counted_ms = now;
        r->figures.negative = r->again_count = 0;
        for (int i = 0; i < REFRESH_WHEEL; i++)
            for (const struct refresh_entry *e = r->queue.resting[i]; e; e = e->next) {
                r->figures.negative += e->negative_ms > now;
                r->again_count += e->again;
            }
    }
    r->figures.backlog = r->queue.ready_count + r->again_count;
    return r->figures;
}

/* --- life --------------------------------------------------------------------------------------
 */

enum status refresh_create(struct fetch_catalog *c, struct refresh **out)
{
    struct refresh *r = calloc(1, sizeof *r);
    *out = r;
    if (!r)
        return STATUS_NO_MEMORY;
    r->catalog = c;
    r->tokens_ms = clock_mono_ms();
    if (refresh_queue_init(&r->queue, ENTRIES_MOST, r->tokens_ms) == STATUS_OK)
        return STATUS_OK;
    free(r);
    *out = NULL;
    return STATUS_NO_MEMORY;
}

void refresh_destroy(struct refresh **rp)
{
    struct refresh *r = *rp;
    if (!r)
        return;
    while (r->flights) {
        struct flight *f = r->flights;
        r->flights = f->next;
        fetch_call_cancel(f->call);
        free(f);
    }
    refresh_queue_fini(&r->queue, STATUS_UNAVAILABLE);
    buf_fini(&r->items);
    free(r);
    *rp = NULL;
}
