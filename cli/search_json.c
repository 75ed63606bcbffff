#include "cli/search_json.h"

#include "cli/labels.h"

static void put_texts(struct buf *b, const char *name, const struct slice *texts, uint32_t count)
{
    buf_printf(b, ",\"%s\":[", name);
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            buf_put_u8(b, ',');
        json_put_text(b, texts[i]);
    }
    buf_put_u8(b, ']');
}

/* The marked texts of a hit by field; several of one field as an array. */
static void put_highlights(struct buf *b, uint32_t hit, const struct search_reply *r)
{
    uint32_t fields = 0;
    for (uint32_t i = 0, next; i < r->highlight_count; i = next) {
        const struct highlight_reply *h = &r->highlights[i];
        for (next = i + 1; next < r->highlight_count && r->highlights[next].hit == h->hit &&
                           slice_equal(r->highlights[next].field, h->field);)
            next++;
        if (h->hit != hit)
            continue;
        buf_printf(b, fields++ ? "," : ",\"highlights\":{");
        json_put_text(b, h->field);
        buf_printf(b, next - i > 1 ? ":[" : ":");
        for (uint32_t k = i; k < next; k++) {
            if (k > i)
                buf_put_u8(b, ',');
            json_put_text(b, r->highlights[k].text);
        }
        if (next - i > 1)
            buf_put_u8(b, ']');
    }
    if (fields)
        buf_put_u8(b, '}');
}

static void put_hit(struct buf *b, uint32_t at_hit, const struct search_reply *r)
{
    const struct hit_reply *h = &r->hits[at_hit];
    buf_printf(b, "{\"id\":");
    json_put_text(b, h->id);
    buf_printf(b, ",\"score\":%llu", (unsigned long long)h->score);
    labels_put(b, h->freshness, h->age_ms, h->future,
               withheld_of(r->withheld, r->withheld_count, (uint32_t)(h - r->hits)));
    const struct withheld *lacks = withheld_of(r->lacks, r->lacks_count, at_hit);
    if (lacks)
        put_texts(b, "lacks", lacks->names, lacks->name_count);
    if (h->group.len || h->group_count) {
        buf_printf(b, ",\"group\":");
        json_put_text(b, h->group);
        buf_printf(b, ",\"group_count\":%llu", (unsigned long long)h->group_count);
    }
    if (h->explain.len) {
        buf_printf(b, ",\"explain\":");
        json_put_text(b, h->explain);
    }
    if (h->document.len) {
        size_t at = b->len;
        buf_printf(b, ",\"product\":");
        if (json_put_document(b, h->document, r->names, r->name_count))
            b->len = at;
    }
    put_highlights(b, at_hit, r);
    buf_put_u8(b, '}');
}

enum { FACET_STATISTICS = 2 };

/* A field may be asked for several times: its n-th statistics go with its n-th values. */
static uint32_t facet_turn(const struct search_reply *r, uint32_t at)
{
    const struct facet_reply *f = &r->facets[at];
    uint32_t n = 1;
    for (uint32_t i = 0; i < at; i++)
        n += slice_equal(r->facets[i].field, f->field) &&
             (r->facets[i].kind == FACET_STATISTICS) == (f->kind == FACET_STATISTICS);
    return n;
}

/* The other half of what the facet's field is told, NULL without one. */
static const struct facet_reply *facet_mate(const struct search_reply *r, uint32_t at)
{
    const struct facet_reply *f = &r->facets[at];
    uint32_t turn = facet_turn(r, at);
    for (uint32_t i = 0; i < r->facet_count; i++)
        if (slice_equal(r->facets[i].field, f->field) &&
            (r->facets[i].kind == FACET_STATISTICS) != (f->kind == FACET_STATISTICS) &&
            facet_turn(r, i) == turn)
            return &r->facets[i];
    return NULL;
}

static void put_facet_values(struct buf *b, const struct facet_reply *f)
{
    buf_printf(b, "\"values\":[");
    for (uint32_t i = 0; i < f->value_count; i++) {
        buf_printf(b, "%s{\"value\":", i ? "," : "");
        if (f->values[i].type == VALUE_NULL || f->values[i].type == VALUE_TEXT)
            json_put_text(b, f->values[i].value);
        else /* the text of a number or a boolean is JSON */
            buf_put_slice(b, f->values[i].value);
        buf_printf(b, ",\"count\":%llu}", (unsigned long long)f->values[i].count);
    }
    buf_printf(b, "],\"distinct\":%llu", (unsigned long long)f->distinct);
}

static void put_facet_statistics(struct buf *b, const struct facet_reply *f)
{
    buf_printf(b, ",\"count\":%llu,\"min\":", (unsigned long long)f->count);
    json_put_float(b, f->min);
    buf_printf(b, ",\"max\":");
    json_put_float(b, f->max);
    buf_printf(b, ",\"sum\":");
    json_put_float(b, f->sum);
    buf_printf(b, ",\"avg\":");
    json_put_float(b, f->count ? f->sum / (double)f->count : 0);
}

