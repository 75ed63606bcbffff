#include "protocol/reply_private.h"

/* --- encoding --------------------------------------------------------------------------------- */

size_t search_reply_hits_begin(struct buf *b, uint32_t count)
{
    size_t at = tlv_begin(b, TAG_HITS_HITS);
    wire_put_varint(b, count);
    return at;
}

void search_reply_hits_end(struct buf *b, size_t at)
{
    tlv_end(b, at);
}

/* A varint with continuation bits kept, as in tlv_begin(). */
static void wide_store(char *p, uint64_t v)
{
    for (int i = 0; i < HIT_AGE_WIDTH; i++, v >>= 7)
        p[i] = (char)((v & 0x7f) | (i + 1 < HIT_AGE_WIDTH ? 0x80 : 0));
}

static void put_wide(struct buf *b, uint64_t v)
{
    char p[HIT_AGE_WIDTH];
    wide_store(p, v);
    buf_put(b, p, sizeof p);
}

void hit_age_add(char *age, uint64_t ms)
{
    uint64_t v = 0;
    for (int i = 0; i < HIT_AGE_WIDTH; i++)
        v |= (uint64_t)(age[i] & 0x7f) << 7 * i;
    wide_store(age, v + ms);
}

size_t search_reply_hit_begin(struct buf *b, const struct hit_reply *h)
{
    wire_put_bytes(b, h->id);
    wire_put_varint(b, h->score);
    buf_put_u8(b, freshness_byte(h->freshness, h->withheld, h->future));
    if (h->wide_age)
        put_wide(b, h->age_ms);
    else
        wire_put_varint(b, h->age_ms);
    size_t at = b->len;
    static const char room[4];
    buf_put(b, room, sizeof room);
    return at;
}

void search_reply_hit_end(struct buf *b, size_t document_at, const struct hit_reply *h)
{
    tlv_end(b, document_at);
    wire_put_varint(b, h->group_count);
    wire_put_bytes(b, h->group);
    wire_put_bytes(b, h->explain);
}

void search_reply_facet(struct buf *b, const struct facet_reply *f)
{
    bool typed = false;
    size_t at = tlv_begin(b, TAG_HITS_FACET);
    wire_put_bytes(b, f->field);
    buf_put_u8(b, f->kind);
    wire_put_varint(b, f->distinct);
    wire_put_varint(b, f->count);
    wire_put_f64(b, f->min);
    wire_put_f64(b, f->max);
    wire_put_f64(b, f->sum);
    wire_put_varint(b, f->value_count);
    for (uint32_t i = 0; i < f->value_count; i++) {
        wire_put_bytes(b, f->values[i].value);
        wire_put_varint(b, f->values[i].count);
        typed |= f->values[i].type != 0;
    }
    for (uint32_t i = 0; typed && i < f->value_count; i++)
        buf_put_u8(b, f->values[i].type);
    tlv_end(b, at);
}

void search_reply_stage(struct buf *b, const struct stage_reply *s)
{
    size_t at = tlv_begin(b, TAG_HITS_STAGE);
    wire_put_bytes(b, s->name);
    wire_put_varint(b, s->us);
    wire_put_varint(b, s->bytes);
    tlv_end(b, at);
}

void search_reply_highlight(struct buf *b, const struct highlight_reply *h)
{
    size_t at = tlv_begin(b, TAG_HITS_HIGHLIGHT);
    wire_put_varint(b, h->hit);
    wire_put_bytes(b, h->field);
    wire_put_varint(b, h->matched);
    wire_put_bytes(b, h->text);
    tlv_end(b, at);
}

void search_reply_texts(struct buf *b, uint32_t tag, const struct slice *texts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        tlv_put(b, tag, texts[i]);
}

/* --- decoding --------------------------------------------------------------------------------- */

static enum status hits_decode(struct slice v, struct arena *a, struct search_reply *out)
{
    struct wire_reader r = wire_reader_of(v);
    size_t n = wire_count(&r, 7);
    struct hit_reply *hits = arena_calloc(a, n + 1, sizeof *hits);
    if (!hits)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        hits[i].id = wire_bytes(&r);
        hits[i].score = wire_varint(&r);
        hits[i].freshness = freshness_parse(wire_u8(&r), &hits[i].withheld, &hits[i].future);
        hits[i].age_ms = wire_varint(&r);
        hits[i].document = wire_bytes(&r);
        hits[i].group_count = wire_varint(&r);
        hits[i].group = wire_bytes(&r);
        hits[i].explain = wire_bytes(&r);
    }
    out->hits = hits;
    out->hit_count = (uint32_t)n;
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

static enum status facet_decode(struct slice v, struct arena *a, struct facet_reply *f)
{
    struct wire_reader r = wire_reader_of(v);
    f->field = wire_bytes(&r);
    f->kind = wire_u8(&r);
    f->distinct = wire_varint(&r);
    f->count = wire_varint(&r);
    f->min = wire_f64(&r);
    f->max = wire_f64(&r);
    f->sum = wire_f64(&r);
    size_t n = wire_count(&r, 2);
    struct facet_value_reply *values = arena_calloc(a, n + 1, sizeof *values);
    if (!values)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        values[i].value = wire_bytes(&r);
        values[i].count = wire_varint(&r);
    }
    for (size_t i = 0; i < n && wire_left(&r); i++) /* absent: all are texts */
        values[i].type = wire_u8(&r);
    f->values = values;
    f->value_count = (uint32_t)n;
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

