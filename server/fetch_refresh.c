#include "server/fetch_refresh.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "server/fetch_call.h"
#include "server/fetch_write.h"

enum entry_state { READY, FLYING, RESTING };
enum {
    ENTRIES_MOST = 200000,
    HEATS = 12,  /* ready lists, by the logarithm of the askings */
    WHEEL = 128, /* resting lists, by second */
    NEGATIVE_MS = 30000,
    CONFIRM_MS = 1000,
    BACKOFF_MS = 1000,
    BACKOFF_MOST_MS = 60000,
    FLUSH_ITEMS = 512,
    ID_MAX = 495
};

struct waiter {
    struct waiter *next;
    refresh_fn fn;
    void *ctx;
    int64_t deadline_ms;
};

struct entry {
    struct entry *chain;       /* of its hash */
    struct entry *next, *prev; /* of its list */
    struct waiter *waiters;
    uint64_t hash;
    int64_t not_before_ms, negative_ms; /* monotonic; remembered as not found until then */
    uint32_t asks, waiting;
    uint8_t state, list, failures, misses;
    bool again; /* asked for while it flew or rested */
    uint16_t id_len;
    char id[];
};

struct flight {
    struct refresh *refresh;
    struct fetch_call *call;
    struct flight *next, *prev;
    uint64_t lease;
    uint32_t count;
    struct entry *entries[];
};

struct refresh {
    struct fetch_catalog *catalog;
    struct entry **buckets;
    uint32_t bucket_count, entry_count, ready_count;
    struct entry *ready[HEATS], *ready_last[HEATS];
    struct entry *resting[WHEEL];
    int64_t wheel_ms; /* woken up to here */
    struct flight *flights;
    double tokens;
    int64_t tokens_ms, counted_ms;
    uint32_t again_count; /* of those that rest, at counted_ms */
    struct buf items;     /* changes of this turn */
    uint32_t item_count;
    struct refresh_figures figures;
};

static struct slice id_of(const struct entry *e)
{
    return slice_make(e->id, e->id_len);
}

/* --- the table ---------------------------------------------------------------------------------
 */

static struct entry **place_of(struct refresh *r, struct slice id, uint64_t hash)
{
    struct entry **at = &r->buckets[hash & (r->bucket_count - 1)];
    while (*at && ((*at)->hash != hash || !slice_equal(id_of(*at), id)))
        at = &(*at)->chain;
    return at;
}

static void grow(struct refresh *r)
{
    uint32_t count = r->bucket_count * 2;
    struct entry **buckets = calloc(count, sizeof(void *));
    if (!buckets)
        return;
    for (uint32_t i = 0; i < r->bucket_count; i++)
        for (struct entry *e = r->buckets[i], *next; e; e = next) {
            next = e->chain;
            e->chain = buckets[e->hash & (count - 1)];
            buckets[e->hash & (count - 1)] = e;
        }
    free(r->buckets);
    r->buckets = buckets;
    r->bucket_count = count;
}

/* --- lists -------------------------------------------------------------------------------------
 */

static uint8_t heat_of(uint32_t asks)
{
    uint8_t heat = 0;
    while (asks > 1 && heat < HEATS - 1) {
        asks /= 2;
        heat++;
    }
    return heat;
}

static void leave_list(struct refresh *r, struct entry *e)
{
    bool ready = e->state == READY;
    struct entry **first = ready ? &r->ready[e->list] : &r->resting[e->list];
    if (e->state == FLYING)
        return;
    *(e->prev ? &e->prev->next : first) = e->next;
    if (e->next)
        e->next->prev = e->prev;
    else if (ready)
        r->ready_last[e->list] = e->prev;
    r->ready_count -= ready;
    e->next = e->prev = NULL;
}

static void make_ready(struct refresh *r, struct entry *e)
{
    e->state = READY;
    e->again = false;
    e->list = heat_of(e->asks);
    e->prev = r->ready_last[e->list];
    e->next = NULL;
    *(e->prev ? &e->prev->next : &r->ready[e->list]) = e;
    r->ready_last[e->list] = e;
    r->ready_count++;
}

