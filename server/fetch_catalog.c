#include "server/fetch_catalog.h"

#include <stdlib.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "server/fetch_canary.h"
#include "server/fetch_changes.h"
#include "server/fetch_refresh.h"

/* --- small things ------------------------------------------------------------------------------
 */

uint64_t fetch_random(struct fetcher *f)
{
    uint64_t z = f->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

int64_t fetch_wall_ms(const struct fetcher *f)
{
    return shared_now_ms(f->role->shared);
}

/* What others sent does not break a line of the log. */
static void plain(const char *from, char to[200])
{
    size_t n = 0;
    for (; from && from[n] && n < 199; n++)
        to[n] = (unsigned char)from[n] < ' ' || from[n] == '"' || from[n] == '\\' ? '_' : from[n];
    to[n] = '\0';
}

void fetch_say(const struct fetch_catalog *c, const char *level, const char *provider,
               const char *what, const char *more)
{
    char text[200], line[600];
    plain(more, text);
    int n = snprintf(line, sizeof line,
                     "{\"level\":\"%s\",\"component\":\"fetcher\",\"catalog\":\"%s\",\"provider\":"
                     "\"%s\",\"msg\":\"%s %s\"}\n",
                     level, c->name, provider ? provider : "", what, text);
    if (n > 0 && write(2, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0)
        return;
}

void fetch_catalog_follow_rows(struct fetcher *f)
{
    bool follows = shared_follows(f->role->shared); /* then the leader's fetcher does all this */
    for (uint32_t i = 0; i < SHARED_CATALOGS; i++) {
        struct shared_catalog *row = &f->role->shared->catalogs[i];
        bool there = !follows && atomic_load_explicit(&row->state, memory_order_acquire) == 1;
        struct fetch_catalog *c = f->of_row[i];
        if (c && (!there || !slice_equal(slice_str(c->name), slice_str(row->name)))) {
            fetch_catalog_destroy(&f->of_row[i]);
            c = NULL;
        }
        if (there && !c && fetch_catalog_create(f, i, &f->of_row[i]))
            f->of_row[i] = NULL;
    }
}

struct fetch_catalog *fetch_catalog_find(struct fetcher *f, struct slice name)
{
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < SHARED_CATALOGS; i++)
            if (f->of_row[i] && slice_equal(slice_str(f->of_row[i]->name), name))
                return f->of_row[i];
        fetch_catalog_follow_rows(f); /* it may have been made a moment ago */
    }
    return NULL;
}

struct fetch_provider *fetch_catalog_provider(struct fetch_catalog *c, struct slice name)
{
    for (uint32_t i = 0; i < c->provider_count; i++)
        if (slice_equal(c->providers[i]->definition->name, name))
            return c->providers[i];
    return NULL;
}

enum status fetch_catalog_open(struct fetch_catalog *c, struct catalog **out)
{
    enum status st = catalogs_get(c->fetcher->catalogs, slice_str(c->name), out, NULL);
    return st ? st : snapshot_begin((*out)->snapshot);
}

/* --- providers ---------------------------------------------------------------------------------
 */

static void provider_free(struct fetch_provider *p)
{
    if (p->row)
        atomic_store(&p->row->used, 0);
    changes_destroy(&p->changes);
    canary_destroy(&p->canary);
    provider_destroy(&p->definition);
    free(p);
}

static struct shared_provider *row_for(struct fetch_catalog *c, struct slice name)
{
    for (uint32_t i = 0; i < SHARED_PROVIDERS; i++) {
        struct shared_provider *row = &c->row->providers[i];
        if (atomic_load(&row->used))
            continue;
        memcpy(row->name, name.ptr, name.len);
        row->name[name.len] = '\0';
        atomic_store(&row->canary.state, CANARY_NONE);
        atomic_store_explicit(&row->used, 1, memory_order_release);
        return row;
    }
    return NULL;
}

