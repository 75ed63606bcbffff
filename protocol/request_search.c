#include "protocol/request_private.h"

/* The body of SEARCH: everything a page may ask for. */

void search_request_init(struct search_request *q)
{
    *q = (struct search_request){.match = SEARCH_RELAXED,
                                 .prefix = true,
                                 .typos = SEARCH_TYPOS_AUTO,
                                 .k = 10,
                                 .count_to = 10000,
                                 .max_stale_ms = -1};
}

static void facet_encode(const struct search_facet *f, struct buf *out)
{
    size_t at = tlv_begin(out, TAG_SEARCH_FACET);
    wire_put_bytes(out, f->field);
    wire_put_varint(out, f->limit);
    buf_put_u8(out, f->kind);
    wire_put_bytes(out, f->ranges);
    wire_put_bytes(out, f->query);
    buf_put_u8(out, f->disjunctive);
    tlv_end(out, at);
}

void search_request_encode(const struct search_request *q, struct buf *out)
{
    tlv_put(out, TAG_SEARCH_CATALOG, q->catalog);
    request_put_text(out, TAG_SEARCH_TEXT, q->text);
    tlv_put_u64(out, TAG_SEARCH_MATCH, q->match);
    tlv_put_u64(out, TAG_SEARCH_PREFIX, q->prefix);
    tlv_put_u64(out, TAG_SEARCH_TYPOS, q->typos);
    for (uint32_t i = 0; i < q->field_count; i++)
        tlv_put(out, TAG_SEARCH_FIELD, q->fields[i]);
    request_put_text(out, TAG_SEARCH_FILTER, q->filter);
    for (uint32_t i = 0; i < q->facet_count; i++)
        facet_encode(&q->facets[i], out);
    for (uint32_t i = 0; i < q->sort_count; i++) {
        size_t at = tlv_begin(out, TAG_SEARCH_SORT);
        buf_put_u8(out, q->sorts[i].descending);
        wire_put_bytes(out, q->sorts[i].field);
        tlv_end(out, at);
    }
    tlv_put_u64(out, TAG_SEARCH_K, q->k);
    if (q->offset)
        tlv_put_u64(out, TAG_SEARCH_OFFSET, q->offset);
    request_put_text(out, TAG_SEARCH_CURSOR, q->cursor);
    tlv_put_u64(out, TAG_SEARCH_COUNT_TO, q->count_to);
    if (q->no_cache)
        tlv_put_u64(out, TAG_SEARCH_NO_CACHE, 1);
    if (q->min_sequence)
        tlv_put_u64(out, TAG_SEARCH_MIN_SEQUENCE, q->min_sequence);
    for (uint32_t i = 0; i < q->return_count; i++)
        tlv_put(out, TAG_SEARCH_RETURN, q->returns[i]);
    if (q->ids_only)
        tlv_put_u64(out, TAG_SEARCH_IDS_ONLY, 1);
    if (q->group_field.len) {
        size_t at = tlv_begin(out, TAG_SEARCH_GROUP);
        wire_put_varint(out, q->group_size);
        wire_put_bytes(out, q->group_field);
        tlv_end(out, at);
    }
    request_put_text(out, TAG_SEARCH_PROFILE, q->profile);
    if (q->explain)
        tlv_put_u64(out, TAG_SEARCH_EXPLAIN, 1);
    if (q->max_stale_ms >= 0)
        tlv_put_u64(out, TAG_SEARCH_MAX_STALE_MS, (uint64_t)q->max_stale_ms);
    for (uint32_t i = 0; i < q->field_age_count; i++)
        field_age_encode(out, TAG_SEARCH_FIELD_MAX_AGE, &q->field_ages[i]);
    if (q->highlight_count) {
        size_t at = tlv_begin(out, TAG_SEARCH_HIGHLIGHT);
        wire_put_bytes(out, q->highlight_pre);
        wire_put_bytes(out, q->highlight_post);
        names_encode(q->highlights, q->highlight_count, out);
        tlv_end(out, at);
    }
    request_put_text(out, TAG_SEARCH_QUERY_ID, q->query_id);
}