static void make_resting(struct refresh *r, struct entry *e, int64_t until_ms)
{
    e->state = RESTING;
    e->not_before_ms = until_ms;
    int64_t last = until_ms > e->negative_ms || e->again || e->waiters ? until_ms : e->negative_ms;
    e->list = (uint8_t)(last / 1000 % WHEEL); /* woken when that second is over */
    e->prev = NULL;
    e->next = r->resting[e->list];
    if (e->next)
        e->next->prev = e;
    r->resting[e->list] = e;
}

static struct entry *entry_new(struct refresh *r, struct slice id, uint64_t hash)
{
    if (r->entry_count >= ENTRIES_MOST || !id.len || id.len > ID_MAX)
        return NULL;
    struct entry *e = calloc(1, sizeof *e + id.len);
    if (!e)
        return NULL;
    e->hash = hash;
    e->id_len = (uint16_t)id.len;
    memcpy(e->id, id.ptr, id.len);
    if (r->entry_count++ >= r->bucket_count)
        grow(r);
    struct entry **at = &r->buckets[hash & (r->bucket_count - 1)];
    e->chain = *at;
    *at = e;
    return e;
}

static void entry_free(struct refresh *r, struct entry *e)
{
    *place_of(r, id_of(e), e->hash) = e->chain;
    r->entry_count--;
    free(e);
}

/* --- waiters -----------------------------------------------------------------------------------
 */

static void tell_waiters(struct entry *e, const struct get_item_reply *item)
{
    struct waiter *w = e->waiters;
    e->waiters = NULL;
    e->waiting = 0;
    while (w) {
        struct waiter *next = w->next;
        w->fn(w->ctx, item);
        free(w);
        w = next;
    }
}

static void tell_status(struct entry *e, enum status s)
{
    tell_waiters(e, &(struct get_item_reply){.status = s, .id = id_of(e)});
}

static bool add_waiter(struct entry *e, int64_t deadline_ms, refresh_fn fn, void *ctx)
{
    struct waiter *w = e->waiting < REFRESH_WAITERS ? malloc(sizeof *w) : NULL;
    if (!w)
        return false;
    *w = (struct waiter){e->waiters, fn, ctx, deadline_ms};
    e->waiters = w;
    e->waiting++;
    return true;
}

/* --- what an answer does -----------------------------------------------------------------------
 */

static void change(struct refresh *r, const struct put_item *item)
{
    if (!r->item_count)
        put_request_header(
            &(struct put_request){.catalog = slice_str(r->catalog->name), .ack = ACK_LOGGED},
            &r->items);
    put_item_encode(item, &r->items);
    if (++r->item_count >= FLUSH_ITEMS)
        refresh_flush(r);
}

/* DELETE and VALIDATE name the product only. */
static void change_bare(struct refresh *r, struct entry *e, enum put_op op, uint64_t version,
                        const struct flight *f, const struct call_answer *a)
{
    struct buf document = BUF_INIT;
    document_put_header(&document, id_of(e), 0);
    struct put_item item = {.op = op,
                            .version = version,
                            .ttl_ms = a->cache.ttl_ms,
                            .swr_ms = a->cache.swr_ms,
                            .sie_ms = a->cache.sie_ms,
                            .document = buf_slice(&document),
                            .lease = f->lease,
                            .origin = a->provider->definition->number,
                            .age_ms = a->cache.age_ms};
    if (!document.failed)
        change(r, &item);
    buf_fini(&document);
}

static bool stored(struct refresh *r, struct slice id, uint64_t *version)
{
    struct catalog *c;
    uint32_t docid;
    int64_t v = 0;
    if (fetch_catalog_open(r->catalog, &c))
        return false;
    bool found = snapshot_find(c->snapshot, id, &docid) == STATUS_OK;
    struct column *versions = found ? snapshot_column(c->snapshot, COLUMN_VERSION) : NULL;
    if (versions && column_int(versions, docid, &v))
        v = 0;
    snapshot_end(c->snapshot);
    *version = (uint64_t)v;
    return found;
}