static struct fetch_provider *provider_new(struct fetch_catalog *c, struct provider *d)
{
    struct fetch_provider *p = calloc(1, sizeof *p);
    struct breaker_options o;
    if (!p || changes_create(c, p, &p->changes) || canary_create(c, p, &p->canary)) {
        if (p) {
            changes_destroy(&p->changes);
            canary_destroy(&p->canary);
        }
        free(p);
        return NULL;
    }
    p->definition = d;
    provider_breaker_options(d, &o);
    breaker_init(&p->breaker, &o, fetch_random(c->fetcher), clock_mono_ms());
    p->row = row_for(c, d->name);
    return p;
}

static bool same_options(const struct breaker_options *a, const struct breaker_options *b)
{
    return a->window_ms == b->window_ms && a->min_calls == b->min_calls &&
           a->failure_percent == b->failure_percent && a->slow_percent == b->slow_percent &&
           a->slow_ms == b->slow_ms && a->consecutive == b->consecutive &&
           a->open_ms == b->open_ms && a->open_max_ms == b->open_max_ms &&
           a->close_after == b->close_after && a->decay_ms == b->decay_ms;
}

/* A definition that changed keeps the breaker's state unless its options changed. */
static void redefine(struct fetch_catalog *c, struct fetch_provider *p, struct provider *d)
{
    struct breaker_options o;
    provider_breaker_options(d, &o);
    provider_destroy(&p->definition);
    p->definition = d;
    if (!same_options(&o, &p->breaker.options))
        breaker_init(&p->breaker, &o, fetch_random(c->fetcher), clock_mono_ms());
}

static void take_definition(struct fetch_catalog *c, struct slice name, struct slice json,
                            struct fetch_provider **into, uint32_t *count)
{
    struct fault fault = {0};
    struct provider *d = NULL;
    struct fetch_provider *p = fetch_catalog_provider(c, name);
    uint64_t hash = XXH3_64bits(json.ptr, json.len);
    if (*count == SHARED_PROVIDERS) {
        fetch_say(c, "error", "", "a catalog has at most 8 providers; ignored", "");
        return;
    }
    if (!p || p->definition_hash != hash) {
        if (provider_create(name, json, &d, &fault))
            fetch_say(c, "error", "",
                      "a provider's definition is wrong, the last good one stays:", fault.text);
        else if (p)
            redefine(c, p, d);
        else if (!(p = provider_new(c, d)))
            provider_destroy(&d);
    }
    if (!p)
        return;
    p->definition_hash = d ? hash : p->definition_hash;
    into[(*count)++] = p;
}

/* By the setting provider_order; others follow in the order they came (by name). */
static void put_in_order(struct fetch_provider **all, uint32_t count, struct slice order,
                         struct fetch_catalog *c)
{
    struct slice name;
    uint32_t n = 0;
    for (uint32_t part = 0; provider_order_part(order, part, &name); part++)
        for (uint32_t i = 0; i < count; i++)
            if (all[i] && slice_equal(all[i]->definition->name, name)) {
                c->providers[n++] = all[i];
                all[i] = NULL;
            }
    for (uint32_t i = 0; i < count; i++)
        if (all[i])
            c->providers[n++] = all[i];
    c->provider_count = n;
}

static void retire(struct fetch_catalog *c, struct fetch_provider *p)
{
    p->retired = true;
    changes_destroy(&p->changes);
    canary_destroy(&p->canary);
    if (p->row)
        atomic_store(&p->row->used, 0);
    p->row = NULL;
    for (uint32_t i = 0; i < SHARED_PROVIDERS; i++)
        if (!c->retired[i]) {
            c->retired[i] = p;
            return;
        }
}

static void bury(struct fetch_catalog *c)
{
    for (uint32_t i = 0; i < SHARED_PROVIDERS; i++)
        if (c->retired[i] && !c->retired[i]->in_flight) {
            provider_free(c->retired[i]);
            c->retired[i] = NULL;
        }
}

