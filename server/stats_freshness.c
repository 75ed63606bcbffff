#include "server/stats_freshness.h"

#include <inttypes.h>
#include <stdio.h>

#include "protocol/reply.h"

static void put_text(struct buf *out, const struct shared_catalog *c, const char *what,
                     const char *text)
{
    char name[160];
    snprintf(name, sizeof name, "catalog.%s.%s", c->name, what);
    stats_row_put(out, name, "%s", text);
}

static void put_number(struct buf *out, const struct shared_catalog *c, const char *what,
                       uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    put_text(out, c, what, text);
}

/* Seconds ago are told as milliseconds; a time that never was is left out. */
static void put_ago(struct buf *out, const struct shared *s, const struct shared_catalog *c,
                    const char *what, int64_t at_ms)
{
    int64_t now = shared_now_ms(s);
    if (at_ms)
        put_number(out, c, what, now > at_ms ? (uint64_t)(now - at_ms) : 0);
}

static void put_canary(struct buf *out, const struct shared *s, const struct shared_catalog *c)
{
    const struct shared_canary *p = &c->freshness.push;
    if (!p->state)
        return;
    put_text(out, c, "canary.push", canary_state_name((enum canary_state)p->state));
    put_number(out, c, "canary.push_us", p->duration_us);
    put_number(out, c, "canary.push_runs", p->runs);
    put_number(out, c, "canary.push_failures", p->failures);
    put_ago(out, s, c, "canary.push_ago_ms", p->at_ms);
}

void stats_freshness_put(struct buf *out, const struct shared *s, const struct shared_catalog *c)
{
    const struct shared_freshness *f = &c->freshness;
    put_text(out, c, "safe_mode", safe_mode_name(shared_safe_mode_now(c)));
    put_number(out, c, "safe_mode_bits", shared_safe_mode_now(c));
    put_ago(out, s, c, "safe_mode_for_ms", f->safe_since);
    put_text(out, c, "upstream", upstream_state_name(shared_upstream_now(s, c)));
    put_ago(out, s, c, "upstream_success_ago_ms", c->upstream.success_ms);
    put_ago(out, s, c, "upstream_failure_ago_ms", c->upstream.failure_ms);
    if (f->counted_ms) {
        put_number(out, c, "fresh", f->fresh);
        put_number(out, c, "stale", f->stale);
        put_number(out, c, "stale_if_error", f->stale_if_error);
        put_number(out, c, "expired", f->expired);
        put_number(out, c, "oldest_stale_ms", f->oldest_stale_ms);
        put_number(out, c, "future_stamps", f->future_stamps);
    }
    put_number(out, c, "evicted_ttl", f->evicted_ttl);
    put_number(out, c, "evicted_size", f->evicted_size);
    put_number(out, c, "evicted_negative", f->evicted_negative);
    put_number(out, c, "evict_ghost_hits", f->ghost_hits);
    put_canary(out, s, c);
}