static void rest(struct refresh *r, struct entry *e, int64_t now)
{
    const struct fetch_catalog *c = r->catalog;
    int64_t least = c->provider_count ? c->providers[0]->definition->min_refetch_ms : CONFIRM_MS;
    e->asks = 0;
    e->failures = 0;
    make_resting(r, e, now + least);
}

static void renewed(struct refresh *r, struct entry *e, const struct flight *f,
                    const struct call_answer *a, const struct mapped *m, int64_t now)
{
    struct put_item item = {.op = PUT_UPSERT,
                            .version = m->version,
                            .ttl_ms = a->cache.ttl_ms,
                            .swr_ms = a->cache.swr_ms,
                            .sie_ms = a->cache.sie_ms,
                            .document = m->document,
                            .lease = f->lease,
                            .origin = a->provider->definition->number,
                            .age_ms = a->cache.age_ms,
                            .validator = f->count == 1 ? a->validator : SLICE_NULL};
    if (a->storable)
        change(r, &item);
    e->misses = 0;
    e->negative_ms = 0;
    r->figures.refreshed++;
    tell_waiters(e, &(struct get_item_reply){.status = STATUS_OK,
                                             .id = id_of(e),
                                             .document = m->document,
                                             .freshness = FRESH,
                                             .age_ms = a->cache.age_ms,
                                             .version = m->version});
    rest(r, e, now);
}

static void still_right(struct refresh *r, struct entry *e, const struct flight *f,
                        const struct call_answer *a, int64_t now)
{
    uint64_t version;
    if (stored(r, id_of(e), &version))
        change_bare(r, e, PUT_VALIDATE, version, f, a);
    r->figures.refreshed++;
    e->misses = 0;
    tell_status(e, STATUS_OK);
    rest(r, e, now);
}

static void missing(struct refresh *r, struct entry *e, const struct flight *f,
                    const struct call_answer *a, bool deleted, int64_t now)
{
    uint64_t version;
    bool plainly = a->result != RESULT_NOT_FOUND && !(a->result == RESULT_GOOD && !deleted);
    bool have = stored(r, id_of(e), &version), confirm = have && !plainly;
    e->misses += e->misses < 2;
    if (have && (!confirm || e->misses >= 2)) {
        change_bare(r, e, PUT_DELETE, 0, f, a);
        r->figures.removed++;
        confirm = false;
    }
    e->negative_ms = now + NEGATIVE_MS;
    e->again = confirm; /* asks a second time before it believes */
    tell_status(e, STATUS_NOT_FOUND);
    rest(r, e, now);
}

static void failed(struct refresh *r, struct entry *e, int64_t now)
{
    uint64_t version;
    tell_status(e, STATUS_UPSTREAM);
    e->failures += e->failures < 30;
    e->again = stored(r, id_of(e), &version); /* what is only guessed at is not chased */
    make_resting(r, e,
                 now + CONFIRM_MS +
                     retry_pause_ms(e->failures, BACKOFF_MS, BACKOFF_MOST_MS,
                                    fetch_random(r->catalog->fetcher)));
}

static const struct mapped *item_of(const struct call_answer *a, struct slice id)
{
    for (uint32_t i = 0; i < a->item_count; i++)
        if (slice_equal(a->items[i].id, id))
            return &a->items[i];
    return NULL;
}

static void on_answer(void *ctx, const struct call_answer *a)
{
    struct flight *f = ctx;
    struct refresh *r = f->refresh;
    int64_t now = clock_mono_ms();
    *(f->prev ? &f->prev->next : &r->flights) = f->next;
    if (f->next)
        f->next->prev = f->prev;
    for (uint32_t i = 0; i < f->count; i++) {
        struct entry *e = f->entries[i];
        const struct mapped *m = a->result == RESULT_GOOD ? item_of(a, id_of(e)) : NULL;
        r->figures.in_flight--;
        if (m && !m->deleted)
            renewed(r, e, f, a, m, now);
        else if (a->result == RESULT_NOT_MODIFIED)
            still_right(r, e, f, a, now);
        else if (a->result == RESULT_FAILED || (!m && a->bad_items && a->result == RESULT_GOOD))
            failed(r, e, now);
        else
            missing(r, e, f, a, m && m->deleted, now);
    }
    free(f);
    refresh_tick(r);
}