/* No key comes twice: what is told of a field goes into one object, and when the same was asked
 * again, into another, "price#2". */
static void put_facets(struct buf *b, const struct search_reply *r)
{
    bool any = false;
    buf_printf(b, ",\"facets\":{");
    for (uint32_t i = 0; i < r->facet_count; i++) {
        const struct facet_reply *f = &r->facets[i], *mate = facet_mate(r, i);
        bool statistics = f->kind == FACET_STATISTICS;
        uint32_t turn = facet_turn(r, i);
        if (mate && mate < f)
            continue;
        if (any)
            buf_put_u8(b, ',');
        any = true;
        json_put_text(b, f->field);
        if (turn > 1) {
            b->len--;
            buf_printf(b, "#%u\"", turn);
        }
        buf_printf(b, ":{");
        put_facet_values(b, statistics && mate ? mate : f);
        if (statistics || mate)
            put_facet_statistics(b, statistics ? f : mate);
        buf_put_u8(b, '}');
    }
    buf_put_u8(b, '}');
}

static void put_rest(struct buf *b, bool grouped, const struct search_reply *r)
{
    if (r->dropped_count)
        put_texts(b, "dropped", r->dropped, r->dropped_count);
    if (r->cut_count)
        put_texts(b, "cut", r->cut, r->cut_count);
    if (grouped)
        buf_printf(b, ",\"groups\":%llu", (unsigned long long)r->groups);
    if (r->moved)
        buf_printf(b, ",\"moved\":true");
    if (r->cursor.len) {
        buf_printf(b, ",\"cursor\":\"");
        for (size_t i = 0; i < r->cursor.len; i++)
            buf_printf(b, "%02x", (unsigned char)r->cursor.ptr[i]);
        buf_put_u8(b, '"');
    }
    if (r->stage_count) {
        buf_printf(b, ",\"stages\":[");
        for (uint32_t i = 0; i < r->stage_count; i++) {
            buf_printf(b, "%s{\"stage\":", i ? "," : "");
            json_put_text(b, r->stages[i].name);
            buf_printf(b, ",\"us\":%llu,\"bytes\":%llu}", (unsigned long long)r->stages[i].us,
                       (unsigned long long)r->stages[i].bytes);
        }
        buf_printf(b, "],\"blocks_read\":%llu,\"blocks_skipped\":%llu",
                   (unsigned long long)r->work[0], (unsigned long long)r->work[1]);
        buf_printf(b, ",\"postings\":%llu,\"expansions\":%llu", (unsigned long long)r->work[2],
                   (unsigned long long)r->work[3]);
    }
    buf_printf(b, ",\"work\":[");
    for (int i = 0; i < 8; i++)
        buf_printf(b, "%s%llu", i ? "," : "", (unsigned long long)r->work[i]);
    buf_put_u8(b, ']');
}

void search_json_put(struct buf *b, struct slice qid, struct slice query, bool grouped,
                     const struct search_reply *r)
{
    buf_printf(b, "{\"qid\":");
    json_put_text(b, qid);
    buf_printf(b, ",\"query\":");
    json_put_text(b, query);
    buf_printf(b, ",\"found\":%llu,\"found_exact\":%s,\"took_us\":%llu",
               (unsigned long long)r->found, r->found_exact ? "true" : "false",
               (unsigned long long)r->took_us);
    buf_printf(b, ",\"generation\":%llu,\"sequence\":%llu", (unsigned long long)r->generation,
               (unsigned long long)r->sequence);
    buf_printf(b, ",\"freshness\":{\"fresh\":%llu,\"stale\":%llu,\"stale_if_error\":%llu}",
               (unsigned long long)r->fresh_counts[FRESH],
               (unsigned long long)r->fresh_counts[STALE],
               (unsigned long long)r->fresh_counts[STALE_IF_ERROR]);
    buf_printf(b, ",\"oldest_age_ms\":%llu", (unsigned long long)r->oldest_age_ms);
    labels_put_state(b, r->upstream, r->safe_mode);
    if (r->level)
        buf_printf(b, ",\"level\":%u", r->level);
    if (r->cache)
        buf_printf(b, ",\"cache\":\"%s\",\"cache_age_ms\":%llu", r->cache == 1 ? "hit" : "old",
                   (unsigned long long)r->cache_age_ms);
    put_texts(b, "degraded", r->degraded, r->degraded_count);
    buf_printf(b, ",\"hits\":[");
    for (uint32_t i = 0; i < r->hit_count; i++) {
        if (i)
            buf_put_u8(b, ',');
        put_hit(b, i, r);
    }
    buf_put_u8(b, ']');
    put_facets(b, r);
    put_rest(b, grouped, r);
    buf_put(b, "}\n", 2);
}
