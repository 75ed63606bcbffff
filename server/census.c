#include "server/census.h"

#include "server/push_canary.h"

struct part { /* columns of one chunk; NULL = absent in all of it */
    const struct column_chunk *validated, *ttl;
    const struct schema *schema;
};

static enum status chunk_of(struct snapshot *s, uint32_t column, uint32_t chunk,
                            const struct column_chunk **out)
{
    struct column *c = snapshot_column(s, column);
    *out = NULL;
    if (!c)
        return STATUS_NO_MEMORY;
    enum status st = column_chunk(c, chunk, out);
    if (st)
        *out = NULL;
    return st == STATUS_NOT_FOUND ? STATUS_OK : st;
}

static int64_t value_at(const struct column_chunk *c, uint32_t i, int64_t absent)
{
    int64_t v;
    return c && column_chunk_int(c, i, &v) ? v : absent;
}

/* Most are decided by two numbers; the rest need their windows and their id's jitter. */
static enum status count_one(struct census *c, struct snapshot *s, const struct part *p,
                             uint32_t docid, const struct moment *m)
{
    struct label l;
    uint32_t i = docid % COLUMN_CHUNK;
    int64_t validated = value_at(p->validated, i, 0), ttl = value_at(p->ttl, i, p->schema->ttl_ms);
    c->future += validated > m->now_ms;
    if (ttl <= 0 || m->now_ms < validated + ttl - ttl / 10) {
        c->counts[FRESH]++;
        return STATUS_OK;
    }
    enum status st = freshness_of(s, docid, SLICE_NULL, m, &l);
    if (st)
        return st;
    c->counts[l.state]++;
    if ((l.state == STALE || l.state == STALE_IF_ERROR) && l.age_ms > c->oldest_stale_ms)
        c->oldest_stale_ms = l.age_ms;
    return STATUS_OK;
}

static enum status count_chunk(struct census *c, struct snapshot *s, uint32_t chunk,
                               const struct moment *m)
{
    struct part p = {.schema = snapshot_schema(s)};
    uint32_t end = snapshot_docid_end(s), from = chunk * COLUMN_CHUNK;
    enum status st = chunk_of(s, COLUMN_VALIDATED, chunk, &p.validated);
    st = st ? st : chunk_of(s, COLUMN_TTL, chunk, &p.ttl);
    end = end < from + COLUMN_CHUNK ? end : from + COLUMN_CHUNK;
    for (uint32_t d = from; d < end && !st; d++)
        if (snapshot_is_live(s, d))
            st = count_one(c, s, &p, d, m);
    return st;
}

static void publish(struct census *c, struct snapshot *s, const struct moment *m,
                    struct shared_freshness *out)
{
    uint64_t own = push_canary_lives(s);
    out->fresh = c->counts[FRESH] - (c->counts[FRESH] ? own : 0);
    out->stale = c->counts[STALE];
    out->stale_if_error = c->counts[STALE_IF_ERROR];
    out->expired = c->counts[EXPIRED];
    out->oldest_stale_ms = c->oldest_stale_ms;
    out->future_stamps = c->future;
    out->counted_ms = m->now_ms;
    *c = (struct census){.next_ms = m->now_ms + CENSUS_MS};
}

enum status census_step(struct census *c, struct snapshot *s, const struct moment *m,
                        struct shared_freshness *out)
{
    if (!c->counting && m->now_ms < c->next_ms)
        return STATUS_OK;
    uint32_t chunks = (snapshot_docid_end(s) + COLUMN_CHUNK - 1) / COLUMN_CHUNK;
    enum status st = STATUS_OK;
    c->counting = true;
    for (uint32_t n = 0; n < CENSUS_CHUNKS && c->chunk < chunks && !st; n++)
        st = count_chunk(c, s, c->chunk++, m);
    if (st)
        *c = (struct census){.next_ms = m->now_ms + CENSUS_MS};
    else if (c->chunk >= chunks)
        publish(c, s, m, out);
    return st;
}
