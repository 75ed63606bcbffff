#include "index/meta.h"

#include "protocol/wire.h"

static void read_facets(struct wire_reader *r, struct meta *m)
{
    uint32_t n = wire_u16(r);
    for (uint32_t i = 0; i < n && !r->failed; i++) {
        uint32_t count = wire_u32(r);
        if (i < META_FIELDS)
            m->facet_counts[i] = count;
    }
}

static void read_segments(struct wire_reader *r, struct meta *m)
{
    m->segment_count = wire_u16(r);
    uint64_t end = 0;
    if (m->segment_count > META_MAX_SEGMENTS)
        r->failed = true;
    for (uint32_t i = 0; i < m->segment_count && !r->failed; i++) {
        struct segment_row *s = &m->segments[i];
        s->number = wire_u32(r);
        s->base = wire_u32(r);
        s->count = wire_u32(r);
        s->dead = wire_u32(r);
        s->folded = wire_u32(r);
        s->bytes = wire_u64(r);
        if (s->base < end || s->dead > s->count || s->folded > s->dead)
            r->failed = true;
        end = (uint64_t)s->base + s->count;
    }
    if (end > m->docid_end)
        r->failed = true;
}

enum status meta_read(struct store_txn *t, struct meta *m)
{
    struct slice v;
    enum status st = store_get(t, STORE_META, SLICE_LIT("meta"), &v);
    if (st)
        return st;
    struct wire_reader r = wire_reader_of(v);
    memset(m, 0, sizeof *m);
    if (wire_u32(&r) != META_FORMAT)
        return r.failed ? STATUS_CORRUPT : STATUS_OLD_FORMAT;
    const uint8_t *uuid = wire_take(&r, sizeof m->uuid);
    if (uuid)
        memcpy(m->uuid, uuid, sizeof m->uuid);
    m->analyser = wire_u64(&r);
    m->generation = wire_u64(&r);
    m->sequence = wire_u64(&r);
    m->settings_sequence = wire_u64(&r);
    m->live = wire_u32(&r);
    m->docid_end = wire_u32(&r);
    m->next_segment = wire_u32(&r);
    m->schema_version = wire_u32(&r);
    m->dictionary = wire_u32(&r);
    read_facets(&r, m);
    read_segments(&r, m);
    m->weight = wire_left(&r) ? wire_u64(&r) : WEIGHT_UNKNOWN; /* from before they were counted */
    return r.failed ? STATUS_CORRUPT : STATUS_OK;
}

static uint32_t facet_fields(const struct meta *m)
{
    uint32_t n = META_FIELDS;
    while (n && !m->facet_counts[n - 1])
        n--;
    return n;
}

enum status meta_write(struct store_txn *t, const struct meta *m)
{
    struct buf b = BUF_INIT;
    wire_put_u32(&b, META_FORMAT);
    buf_put(&b, m->uuid, sizeof m->uuid);
    wire_put_u64(&b, m->analyser);
    wire_put_u64(&b, m->generation);
    wire_put_u64(&b, m->sequence);
    wire_put_u64(&b, m->settings_sequence);
    wire_put_u32(&b, m->live);
    wire_put_u32(&b, m->docid_end);
    wire_put_u32(&b, m->next_segment);
    wire_put_u32(&b, m->schema_version);
    wire_put_u32(&b, m->dictionary);
    uint32_t fields = facet_fields(m);
    wire_put_u16(&b, (uint16_t)fields);
    for (uint32_t i = 0; i < fields; i++)
        wire_put_u32(&b, m->facet_counts[i]);
    wire_put_u16(&b, (uint16_t)m->segment_count);
    for (uint32_t i = 0; i < m->segment_count; i++) {
        const struct segment_row *s = &m->segments[i];
        wire_put_u32(&b, s->number);
        wire_put_u32(&b, s->base);
        wire_put_u32(&b, s->count);
        wire_put_u32(&b, s->dead);
        wire_put_u32(&b, s->folded);
        wire_put_u64(&b, s->bytes);
    }
    if (m->weight != WEIGHT_UNKNOWN)
        wire_put_u64(&b, m->weight);
    enum status st =
        b.failed ? STATUS_NO_MEMORY : store_put(t, STORE_META, SLICE_LIT("meta"), buf_slice(&b));
    buf_fini(&b);
    return st;
}

struct segment_row *meta_segment_of(struct meta *m, uint32_t docid)
{
    uint32_t lo = 0, hi = m->segment_count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (m->segments[mid].base + m->segments[mid].count <= docid)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == m->segment_count || m->segments[lo].base > docid)
        return NULL;
    return &m->segments[lo];
}
