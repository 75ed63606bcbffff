#include "protocol/suggest.h"

#include "protocol/request_private.h"

/* --- SUGGEST ---------------------------------------------------------------------------------- */

void suggest_request_encode(const struct suggest_request *q, struct buf *out)
{
    tlv_put(out, TAG_SUGGEST_CATALOG, q->catalog);
    tlv_put(out, TAG_SUGGEST_TEXT, q->text);
    if (q->limit)
        tlv_put_u64(out, TAG_SUGGEST_LIMIT, q->limit);
    if (q->products)
        tlv_put_u64(out, TAG_SUGGEST_PRODUCTS, q->products);
}

enum status suggest_request_decode(struct slice body, struct suggest_request *q,
                                   struct fault *fault)
{
    static const struct tlv_member members[] = {
        TLV_BYTES(TAG_SUGGEST_CATALOG, struct suggest_request, catalog),
        TLV_BYTES(TAG_SUGGEST_TEXT, struct suggest_request, text),
        TLV_NUMBER(TAG_SUGGEST_LIMIT, struct suggest_request, limit),
        TLV_NUMBER(TAG_SUGGEST_PRODUCTS, struct suggest_request, products)};
    *q = (struct suggest_request){0};
    enum status s = request_members(body, members, TLV_COUNT(members), q, "suggest", fault);
    if (s)
        return s;
    if (q->limit > SUGGEST_LIMIT_MAX || q->products > SUGGEST_LIMIT_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "limit", "at most %d suggestions",
                         SUGGEST_LIMIT_MAX);
    return STATUS_OK;
}

void suggest_query_encode(struct buf *b, const struct suggest_query_reply *q)
{
    size_t at = tlv_begin(b, TAG_SUGGEST_QUERY);
    wire_put_bytes(b, q->text);
    wire_put_f64(b, q->weight);
    buf_put_u8(b, (uint8_t)q->distance);
    buf_put_u8(b, q->inner);
    wire_put_varint(b, q->category_count);
    for (uint32_t i = 0; i < q->category_count; i++)
        wire_put_bytes(b, q->categories[i]);
    tlv_end(b, at);
}

void suggest_product_encode(struct buf *b, const struct suggest_product_reply *p)
{
    size_t at = tlv_begin(b, TAG_SUGGEST_PRODUCT);
    wire_put_bytes(b, p->id);
    wire_put_bytes(b, p->title);
    tlv_end(b, at);
}

static enum status query_decode(struct slice v, struct arena *a, struct suggest_query_reply *q)
{
    struct wire_reader r = wire_reader_of(v);
    q->text = wire_bytes(&r);
    q->weight = wire_f64(&r);
    q->distance = wire_u8(&r);
    q->inner = wire_u8(&r);
    q->category_count = (uint32_t)wire_count(&r, 1);
    q->categories = arena_calloc(a, q->category_count + 1, sizeof *q->categories);
    if (!q->categories)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < q->category_count; i++)
        q->categories[i] = wire_bytes(&r);
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

static enum status product_decode(struct slice v, struct suggest_product_reply *p)
{
    struct wire_reader r = wire_reader_of(v);
    p->id = wire_bytes(&r);
    p->title = wire_bytes(&r);
    return r.failed ? STATUS_INVALID : STATUS_OK;
}

enum status suggest_reply_decode(struct slice body, struct arena *a, struct suggest_reply *out)
{
    *out = (struct suggest_reply){0};
    struct suggest_query_reply *queries =
        arena_calloc(a, tlv_count(body, TAG_SUGGEST_QUERY) + 1, sizeof *queries);
    struct suggest_product_reply *products =
        arena_calloc(a, tlv_count(body, TAG_SUGGEST_PRODUCT) + 1, sizeof *products);
    struct slice *degraded =
        arena_calloc(a, tlv_count(body, TAG_SUGGEST_DEGRADED) + 1, sizeof *degraded);
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    if (!queries || !products || !degraded)
        return STATUS_NO_MEMORY;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag == TAG_SUGGEST_TOOK_US)
            out->took_us = tlv_u64(v);
        else if (tag == TAG_SUGGEST_GENERATION)
            out->generation = tlv_u64(v);
        else if (tag == TAG_SUGGEST_DEGRADED)
            degraded[out->degraded_count++] = v;
        else if (tag == TAG_SUGGEST_QUERY)
            s = query_decode(v, a, &queries[out->query_count++]);
        else if (tag == TAG_SUGGEST_PRODUCT)
            s = product_decode(v, &products[out->product_count++]);
        if (s)
            return s;
    }
    out->queries = queries;
    out->products = products;
    out->degraded = degraded;
    return s == STATUS_END ? STATUS_OK : s;
}

/* --- QUERIES ---------------------------------------------------------------------------------- */

void queries_request_encode(const struct queries_request *q, struct buf *out)
{
    tlv_put(out, TAG_QUERIES_CATALOG, q->catalog);
    tlv_put_u64(out, TAG_QUERIES_KIND, q->kind);
    if (q->limit)
        tlv_put_u64(out, TAG_QUERIES_LIMIT, q->limit);
}

enum status queries_request_decode(struct slice body, struct queries_request *q,
                                   struct fault *fault)
{
    static const struct tlv_member members[] = {
        TLV_BYTES(TAG_QUERIES_CATALOG, struct queries_request, catalog),
        TLV_NUMBER(TAG_QUERIES_KIND, struct queries_request, kind),
        TLV_NUMBER(TAG_QUERIES_LIMIT, struct queries_request, limit)};
    *q = (struct queries_request){0};
    enum status s = request_members(body, members, TLV_COUNT(members), q, "queries", fault);
    if (s)
        return s;
    if (q->kind >= QUERIES_KINDS)
        return fault_set(fault, STATUS_UNSUPPORTED, "kind", "kind is 0, 1 or 2");
    return STATUS_OK;
}

void queries_row_encode(struct buf *b, const struct queries_row *row)
{
    size_t at = tlv_begin(b, TAG_QUERIES_ROW);
    wire_put_bytes(b, row->text);
    wire_put_f64(b, row->count);
    wire_put_varint(b, row->age_ms);
    wire_put_varint(b, row->found);
    wire_put_varint(b, row->slowest_us);
    tlv_end(b, at);
}

enum status queries_reply_decode(struct slice body, struct arena *a, struct queries_row **rows,
                                 uint32_t *count)
{
    *count = 0;
    *rows = arena_calloc(a, tlv_count(body, TAG_QUERIES_ROW) + 1, sizeof **rows);
    struct wire_reader r = wire_reader_of(body);
    uint32_t tag;
    struct slice v;
    enum status s;
    if (!*rows)
        return STATUS_NO_MEMORY;
    while ((s = tlv_next(&r, &tag, &v)) == STATUS_OK) {
        if (tag != TAG_QUERIES_ROW)
            continue;
        struct wire_reader w = wire_reader_of(v);
        struct queries_row *row = &(*rows)[(*count)++];
        row->text = wire_bytes(&w);
        row->count = wire_f64(&w);
        row->age_ms = wire_varint(&w);
        row->found = wire_varint(&w);
        row->slowest_us = wire_varint(&w);
        if (w.failed)
            return STATUS_INVALID;
    }
    return s == STATUS_END ? STATUS_OK : s;
}