/* --- flights -----------------------------------------------------------------------------------
 */

#ifdef SOUK_FAULT_SECOND_FETCH
static void on_nothing(void *ctx, const struct call_answer *a)
{
    (void)ctx;
    (void)a;
}
#endif

/* The entries leave their lists; OK when they fly, else they are as they were. */
static enum status fly(struct refresh *r, struct flight *f, enum call_kind kind,
                       int64_t deadline_ms)
{
    struct buf ids = BUF_INIT;
    for (uint32_t i = 0; i < f->count; i++) {
        if (i)
            buf_put_u8(&ids, ',');
        buf_put_slice(&ids, id_of(f->entries[i]));
    }
#ifdef SOUK_FAULT_SECOND_FETCH /* a test build that must turn the outage tests red */
    fetch_call_start(r->catalog,
                     &(struct call_request){.kind = CALL_FOREGROUND,
                                            .what = CALL_ONE,
                                            .subject = id_of(f->entries[0])},
                     on_nothing, NULL, NULL);
#endif
    struct call_request q = {.kind = kind,
                             .what = f->count > 1 ? CALL_MANY : CALL_ONE,
                             .subject = buf_slice(&ids),
                             .deadline_ms = deadline_ms};
    if (q.what == CALL_ONE && !fetch_call_provider(r->catalog, kind, CALL_ONE))
        q.what = CALL_MANY; /* a provider may have only that */
    f->refresh = r;
    f->lease = atomic_load(&r->catalog->row->logged) + 1;
    enum status st =
        ids.failed ? STATUS_NO_MEMORY : fetch_call_start(r->catalog, &q, on_answer, f, &f->call);
    buf_fini(&ids);
    if (st)
        return st;
    for (uint32_t i = 0; i < f->count; i++) {
        leave_list(r, f->entries[i]);
        f->entries[i]->state = FLYING;
        f->entries[i]->again = false;
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

/* A product somebody waits for goes at once. */
static void fly_alone(struct refresh *r, struct entry *e, int64_t deadline_ms)
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
    tell_status(e, STATUS_UPSTREAM); /* every breaker is open, or there is no room */
}

static bool batchable(const struct entry *e)
{
    return !memchr(e->id, ',', e->id_len);
}

/* The hottest entries, up to `most`; one that cannot share a call goes alone. */
static uint32_t collect(struct refresh *r, struct entry **out, uint32_t most)
{
    uint32_t n = 0;
    for (int heat = HEATS - 1; heat >= 0; heat--)
        for (struct entry *e = r->ready[heat]; e && n < most; e = e->next) {
            if (!batchable(e) && n)
                continue;
            out[n++] = e;
            if (!batchable(e))
                return n;
        }
    return n;
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
    struct fetch_provider *many = fetch_call_provider(r->catalog, CALL_BACKGROUND, CALL_MANY);
    struct fetch_provider *p = many && r->ready_count > 1
                                   ? many
                                   : fetch_call_provider(r->catalog, CALL_BACKGROUND, CALL_ONE);
    p = p ? p : many;
    if (!p || p->definition->paused || !take_token(r, (double)p->definition->rate, now))
        return false;
    uint32_t most = p == many ? (uint32_t)p->definition->batch : 1;
    struct flight *f = flight_new(most);
    if (!f)
        return false;
    f->count = collect(r, f->entries, most);
    if (f->count && fly(r, f, CALL_BACKGROUND, 0) == STATUS_OK)
        return true;
    free(f);
    return false;
}

/* --- time --------------------------------------------------------------------------------------
 */

static void end_waits(struct entry *e, int64_t now)
{
    struct waiter *w, **at = &e->waiters;
    while ((w = *at)) {
        if (now < w->deadline_ms) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        e->waiting--;
        w->fn(w->ctx, &(struct get_item_reply){.status = STATUS_DEADLINE, .id = id_of(e)});
        free(w);
    }
}

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

static void wake(struct refresh *r, struct entry *e, int64_t now)
{
    if (e->not_before_ms > now || (e->negative_ms > now && !e->again && !e->waiters)) {
        leave_list(r, e);
        make_resting(r, e, e->not_before_ms); /* a later turn of the wheel */
        return;
    }
    leave_list(r, e);
    if (e->again || e->waiters) {
        bool waited = e->waiters != NULL;
        make_ready(r, e);
        if (waited)
            fly_alone(r, e, e->waiters->deadline_ms);
        return;
    }
    forget_asking(r, id_of(e));
    entry_free(r, e);
}

static void turn_wheel(struct refresh *r, int64_t now)
{
    for (; r->wheel_ms / 1000 < now / 1000; r->wheel_ms += 1000)
        for (struct entry *e = r->resting[r->wheel_ms / 1000 % WHEEL], *next; e; e = next) {
            next = e->next;
            wake(r, e, now);
        }
}

void refresh_tick(struct refresh *r)
{
    int64_t now = clock_mono_ms();
    turn_wheel(r, now);
    for (struct flight *f = r->flights; f; f = f->next)
        for (uint32_t i = 0; i < f->count; i++)
            if (f->entries[i]->waiters)
                end_waits(f->entries[i], now);
    while (r->ready_count && fly_next(r, now))
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

static struct entry *find_or_new(struct refresh *r, struct slice id, bool *fresh)
{
    uint64_t hash = XXH3_64bits(id.ptr, id.len);
    struct entry *e = *place_of(r, id, hash);
    *fresh = !e;
    return e ? e : entry_new(r, id, hash);
}

void refresh_ask(struct refresh *r, struct slice id)
{
    bool fresh;
    struct entry *e = find_or_new(r, id, &fresh);
    r->figures.asked++;
    if (!e) {
        r->figures.dropped++;
        return;
    }
    e->asks += e->asks < UINT32_MAX;
    if (fresh) {
        make_ready(r, e);
    } else if (e->state == READY && heat_of(e->asks) != e->list) {
        leave_list(r, e);
        make_ready(r, e);
    } else if (e->state == RESTING && e->negative_ms < clock_mono_ms()) {
        e->again = true;
    }
}

void refresh_wait(struct refresh *r, struct slice id, int64_t deadline_ms, refresh_fn fn, void *ctx)
{
    bool fresh;
    int64_t now = clock_mono_ms();
    struct entry *e = find_or_new(r, id, &fresh);
    struct get_item_reply no = {.status = STATUS_OVERLOADED, .id = id};
    r->figures.asked++;
    if (fresh && e)
        make_ready(r, e);
    if (e && e->state == RESTING && e->negative_ms > now)
        no.status = STATUS_NOT_FOUND;
    else if (e && e->state == RESTING && e->failures)
        no.status = STATUS_UPSTREAM;
    else if (e && add_waiter(e, deadline_ms, fn, ctx)) {
        e->asks++;
        if (e->state == READY)
            fly_alone(r, e, deadline_ms);
        if (e->state == READY && fresh) { /* it could not fly, and nobody else asked for it */
            leave_list(r, e);
            entry_free(r, e);
        }
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
        for (int i = 0; i < WHEEL; i++)
            for (const struct entry *e = r->resting[i]; e; e = e->next) {
                r->figures.negative += e->negative_ms > now;
                r->again_count += e->again;
            }
    }
    r->figures.backlog = r->ready_count + r->again_count;
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
    r->bucket_count = 1024;
    r->wheel_ms = r->tokens_ms = clock_mono_ms();
    r->buckets = calloc(r->bucket_count, sizeof(void *));
    if (r->buckets)
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
    for (uint32_t i = 0; i < r->bucket_count; i++)
        while (r->buckets[i]) {
            struct entry *e = r->buckets[i];
            r->buckets[i] = e->chain;
            tell_status(e, STATUS_UNAVAILABLE);
            free(e);
        }
    free(r->buckets);
    buf_fini(&r->items);
    free(r);
    *rp = NULL;
}