static void read_settings(struct fetch_catalog *c, struct snapshot *s)
{
    struct fetch_provider *now[SHARED_PROVIDERS], *before[SHARED_PROVIDERS];
    uint32_t count = 0, old = c->provider_count;
    struct slice name = SLICE_NULL, value, order = SLICE_NULL;
    memcpy(before, c->providers, sizeof before);
    while (snapshot_next_setting(s, SLICE_LIT("provider"), &name, &value) == STATUS_OK)
        take_definition(c, name, value, now, &count);
    if (snapshot_setting(s, SLICE_LIT("provider_order"), SLICE_LIT("order"), &order))
        order = SLICE_NULL;
    put_in_order(now, count, order, c);
    for (uint32_t i = 0; i < old; i++) {
        bool kept = false;
        for (uint32_t k = 0; k < c->provider_count; k++)
            kept |= before[i] == c->providers[k];
        if (!kept)
            retire(c, before[i]);
    }
}

void fetch_catalog_follow(struct fetch_catalog *c)
{
    uint64_t edition = atomic_load(&c->row->edition), generation = atomic_load(&c->row->generation);
    struct catalog *catalog;
    bury(c);
    if (c->read && c->edition == edition && c->generation == generation)
        return;
    if (fetch_catalog_open(c, &catalog))
        return;
    uint64_t settings = snapshot_settings_sequence(catalog->snapshot);
    if (!c->read || settings != c->settings || edition != c->edition)
        read_settings(c, catalog->snapshot);
    snapshot_end(catalog->snapshot);
    for (uint32_t i = 0; i < c->provider_count && edition != c->edition; i++)
        changes_forget(c->providers[i]->changes);
    c->read = true;
    c->edition = edition;
    c->generation = generation;
    c->settings = settings;
}

/* --- what others see ---------------------------------------------------------------------------
 */

static void publish_provider(struct fetch_provider *p, uint32_t place, int64_t wall_now)
{
    struct shared_provider *row = p->row;
    int64_t now = clock_mono_ms();
    enum breaker_state state = breaker_now(&p->breaker, now);
    int64_t until = state == BREAKER_OPEN     ? p->breaker.until_ms
                    : state == BREAKER_PAUSED ? p->breaker.paused_ms
                                              : 0;
    if (!row)
        return;
    atomic_store(&row->enabled, p->definition->enabled != 0);
    atomic_store(&row->place, place);
    atomic_store(&row->breaker, state);
    atomic_store(&row->opens, p->breaker.opens);
    atomic_store(&row->until_ms, until ? wall_now + until - now : 0);
    atomic_store(&row->success_ms, p->success_ms);
    atomic_store(&row->failure_ms, p->failure_ms);
    atomic_store(&row->calls, p->calls);
    atomic_store(&row->failures, p->failures);
    atomic_store(&row->not_modified, p->not_modified);
    atomic_store(&row->bytes, p->bytes);
}

/* DOWN while no breaker is closed; OK when one is whose last call went well. */
static enum upstream_state upstream_of(const struct fetch_catalog *c, bool *paused)
{
    uint32_t enabled = 0, open = 0, well = 0;
    *paused = c->provider_count > 0;
    for (uint32_t i = 0; i < c->provider_count; i++) {
        const struct fetch_provider *p = c->providers[i];
        enum breaker_state state = breaker_now(&p->breaker, clock_mono_ms());
        *paused = *paused && p->definition->paused;
        if (!p->definition->enabled)
            continue;
        enabled++;
        open += state == BREAKER_OPEN || state == BREAKER_HALF_OPEN;
        well += state == BREAKER_CLOSED && !p->last_failed;
    }
    return !enabled          ? UPSTREAM_NONE
           : open == enabled ? UPSTREAM_DOWN
           : well            ? UPSTREAM_OK
                             : UPSTREAM_FAILING;
}

struct expired_walk {
    struct fetch_catalog *catalog;
    struct snapshot *snapshot;
};

static bool ask_expired(void *ctx, uint32_t docid)
{
    struct expired_walk *w = ctx;
    struct slice id;
    int64_t origin = 0;
    struct column *origins = snapshot_column(w->snapshot, COLUMN_ORIGIN);
    if (origins && column_int(origins, docid, &origin) == STATUS_OK && origin &&
        snapshot_id(w->snapshot, docid, &id) == STATUS_OK)
        refresh_ask(w->catalog->refresh, id);
    return true;
}

