/*
 * A shop over years of fake time: products come, are renewed and run out, the upstream fails and
 * returns, safe mode comes and goes, readers read, a full catalog gives up. Each tick what the
 * server's code says is held against a model that is as plain as its definition. The seed of a
 * failure is printed; SOUK_SEED runs it again, SOUK_TICKS sets how long.
 *
 * That the simulation can fail is proven by the same run with a fault built in: a stale product
 * that is not labelled, one that expires early, one that is served too long, one that is evicted in
 * safe mode.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "index/expiry.h"
#include "server/freshness.h"
#include "server/s3fifo.h"
#include "server/safe_mode.h"

static uint64_t random_state;

static uint64_t draw(void) /* splitmix64 */
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t n)
{
    return draw() % n;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *given = getenv(name);
    return given ? strtoull(given, NULL, 10) : otherwise;
}

/* --- freshness -------------------------------------------------------------------------------- */

enum { PRODUCTS = 64, FAULTS = 5 };
enum fault_kind { NO_FAULT, UNLABELLED_STALE, EARLY_EXPIRY, SERVED_TOO_LONG, EVICTED_IN_SAFE_MODE };

struct sim_product { /* what the index would hold, and what the model remembers of it */
    bool there;
    char id[16];
    struct windows windows;
    bool seen_stale;     /* the model saw it become stale ... */
    int64_t first_stale; /* ... by this tick, so the truth lies in (last_fresh, first_stale] */
    int64_t last_fresh;
};

struct world {
    struct schema schema;
    struct sim_product products[PRODUCTS];
    enum upstream_state upstream;
    struct safe_guard safe;
    bool by_hand;
    int64_t now, failed_since;
    enum fault_kind fault;
    const char *wrong; /* the first thing that was */
};

static const struct safe_mode_times safe_times = {1000, 10000};

static void complain(struct world *w, const char *what)
{
    if (!w->wrong)
        w->wrong = what;
}

static struct product_times times_of(const struct world *w, const struct sim_product *p)
{
    struct slice id = slice_str(p->id);
    const struct windows *f = &p->windows;
    int64_t swr = f->swr_ms >= 0 ? f->swr_ms : w->schema.swr_ms;
    struct product_times t = {.validated_ms = f->validated_ms,
                              .stale_ms = expiry_stale_ms(&w->schema, f, id),
                              .limit_ms = expiry_limit_ms(&w->schema, f, id)};
    t.soft_ms = t.stale_ms == EXPIRY_NEVER      ? EXPIRY_NEVER
                : swr < t.limit_ms - t.stale_ms ? t.stale_ms + swr
                                                : t.limit_ms;
    return t;
}

/* The server's label, with the fault of this run in it. */
static struct label told(const struct world *w, const struct product_times *t)
{
    bool failing = w->upstream > UPSTREAM_OK || w->safe.on || w->by_hand;
    struct label l = freshness_label(t, w->now, failing);
    if (w->fault == UNLABELLED_STALE && l.state == STALE && l.age_ms % 97 == 0)
        l.state = FRESH;
    if (w->fault == EARLY_EXPIRY && t->limit_ms - w->now == 1)
        l.state = EXPIRED;
    if (w->fault == SERVED_TOO_LONG && w->now == t->limit_ms)
        l.state = STALE_IF_ERROR;
    return l;
}

/* The definition, in numbers the server does not compute with: the ttl is shortened by 0 to 10 %,
 * both windows begin when it ended, the label follows from the upstream. */
