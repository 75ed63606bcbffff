#include "cli/search_table.h"

#include "cli/json.h"
#include "cli/table.h"

/* The text of a field of a hit, shortened for a line of the table. */
static void put_cell(struct buf *b, const struct hit_reply *h, const struct search_reply *r,
                     const char *name)
{
    struct document d;
    struct value v;
    uint32_t number;
    if (!h->document.len || document_begin(&d, h->document))
        return;
    while (document_next(&d, &number, &v) == STATUS_OK) {
        if (number >= r->name_count || !slice_equal(r->names[number], slice_str(name)))
            continue;
        buf_printf(b, "  ");
        if (v.type == VALUE_TEXT) {
            struct slice text = v.bytes;
            if (text.len > 80)
                text.len = wire_utf8_valid(slice_make(text.ptr, 80));
            table_put(b, text, 0);
        } else {
            json_put_value(b, &v);
        }
    }
}

static void put_group(struct buf *b, const struct hit_reply *h)
{
    buf_printf(b, "  [");
    table_put(b, h->group, 0);
    buf_printf(b, ": %llu]", (unsigned long long)h->group_count);
}

static void put_hit(struct buf *b, const struct search_reply *r, uint32_t i)
{
    const struct hit_reply *h = &r->hits[i];
    buf_printf(b, "%3u  ", i + 1);
    table_put(b, h->id, 16);
    put_cell(b, h, r, "title");
    put_cell(b, h, r, "brand");
    put_cell(b, h, r, "price");
    if (h->freshness != FRESH)
        buf_printf(b, "  (%s, %llu s old)", freshness_name(h->freshness),
                   (unsigned long long)h->age_ms / 1000);
    if (h->group_count > 1)
        put_group(b, h);
    buf_put_u8(b, '\n');
    if (h->explain.len) {
        buf_printf(b, "     why: ");
        table_put(b, h->explain, 0);
        buf_put_u8(b, '\n');
    }
}

/* Marked texts come in the order of the hits; those of hit `i` begin at *mark. */
static void put_marks(struct buf *b, const struct search_reply *r, uint32_t i, uint32_t *mark)
{
    for (; *mark < r->highlight_count && r->highlights[*mark].hit == i; ++*mark) {
        const struct highlight_reply *h = &r->highlights[*mark];
        if (!h->matched)
            continue;
        buf_printf(b, "     ");
        table_put(b, h->field, 0);
        buf_printf(b, ": ");
        table_put(b, h->text, 0);
        buf_put_u8(b, '\n');
    }
}

static void put_facet(struct buf *b, const struct facet_reply *f)
{
    table_put(b, f->field, 0);
    buf_put_u8(b, ':');
    if (f->kind == 2)
        buf_printf(b, " min %g, max %g, sum %g, count %llu", f->min, f->max, f->sum,
                   (unsigned long long)f->count);
    for (uint32_t k = 0; k < f->value_count; k++) {
        buf_printf(b, k ? ", " : " ");
        table_put(b, f->values[k].value, 0);
        buf_printf(b, " (%llu)", (unsigned long long)f->values[k].count);
    }
    buf_put_u8(b, '\n');
}

static void put_stages(struct buf *b, const struct search_reply *r)
{
    for (uint32_t i = 0; i < r->stage_count; i++) {
        buf_printf(b, "  %-12.*s %8llu us", (int)r->stages[i].name.len, r->stages[i].name.ptr,
                   (unsigned long long)r->stages[i].us);
        if (r->stages[i].bytes)
            buf_printf(b, " %10llu bytes", (unsigned long long)r->stages[i].bytes);
        buf_put_u8(b, '\n');
    }
    if (r->stage_count)
        buf_printf(b, "  %llu blocks read, %llu skipped; %llu postings; %llu expansions\n",
                   (unsigned long long)r->work[0], (unsigned long long)r->work[1],
                   (unsigned long long)r->work[2], (unsigned long long)r->work[3]);
}

static void put_end(struct buf *b, const struct search_reply *r)
{
    buf_printf(b, "%s%llu found in %llu us", r->found_exact ? "" : "at least ",
               (unsigned long long)r->found, (unsigned long long)r->took_us);
    if (r->groups)
        buf_printf(b, " in %llu groups", (unsigned long long)r->groups);
    if (r->moved)
        buf_printf(b, "; the index moved since the last page");
    if (r->upstream > UPSTREAM_OK)
        buf_printf(b, "; upstream %s", upstream_state_name(r->upstream));
    if (r->safe_mode)
        buf_printf(b, "; safe mode (%s)", safe_mode_name(r->safe_mode));
    for (uint32_t i = 0; i < r->degraded_count; i++) {
        buf_printf(b, "; ");
        table_put(b, r->degraded[i], 0);
    }
    for (uint32_t i = 0; i < r->dropped_count; i++) {
        buf_printf(b, "; without \"");
        table_put(b, r->dropped[i], 0);
        buf_put_u8(b, '"');
    }
    for (uint32_t i = 0; i < r->cut_count; i++) {
        buf_printf(b, "; cut \"");
        table_put(b, r->cut[i], 0);
        buf_put_u8(b, '"');
    }
    buf_put_u8(b, '\n');
}

void search_table_put(struct buf *b, const struct search_reply *r)
{
    for (uint32_t i = 0, mark = 0; i < r->hit_count; i++) {
        put_hit(b, r, i);
        put_marks(b, r, i, &mark);
    }
    for (uint32_t i = 0; i < r->facet_count; i++)
        put_facet(b, &r->facets[i]);
    put_stages(b, r);
    put_end(b, r);
}