/* The upstream is well again: what nobody sees any more because it expired is asked for, behind
 * what is being searched; what was even evicted comes with the feed from its start. */
static void recover(struct fetch_catalog *c)
{
    struct catalog *catalog;
    refresh_recover(c->refresh);
    uint64_t evicted = atomic_load(&c->row->freshness.evicted_ttl);
    if (fetch_catalog_open(c, &catalog) == STATUS_OK) {
        struct expired_walk w = {c, catalog->snapshot};
        snapshot_expired(catalog->snapshot, -1, fetch_wall_ms(c->fetcher), ask_expired, &w, NULL);
        snapshot_end(catalog->snapshot);
    }
    for (uint32_t i = 0; i < c->provider_count && evicted > c->evicted; i++)
        if (c->providers[i]->definition->changes.len && c->providers[i]->definition->enabled) {
            changes_restart(c->providers[i]->changes);
            break;
        }
}

static void watch_trouble(struct fetch_catalog *c, enum upstream_state state)
{
    bool troubled = state == UPSTREAM_FAILING || state == UPSTREAM_DOWN;
    if (troubled && !c->troubled)
        c->evicted = atomic_load(&c->row->freshness.evicted_ttl);
    if (state == UPSTREAM_OK && c->troubled)
        recover(c);
    c->troubled = troubled;
}

void fetch_catalog_publish(struct fetch_catalog *c)
{
    struct shared_upstream *u = &c->row->upstream;
    int64_t wall = fetch_wall_ms(c->fetcher);
    bool paused;
    enum upstream_state state = upstream_of(c, &paused);
    enum upstream_state before = (enum upstream_state)atomic_load(&u->state);
    struct refresh_figures f = refresh_figures(c->refresh);
    if (state != before)
        fetch_say(c, state == UPSTREAM_DOWN ? "error" : "info", "", "the upstream is now",
                  upstream_state_name(state));
    watch_trouble(c, state);
    for (uint32_t i = 0; i < c->provider_count; i++)
        publish_provider(c->providers[i], i, wall);
    atomic_store(&u->paused, paused);
    atomic_store(&u->success_ms, c->success_ms);
    atomic_store(&u->failure_ms, c->failure_ms);
    atomic_store(&u->calls, c->calls);
    atomic_store(&u->failures, c->failures);
    atomic_store(&u->asked, f.asked);
    atomic_store(&u->refreshed, f.refreshed);
    atomic_store(&u->backlog, f.backlog);
    atomic_store(&u->in_flight, f.in_flight);
    atomic_store(&u->negative, f.negative);
    atomic_store(&u->state, state);
}

/* --- life --------------------------------------------------------------------------------------
 */

enum status fetch_catalog_create(struct fetcher *f, uint32_t row_idx, struct fetch_catalog **out)
{
    struct fetch_catalog *c = calloc(1, sizeof *c);
    *out = c;
    if (!c)
        return STATUS_NO_MEMORY;
    c->fetcher = f;
    c->row_idx = row_idx;
    c->row = &f->role->shared->catalogs[row_idx];
    snprintf(c->name, sizeof c->name, "%s", c->row->name);
    for (uint32_t i = 0; i < SHARED_PROVIDERS; i++) /* what a fetcher before us left */
        atomic_store(&c->row->providers[i].used, 0);
    enum status st = refresh_create(c, &c->refresh);
    if (st)
        fetch_catalog_destroy(out);
    return st;
}

void fetch_catalog_destroy(struct fetch_catalog **cp)
{
    struct fetch_catalog *c = *cp;
    if (!c)
        return;
    refresh_destroy(&c->refresh);
    for (uint32_t i = 0; i < c->provider_count; i++)
        provider_free(c->providers[i]);
    for (uint32_t i = 0; i < SHARED_PROVIDERS; i++)
        if (c->retired[i])
            provider_free(c->retired[i]);
    free(c);
    *cp = NULL;
}