static void judge(struct world *w, struct sim_product *p, const struct label *l)
{
    const struct windows *f = &p->windows;
    int64_t ttl = f->ttl_ms >= 0 ? f->ttl_ms : w->schema.ttl_ms;
    int64_t swr = f->swr_ms >= 0 ? f->swr_ms : w->schema.swr_ms;
    int64_t sie = f->sie_ms >= 0 ? f->sie_ms : w->schema.sie_ms;
    int64_t age = w->now - f->validated_ms, window = swr > sie ? swr : sie;
    bool failing =
        w->upstream == UPSTREAM_FAILING || w->upstream == UPSTREAM_DOWN || w->safe.on || w->by_hand;
    if (l->age_ms != (uint64_t)(age > 0 ? age : 0) || l->future != (age < 0))
        complain(w, "the age is wrong");
    if (!ttl) {
        if (l->state != FRESH)
            complain(w, "a product without ttl is not fresh");
        return;
    }
    if (l->state == FRESH) {
        if (age >= ttl)
            complain(w, "a stale product is not labelled");
        if (p->seen_stale)
            complain(w, "a stale product became fresh by itself");
        p->last_fresh = w->now;
        return;
    }
    if (!p->seen_stale) {
        p->seen_stale = true;
        p->first_stale = w->now;
        if (age * 10 < ttl * 9)
            complain(w, "the ttl was shortened by more than a tenth");
    }
    bool may_be_over = w->now >= p->last_fresh + 1 + window,
         is_over = w->now >= p->first_stale + window;
    if (l->state == EXPIRED ? !may_be_over : is_over)
        complain(w, l->state == EXPIRED ? "expired early" : "served past its limit");
    if (l->state == STALE && (failing || w->now >= p->first_stale + swr))
        complain(w, "stale without being renewed is not labelled stale_if_error");
    if (l->state == STALE_IF_ERROR && !failing && w->now < p->last_fresh + 1 + swr)
        complain(w, "labelled stale_if_error while it is being renewed");
}

static void renew(struct world *w, struct sim_product *p, uint32_t number)
{
    static const int64_t ttls[] = {-1, 0, 1, 9, 50, 1000, 60000};
    snprintf(p->id, sizeof p->id, "p%u", number);
    int64_t future = below(50) == 0 ? (int64_t)below(100) : 0;
    p->windows = (struct windows){.validated_ms = w->now + future,
                                  .ttl_ms = ttls[below(7)],
                                  .swr_ms = (int64_t)below(400) - 1,
                                  .sie_ms = below(2) ? -1 : (int64_t)below(2000)};
    p->there = true;
    p->seen_stale = false;
    p->last_fresh = p->windows.validated_ms - 1;
}

/* The writer's eviction: expired ones, unless safe mode holds them. */
static void evict(struct world *w)
{
    bool held = w->safe.on || w->by_hand;
    if (held && w->fault != EVICTED_IN_SAFE_MODE)
        return;
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        struct sim_product *p = &w->products[i];
        if (!p->there)
            continue;
        struct product_times t = times_of(w, p);
        if (t.limit_ms > w->now)
            continue;
        if (held)
            complain(w, "evicted in safe mode");
        p->there = false;
    }
}

static void upstream_changes(struct world *w)
{
    bool was_down = w->upstream == UPSTREAM_DOWN;
    w->upstream = (enum upstream_state)below(4);
    if (w->upstream != UPSTREAM_DOWN || !was_down)
        w->failed_since = w->upstream == UPSTREAM_DOWN ? w->now : 0;
}

static void safe_mode_judged(struct world *w)
{
    bool was = w->safe.on;
    safe_mode_step(&w->safe, w->upstream, w->now, &safe_times);
    if (!was && w->safe.on && (!w->failed_since || w->now - w->failed_since < safe_times.enter_ms))
        complain(w, "safe mode came before its time");
    if (was && !w->safe.on && w->upstream > UPSTREAM_OK)
        complain(w, "safe mode ended while the upstream fails");
}

