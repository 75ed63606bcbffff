#include "server/fetch_route.h"

enum { BACKGROUND_MOST = 64, BODIES_MOST = 128 << 20 };

struct slice fetch_route_url(const struct provider *p, enum call_what what)
{
    return what == CALL_ONE ? p->one : what == CALL_MANY ? p->many : p->changes;
}

bool fetch_route_background(enum call_kind kind)
{
    return kind != CALL_FOREGROUND && kind != CALL_CANARY;
}

/* Places for calls of a kind. What looks whether the provider is well does not wait behind others.
 */
static uint32_t room_for(struct fetch_provider *p, enum call_kind kind)
{
    const struct provider *d = p->definition;
    uint32_t most = (uint32_t)d->concurrency;
    return kind >= CALL_PROBE
               ? most
               : aimd_room(&p->aimd, (uint32_t)d->concurrency_start, most, clock_mono_ms());
}

/* Apart from room. */
static bool answers(struct fetch_catalog *c, const struct fetch_provider *p, enum call_kind kind,
                    enum call_what what)
{
    const struct provider *d = p->definition;
    bool background = fetch_route_background(kind);
    bool held = d->paused || (atomic_load(&c->row->freshness.safe_mode) & SAFE_BY_HAND);
    if (fetch_http_held(c->fetcher->http) > BODIES_MOST)
        return false;
    if (p->retired || !d->enabled || !fetch_route_url(d, what).len || (background && held))
        return false;
    return kind == CALL_CANARY || breaker_allows(&p->breaker, clock_mono_ms());
}

bool fetch_route_usable(struct fetch_catalog *c, struct fetch_provider *p, enum call_kind kind,
                        enum call_what what)
{
    uint32_t room = room_for(p, kind);
    if (fetch_route_background(kind) &&
        (p->background >= (room + 1) / 2 || c->fetcher->background >= BACKGROUND_MOST))
        return false;
    return p->in_flight < room && answers(c, p, kind, what);
}

bool fetch_route_full(struct fetch_catalog *c, enum call_kind kind, enum call_what what)
{
    for (uint32_t i = 0; i < c->provider_count; i++)
        if (answers(c, c->providers[i], kind, what))
            return true;
    return false;
}

struct fetch_provider *fetch_route_choose(struct fetch_catalog *c, enum call_kind kind,
                                          enum call_what what, uint32_t tried, uint32_t *at)
{
    struct fetch_provider *passed = NULL;
    uint32_t place = 0;
    for (uint32_t i = 0; i < c->provider_count; i++) {
        struct fetch_provider *p = c->providers[i];
        if (tried >> i & 1 || !fetch_route_usable(c, p, kind, what))
            continue;
        bool take = (int64_t)(fetch_random(c->fetcher) % 100) < p->definition->weight;
        if (take || !passed) { /* without a next one that takes it the call comes back */
            passed = p;
            place = i;
        }
        if (take)
            break;
    }
    if (!passed && tried)
        return fetch_route_choose(c, kind, what, 0, at);
    if (at)
        *at = place;
    return passed;
}
