#include "server/freshness.h"

#include "server/safe_mode.h"

struct moment moment_now(const struct shared *s, const struct shared_catalog *row)
{
    return (struct moment){.now_ms = shared_now_ms(s),
                           .upstream = row ? shared_upstream_now(s, row) : UPSTREAM_NONE,
                           .safe_mode = row ? shared_safe_mode_now(row) : 0};
}

struct moment moment_of(const struct shared *s, const struct shared_catalog *row,
                        struct snapshot *snap)
{
    struct moment m = moment_now(s, row);
    struct safe_mode_stored stored;
    if (row && atomic_load_explicit(&row->freshness.safe_known, memory_order_relaxed))
        return m;
    if (safe_mode_read(snap, &stored) == STATUS_OK)
        m.safe_mode |= stored.bits;
    return m;
}

bool moment_failing(const struct moment *m)
{
    return m->upstream > UPSTREAM_OK || (m->safe_mode & (SAFE_UPSTREAM | SAFE_BY_HAND));
}

struct label freshness_label(const struct product_times *t, int64_t now_ms, bool failing)
{
    struct label l = {.future = t->validated_ms > now_ms,
                      .stale_ms = t->stale_ms == INT64_MAX ? -1 : now_ms - t->stale_ms,
                      .changes_ms = INT64_MAX};
    l.age_ms = l.future ? 0 : (uint64_t)(now_ms - t->validated_ms);
    if (now_ms < t->stale_ms) {
        l.state = FRESH;
        l.changes_ms = t->stale_ms;
    } else if (now_ms >= t->limit_ms) {
        l.state = EXPIRED;
    } else if (failing || now_ms >= t->soft_ms) {
        l.state = STALE_IF_ERROR;
        l.changes_ms = t->limit_ms;
    } else {
        l.state = STALE;
        l.changes_ms = t->soft_ms;
    }
    return l;
}

enum status freshness_of(struct snapshot *s, uint32_t docid, struct slice id,
                         const struct moment *m, struct label *out)
{
    struct product_times t;
    int64_t validated, until;
    if (snapshot_surely_fresh(s, docid, m->now_ms, &validated, &until)) { /* most of them */
        *out = (struct label){
            .state = FRESH, .future = validated > m->now_ms, .changes_ms = until, .stale_ms = -1};
        out->age_ms = out->future ? 0 : (uint64_t)(m->now_ms - validated);
        return STATUS_OK;
    }
    enum status st = snapshot_times(s, docid, id, &t);
    if (!st)
        *out = freshness_label(&t, m->now_ms, moment_failing(m));
#ifdef SOUK_FAULT_UNLABELLED_STALE /* a test build that must turn the outage tests red */
    if (!st && out->state != EXPIRED)
        out->state = FRESH;
#endif
    return st;
}

void freshness_sum_init(struct freshness_sum *s)
{
    *s = (struct freshness_sum){.changes_ms = INT64_MAX};
}

void freshness_sum_add(struct freshness_sum *s, const struct label *l)
{
    s->counts[l->state]++;
    if (l->age_ms > s->oldest_ms)
        s->oldest_ms = l->age_ms;
    if (l->changes_ms < s->changes_ms)
        s->changes_ms = l->changes_ms;
}