static const char *live(uint64_t seed, uint64_t ticks, enum fault_kind fault)
{
    struct world w = {.schema = {.ttl_ms = 300, .swr_ms = 60, .sie_ms = 900},
                      .now = INT64_C(1700000000000),
                      .upstream = UPSTREAM_OK,
                      .fault = fault};
    random_state = seed;
    for (uint64_t tick = 0; tick < ticks && !w.wrong; tick++) {
        w.now += below(1000) == 0 ? (int64_t)below(100000) : (int64_t)below(3);
        uint64_t what = below(100);
        if (what < 4) {
            uint32_t i = (uint32_t)below(PRODUCTS);
            renew(&w, &w.products[i], i);
        } else if (what == 4 && below(20) == 0) {
            upstream_changes(&w);
        } else if (what == 5 && below(50) == 0) {
            w.by_hand = !w.by_hand;
        } else if (what < 8) {
            evict(&w);
        }
        safe_mode_judged(&w);
        for (int n = 0; n < 2; n++) { /* somebody searches */
            struct sim_product *p = &w.products[below(PRODUCTS)];
            if (!p->there)
                continue;
            struct product_times t = times_of(&w, p);
            struct label l = told(&w, &t);
            judge(&w, p, &l);
        }
    }
    return w.wrong;
}

static void freshness_is_what_it_is_defined_to_be(void **state)
{
    (void)state;
    uint64_t seed = number_of("SOUK_SEED", 20), ticks = number_of("SOUK_TICKS", 5000000);
    const char *wrong = live(seed, ticks, NO_FAULT);
    if (wrong)
        fail_msg("SOUK_SEED=%llu: %s", (unsigned long long)seed, wrong);
}

static void a_fault_turns_the_simulation_red(void **state)
{
    (void)state;
    static const char *const wants[FAULTS] = {NULL, "not labelled", "expired early",
                                              "served past its limit", "evicted in safe mode"};
    for (int fault = UNLABELLED_STALE; fault < FAULTS; fault++) {
        const char *wrong = live(number_of("SOUK_SEED", 20), 2000000, (enum fault_kind)fault);
        if (!wrong || !strstr(wrong, wants[fault]))
            fail_msg("fault %d was told as: %s", fault, wrong ? wrong : "nothing");
    }
}

/* --- eviction --------------------------------------------------------------------------------- */

enum { DOCIDS = 1 << 16, CAPACITY = 60, RECENT = 80 };

/* S3-FIFO as plain as it can be written: lists that are searched, shifted and counted. */
struct list {
    uint32_t items[4096];
    int count;
};

struct naive {
    struct list small, main;
    uint64_t ghost[CAPACITY];
    bool known[1 << 12]; /* by hash: in the ghost */
    int ghost_count;
};

struct shop {
    bool gone[DOCIDS], held[DOCIDS];
    uint8_t hits[DOCIDS], naive_hits[DOCIDS];
    uint64_t hash[DOCIDS];
    uint32_t end;
    struct naive naive;
};

static bool shop_gone(void *ctx, uint32_t d)
{
    return ((struct shop *)ctx)->gone[d];
}
static bool shop_held(void *ctx, uint32_t d)
{
    return ((struct shop *)ctx)->held[d];
}
static uint8_t shop_hits(void *ctx, uint32_t d)
{
    return ((struct shop *)ctx)->hits[d];
}
static void shop_set_hits(void *ctx, uint32_t d, uint8_t n)
{
    ((struct shop *)ctx)->hits[d] = n;
}
static uint64_t shop_hash(void *ctx, uint32_t d)
{
    return ((struct shop *)ctx)->hash[d];
}

static uint32_t list_shift(struct list *l)
{
    uint32_t d = l->items[0];
    memmove(l->items, l->items + 1, (size_t)--l->count * sizeof *l->items);
    return d;
}

static void list_add(struct list *l, uint32_t d)
{
    assert_true(l->count < 4096);
    l->items[l->count++] = d;
}

static void naive_ghost(struct naive *n, uint64_t hash)
{
    int cap = CAPACITY - CAPACITY / 10;
    if (n->known[hash])
        return;
    if (n->ghost_count == cap) {
        n->known[n->ghost[0]] = false;
        memmove(n->ghost, n->ghost + 1, (size_t)--n->ghost_count * sizeof *n->ghost);
    }
    n->ghost[n->ghost_count++] = hash;
    n->known[hash] = true;
}

