#include "server/freshness.h"

#include "server/safe_mode.h"

static struct moment moment_at(const struct shared *s, int64_t now_us,
                               const struct shared_catalog *row)
{
    return (struct moment){.now_ms = shared_ms_at(s, now_us),
                           .upstream = row ? shared_upstream_now(s, row) : UPSTREAM_NONE,
                           .safe_mode = row ? shared_safe_mode_now(row) : 0};
}

struct moment moment_now(const struct shared *s, const struct shared_catalog *row)
{
    return moment_at(s, clock_mono_us(), row);
}

struct moment moment_of(const struct shared *s, int64_t now_us, const struct shared_catalog *row,
                        struct snapshot *snap)
{
    struct moment m = moment_at(s, now_us, row);
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

static enum status label_of(struct snapshot *s, uint32_t docid, struct slice id,
                            const struct product_stamp *stamp, const struct moment *m,
                            struct label *out)
{
    struct product_times t;
    if (m->now_ms < stamp->until_ms) { /* most of them */
        *out = (struct label){.state = FRESH,
                              .future = stamp->validated_ms > m->now_ms,
                              .changes_ms = stamp->until_ms,
                              .stale_ms = -1};
        out->age_ms = out->future ? 0 : (uint64_t)(m->now_ms - stamp->validated_ms);
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

enum status freshness_of(struct snapshot *s, uint32_t docid, struct slice id,
                         const struct moment *m, struct label *out)
{
    struct product_stamp stamp;
    snapshot_stamps(s, &docid, 1, &stamp);
    return label_of(s, docid, id, &stamp, m, out);
}

enum status freshness_of_hits(struct snapshot *s, const struct hit *hits, uint32_t count,
                              const struct moment *m, struct label *out)
{
    uint32_t docids[SNAPSHOT_STAMPS];
    struct product_stamp stamps[SNAPSHOT_STAMPS];
    enum status st = STATUS_OK;
    for (uint32_t at = 0, n; at < count && !st; at += n) {
        n = count - at < SNAPSHOT_STAMPS ? count - at : SNAPSHOT_STAMPS;
        for (uint32_t i = 0; i < n; i++)
            docids[i] = hits[at + i].docid;
        snapshot_stamps(s, docids, n, stamps);
        for (uint32_t i = 0; i < n && !st; i++)
            st = label_of(s, docids[i], hits[at + i].id, &stamps[i], m, &out[at + i]);
    }
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
