#include "server/stats_upstream.h"

#include <inttypes.h>
#include <stdio.h>

#include "protocol/reply.h"

static void put_provider(struct buf *out, const struct shared *s, const struct shared_catalog *c,
                         const struct shared_provider *p)
{
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {{"enabled", p->enabled},
                   {"place", p->place},
                   {"opens", p->opens},
                   {"calls", p->calls},
                   {"failures", p->failures},
                   {"not_modified", p->not_modified},
                   {"bytes", p->bytes},
                   {"canary_us", p->canary.duration_us},
                   {"canary_runs", p->canary.runs},
                   {"canary_failures", p->canary.failures}};
    char name[256];
    int at = snprintf(name, sizeof name, "catalog.%s.provider.%s.", c->name, p->name);
    size_t room = sizeof name - (size_t)at;
    snprintf(name + at, room, "breaker");
    stats_row_put(out, name, "%s", breaker_state_name((enum breaker_state)p->breaker));
    snprintf(name + at, room, "canary");
    stats_row_put(out, name, "%s", canary_state_name((enum canary_state)p->canary.state));
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        snprintf(name + at, room, "%s", figures[i].name);
        stats_row_put(out, name, "%" PRIu64, figures[i].value);
    }
    if (p->canary.at_ms) {
        snprintf(name + at, room, "canary_ago_ms");
        stats_row_put(out, name, "%" PRId64, shared_now_ms(s) - p->canary.at_ms);
    }
}

void stats_upstream_put(struct buf *out, const struct shared *s, const struct shared_catalog *c)
{
    const struct shared_upstream *u = &c->upstream;
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {{"calls", u->calls},       {"failures", u->failures},
                   {"asked", u->asked},       {"refreshed", u->refreshed},
                   {"backlog", u->backlog},   {"in_flight", u->in_flight},
                   {"negative", u->negative}, {"paused", u->paused}};
    char name[160];
    if (atomic_load(&u->state) == UPSTREAM_NONE)
        return;
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        snprintf(name, sizeof name, "catalog.%s.upstream_%s", c->name, figures[i].name);
        stats_row_put(out, name, "%" PRIu64, figures[i].value);
    }
    for (uint32_t i = 0; i < SHARED_PROVIDERS; i++)
        if (atomic_load_explicit(&c->providers[i].used, memory_order_acquire))
            put_provider(out, s, c, &c->providers[i]);
}