static int64_t naive_evict(struct shop *s)
{
    struct naive *n = &s->naive;
    int most = (n->small.count + n->main.count) * 6 + 1;
    while (most-- && n->small.count + n->main.count) {
        bool small = n->small.count && (n->small.count > CAPACITY / 10 || !n->main.count);
        uint32_t d = list_shift(small ? &n->small : &n->main);
        if (s->gone[d])
            continue;
        if (s->held[d]) {
            list_add(small ? &n->small : &n->main, d);
        } else if (small && s->naive_hits[d] >= 2) {
            s->naive_hits[d] = 0;
            list_add(&n->main, d);
        } else if (!small && s->naive_hits[d]) {
            s->naive_hits[d]--;
            list_add(&n->main, d);
        } else {
            if (small)
                naive_ghost(n, s->hash[d]);
            return d;
        }
    }
    return -1;
}

static void push(struct shop *s, struct s3fifo *q)
{
    bool returned;
    uint32_t d = s->end++;
    s->hash[d] = 1 + below(400);
    s->hits[d] = s->naive_hits[d] = 0;
    assert_int_equal(s3fifo_add(q, d, s->hash[d], &returned), STATUS_OK);
    assert_int_equal(returned, s->naive.known[s->hash[d]]);
    s->naive.known[s->hash[d]] = false;
    list_add(returned ? &s->naive.main : &s->naive.small, d);
    if (d >= RECENT) /* nothing is held for ever */
        s->held[d - RECENT] = false;
}

static void the_next_to_go_is_the_one_the_plain_queues_name(void **state)
{
    (void)state;
    uint64_t seed = number_of("SOUK_SEED", 4), evictions = 0;
    struct shop *s = calloc(1, sizeof *s);
    struct s3fifo *q;
    struct s3fifo_source source = {s, shop_gone, shop_held, shop_hits, shop_set_hits, shop_hash};
    assert_non_null(s);
    random_state = seed;
    assert_int_equal(s3fifo_create(CAPACITY, &q), STATUS_OK);
    for (uint64_t tick = 0; tick < 1000000 && s->end < DOCIDS; tick++) {
        uint64_t what = below(100);
        uint32_t d = s->end ? s->end - 1 - (uint32_t)below(s->end < RECENT ? s->end : RECENT) : 0;
        if (what < 5) {
            push(s, q);
        } else if (what < 80 && s->end) {
            if (s->hits[d] < 3)
                s->hits[d] = ++s->naive_hits[d];
        } else if (what < 81 && s->end) {
            s->gone[d] = true;
        } else if (what < 84 && s->end) {
            s->held[d] = !s->held[d];
        } else if (s->naive.small.count + s->naive.main.count > CAPACITY) {
            uint32_t victim = UINT32_MAX;
            int64_t want = naive_evict(s);
            enum status st = s3fifo_evict(q, &source, &victim);
            if (want < 0 ? st != STATUS_NOT_FOUND : st || victim != want)
                fail_msg("SOUK_SEED=%llu tick %llu: docid %u went, %lld should have",
                         (unsigned long long)seed, (unsigned long long)tick, victim,
                         (long long)want);
            if (!st) {
                s->gone[victim] = true;
                evictions++;
            }
        }
        uint32_t from = s->end > RECENT ? s->end - RECENT : 0;
        assert_memory_equal(s->hits + from, s->naive_hits + from, RECENT);
    }
    assert_true(evictions > 10000);
    s3fifo_destroy(&q);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freshness_is_what_it_is_defined_to_be),
        cmocka_unit_test(a_fault_turns_the_simulation_red),
        cmocka_unit_test(the_next_to_go_is_the_one_the_plain_queues_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