static enum status facet_decode(struct slice v, struct request_list *facets)
{
    struct search_facet *f = request_list_add(facets);
    if (!f)
        return STATUS_TOO_LARGE;
    struct wire_reader r = wire_reader_of(v);
    f->field = wire_bytes(&r);
    f->limit = (uint32_t)wire_varint(&r);
    f->kind = wire_u8(&r);
    f->ranges = wire_bytes(&r);
    f->query = wire_bytes(&r);
    f->disjunctive = wire_u8(&r);
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

static enum status sort_decode(struct slice v, struct request_list *sorts)
{
    struct search_sort *s = request_list_add(sorts);
    if (!s)
        return STATUS_TOO_LARGE;
    struct wire_reader r = wire_reader_of(v);
    s->descending = wire_u8(&r);
    s->field = wire_bytes(&r);
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

static enum status highlight_decode(struct slice v, struct arena *a, struct search_request *q)
{
    struct wire_reader r = wire_reader_of(v);
    q->highlight_pre = wire_bytes(&r);
    q->highlight_post = wire_bytes(&r);
    if (r.failed)
        return STATUS_INVALID;
    return names_decode(slice_make(r.at, wire_left(&r)), a, &q->highlights, &q->highlight_count);
}

struct search_lists {
    struct request_list fields, facets, sorts, returns, ages;
};

static enum status search_tag(struct search_request *q, struct search_lists *l, uint32_t tag,
                              struct slice v)
{
    struct wire_reader r;
    switch (tag) {
    case TAG_SEARCH_CATALOG:
        q->catalog = v;
        break;
    case TAG_SEARCH_TEXT:
        q->text = v;
        break;
    case TAG_SEARCH_MATCH:
        q->match = (enum search_match)tlv_u32(v);
        break;
    case TAG_SEARCH_PREFIX:
        q->prefix = tlv_u64(v) != 0;
        break;
    case TAG_SEARCH_TYPOS:
        q->typos = tlv_u32(v);
        break;
    case TAG_SEARCH_FIELD:
        return request_list_add_slice(&l->fields, v) ? STATUS_OK : STATUS_TOO_LARGE;
    case TAG_SEARCH_FILTER:
        q->filter = v;
        break;
    case TAG_SEARCH_FACET:
        return facet_decode(v, &l->facets);
    case TAG_SEARCH_SORT:
        return sort_decode(v, &l->sorts);
    case TAG_SEARCH_K:
        q->k = tlv_u32(v);
        break;
    case TAG_SEARCH_OFFSET:
        q->offset = tlv_u32(v);
        break;
    case TAG_SEARCH_CURSOR:
        q->cursor = v;
        break;
    case TAG_SEARCH_COUNT_TO:
        q->count_to = tlv_u64(v);
        break;
    case TAG_SEARCH_NO_CACHE:
        q->no_cache = tlv_u64(v) != 0;
        break;
    case TAG_SEARCH_MIN_SEQUENCE:
        q->min_sequence = tlv_u64(v);
        break;
    case TAG_SEARCH_RETURN:
        return request_list_add_slice(&l->returns, v) ? STATUS_OK : STATUS_TOO_LARGE;
    case TAG_SEARCH_IDS_ONLY:
        q->ids_only = tlv_u64(v) != 0;
        break;
    case TAG_SEARCH_GROUP:
        r = wire_reader_of(v);
        q->group_size = (uint32_t)wire_varint(&r);
        q->group_field = wire_bytes(&r);
        return r.failed ? STATUS_INVALID : STATUS_OK;
    case TAG_SEARCH_PROFILE:
        q->profile = v;
        break;
    case TAG_SEARCH_EXPLAIN:
        q->explain = tlv_u64(v) != 0;
        break;
    case TAG_SEARCH_MAX_STALE_MS:
        q->max_stale_ms = (int64_t)(tlv_u64(v) & INT64_MAX);
        break;
    case TAG_SEARCH_FIELD_MAX_AGE:
        return request_age_decode(v, &l->ages);
    case TAG_SEARCH_HIGHLIGHT:
        return highlight_decode(v, l->fields.arena, q);
    case TAG_SEARCH_QUERY_ID:
        q->query_id = v;
        break;
    default:
        break;
    }
    return STATUS_OK;
}

enum status search_request_decode(struct slice body, struct arena *a, struct search_request *q,
                                  struct fault *fault)
{
    search_request_init(q);
    struct search_lists l = {.fields = {.arena = a, .size = sizeof(struct slice)},
                             .facets = {.arena = a, .size = sizeof(struct search_facet)},
                             .sorts = {.arena = a, .size = sizeof(struct search_sort)},
                             .returns = {.arena = a, .size = sizeof(struct slice)},
                             .ages = {.arena = a, .size = sizeof(struct field_age)}};
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        s = search_tag(q, &l, tag, v);
        if (s == STATUS_TOO_LARGE)
            return request_too_much(fault);
        if (s)
            break;
    }
    if (s != STATUS_END)
        return request_damaged(fault, "search", body, r.failed ? (const void *)r.at : v.ptr);
    if (q->match > SEARCH_RELAXED)
        return fault_set(fault, STATUS_INVALID, "match", "match is 0, 1 or 2");
    q->fields = l.fields.items;
    q->field_count = l.fields.count;
    q->facets = l.facets.items;
    q->facet_count = l.facets.count;
    q->sorts = l.sorts.items;
    q->sort_count = l.sorts.count;
    q->returns = l.returns.items;
    q->return_count = l.returns.count;
    q->field_ages = l.ages.items;
    q->field_age_count = l.ages.count;
    return STATUS_OK;
}

bool search_request_only_counts(struct slice body)
{
    struct wire_reader r = wire_reader_of(body);
    bool none = false;
    uint32_t tag;
    struct slice v;
    enum status s;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK)
        if (tag == TAG_SEARCH_K)
            none = tlv_u64(v) == 0;
    return none && s == STATUS_END;
}