static enum status highlight_decode(struct slice v, struct highlight_reply *h)
{
    struct wire_reader r = wire_reader_of(v);
    h->hit = (uint32_t)wire_varint(&r);
    h->field = wire_bytes(&r);
    h->matched = (uint32_t)wire_varint(&r);
    h->text = wire_bytes(&r);
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

static enum status stage_decode(struct slice v, struct stage_reply *s)
{
    struct wire_reader r = wire_reader_of(v);
    s->name = wire_bytes(&r);
    s->us = wire_varint(&r);
    s->bytes = wire_varint(&r);
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

struct search_arrays {
    struct facet_reply *facets;
    struct highlight_reply *highlights;
    struct stage_reply *stages;
    struct slice *degraded, *dropped, *cut;
    struct withheld *withheld, *lacks;
};

static enum status search_tag(struct search_reply *r, struct search_arrays *arrays, struct arena *a,
                              uint32_t tag, struct slice v)
{
    struct wire_reader w = wire_reader_of(v);
    switch (tag) {
    case TAG_HITS_TOOK_US:
        r->took_us = tlv_u64(v);
        break;
    case TAG_HITS_FOUND:
        r->found = tlv_u64(v);
        break;
    case TAG_HITS_FOUND_EXACT:
        r->found_exact = tlv_u64(v) != 0;
        break;
    case TAG_HITS_GENERATION:
        r->generation = tlv_u64(v);
        break;
    case TAG_HITS_SEQUENCE:
        r->sequence = tlv_u64(v);
        break;
    case TAG_HITS_FIELDS:
        return names_decode(v, a, &r->names, &r->name_count);
    case TAG_HITS_HITS:
        return hits_decode(v, a, r);
    case TAG_HITS_FACET:
        return facet_decode(v, a, &arrays->facets[r->facet_count++]);
    case TAG_HITS_STAGE:
        return stage_decode(v, &arrays->stages[r->stage_count++]);
    case TAG_HITS_HIGHLIGHT:
        return highlight_decode(v, &arrays->highlights[r->highlight_count++]);
    case TAG_HITS_DEGRADED:
        arrays->degraded[r->degraded_count++] = v;
        break;
    case TAG_HITS_DROPPED:
        arrays->dropped[r->dropped_count++] = v;
        break;
    case TAG_HITS_CUT:
        arrays->cut[r->cut_count++] = v;
        break;
    case TAG_HITS_CURSOR:
        r->cursor = v;
        break;
    case TAG_HITS_FRESHNESS:
        for (int i = 0; i < 3; i++)
            r->fresh_counts[i] = wire_varint(&w);
        break;
    case TAG_HITS_OLDEST_AGE_MS:
        r->oldest_age_ms = tlv_u64(v);
        break;
    case TAG_HITS_SAFE_MODE:
        r->safe_mode = tlv_u32(v);
        break;
    case TAG_HITS_UPSTREAM:
        r->upstream = (enum upstream_state)tlv_u32(v);
        break;
    case TAG_HITS_WITHHELD:
        return withheld_decode(v, a, &arrays->withheld[r->withheld_count++]);
    case TAG_HITS_LACKS:
        return withheld_decode(v, a, &arrays->lacks[r->lacks_count++]);
    case TAG_HITS_GROUPS:
        r->groups = tlv_u64(v);
        break;
    case TAG_HITS_WORK:
        for (int i = 0; i < 8; i++)
            r->work[i] = wire_varint(&w);
        break;
    case TAG_HITS_LEVEL:
        r->level = tlv_u32(v);
        break;
    case TAG_HITS_CACHE:
        r->cache = tlv_u32(v);
        break;
    case TAG_HITS_CACHE_AGE_MS:
        r->cache_age_ms = tlv_u64(v);
        break;
    case TAG_HITS_QUERY_ID:
        r->query_id = v;
        break;
    case TAG_HITS_MOVED:
        r->moved = tlv_u64(v) != 0;
        break;
    default:
        break;
    }
    return STATUS_OK;
}

enum status search_reply_decode(struct slice body, struct arena *a, struct search_reply *out)
{
    *out = (struct search_reply){0};
    struct search_arrays arrays = {
        array_for(body, TAG_HITS_FACET, a, sizeof(struct facet_reply)),
        array_for(body, TAG_HITS_HIGHLIGHT, a, sizeof(struct highlight_reply)),
        array_for(body, TAG_HITS_STAGE, a, sizeof(struct stage_reply)),
        array_for(body, TAG_HITS_DEGRADED, a, sizeof(struct slice)),
        array_for(body, TAG_HITS_DROPPED, a, sizeof(struct slice)),
        array_for(body, TAG_HITS_CUT, a, sizeof(struct slice)),
        array_for(body, TAG_HITS_WITHHELD, a, sizeof(struct withheld)),
        array_for(body, TAG_HITS_LACKS, a, sizeof(struct withheld))};
    if (!arrays.facets || !arrays.highlights || !arrays.stages || !arrays.degraded ||
        !arrays.dropped || !arrays.cut || !arrays.withheld || !arrays.lacks)
        return STATUS_NO_MEMORY;
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK)
        if ((s = search_tag(out, &arrays, a, tag, v)))
            return s;
    out->facets = arrays.facets;
    out->highlights = arrays.highlights;
    out->stages = arrays.stages;
    out->degraded = arrays.degraded;
    out->dropped = arrays.dropped;
    out->cut = arrays.cut;
    out->withheld = arrays.withheld;
    out->lacks = arrays.lacks;
    return s == STATUS_END ? STATUS_OK : s;
}
