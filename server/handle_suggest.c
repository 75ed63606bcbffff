/* SUGGEST and QUERIES: completions of what was typed, and what was searched. */
#include "server/freshness.h"
#include "server/suggestions.h"
#include "server/front_trace.h"

static enum status put_queries(struct front *f, struct catalog *c, const struct suggest_request *in,
                               struct buf *b)
{
    struct suggestion found[SUGGEST_MAX];
    uint32_t count;
    if (!c->suggestions) {
        enum status s = suggestions_create(&c->suggestions);
        if (s)
            return s;
    }
    enum status s = suggestions_find(c->suggestions, f, c, in->text,
                                     in->limit ? in->limit : SUGGEST_LIMIT_DEFAULT, found, &count);
    for (uint32_t i = 0; !s && i < count; i++) {
        struct slice categories[SUGGESTIONS_CATEGORIES];
        struct suggest_query_reply row = {.text = found[i].text,
                                          .weight = found[i].weight,
                                          .distance = found[i].distance,
                                          .inner = found[i].inner,
                                          .categories = categories};
        if (i == 0)
            s = suggestions_categories(c->suggestions, f, c, found[i].text, categories,
                                       &row.category_count);
        suggest_query_encode(b, &row);
    }
    return s;
}

/* The field whose text names a product: the first one of the heaviest class. */
static const struct field *title_field(const struct schema *schema)
{
    const struct field *best = NULL;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *x = &schema->fields[i];
        if (x->type == FIELD_TEXT && x->searchable && x->stored &&
            (!best || x->weight_class < best->weight_class))
            best = x;
    }
    return best;
}

static enum status put_product(struct front *f, struct catalog *c, const struct hit *h,
                               const struct field *title, struct buf *b)
{
    struct suggest_product_reply row = {.id = h->id};
    uint64_t wanted[4] = {0};
    struct document d;
    struct value v;
    uint32_t number;
    enum status s = STATUS_OK;
    buf_clear(&f->scratch);
    if (title) {
        wanted[title->id / 64] |= UINT64_C(1) << title->id % 64;
        s = snapshot_product(c->snapshot, h->docid, wanted, &f->scratch);
        if (!s)
            s = document_begin(&d, buf_slice(&f->scratch));
        while (!s && (s = document_next(&d, &number, &v)) == STATUS_OK)
            if (number == title->id && v.type == VALUE_TEXT)
                row.title = v.bytes;
        s = s == STATUS_END ? STATUS_OK : s;
    }
    if (!s)
        suggest_product_encode(b, &row);
    return s;
}

static enum status put_products(struct front *f, struct request *rq, struct catalog *c,
                                const struct suggest_request *in, struct buf *b,
                                struct fault *fault)
{
    struct query_result r = {0};
    struct front_check check = {f, rq->deadline_us, 0};
    struct moment m = moment_now(f->role->shared, c->row);
    struct query q = {.text = in->text,
                      .match = QUERY_RELAXED,
                      .prefix = true,
                      .typos = QUERY_TYPOS_AUTO,
                      .k = in->products,
                      .max_stale_ms = -1,
                      .now_ms = m.now_ms,
                      .check = front_check,
                      .check_ctx = &check};
    enum status s = expired_at(&c->expired, c->snapshot, m.now_ms, &q.excluded, &q.excluded_bits);
    if (!s)
        s = search_run(f->searcher, c->snapshot, &q, &f->arena, &r, fault);
    const struct field *title = title_field(snapshot_schema(c->snapshot));
    for (uint32_t i = 0; !s && i < r.hit_count; i++)
        s = put_product(f, c, &r.hits[i], title, b);
    return s;
}

enum status handle_suggest(struct front *f, struct request *rq, struct fault *fault)
{
    struct suggest_request in;
    struct catalog *c;
    int64_t start = clock_mono_us();
    enum status s = suggest_request_decode(rq->frame.body, &in, fault);
    if (s)
        return s;
    if (wire_utf8_valid(in.text) != in.text.len)
        return fault_set(fault, STATUS_BAD_UTF8, "text", "what was typed is not valid UTF-8");
    if ((s = catalogs_get(f->catalogs, in.catalog, &c, fault)) || (s = snapshot_begin(c->snapshot)))
        return s;
    struct buf *b = &rq->conn->out;
    span_say(front_trace_span(rq->trace), SPAN_SELF, KEY_COLLECTION, in.catalog);
    size_t at = reply_begin(rq);
    s = put_queries(f, c, &in, b);
    if (!s && in.products)
        s = put_products(f, rq, c, &in, b, fault);
    tlv_put_u64(b, TAG_SUGGEST_GENERATION, snapshot_generation(c->snapshot));
    tlv_put_u64(b, TAG_SUGGEST_TOOK_US, (uint64_t)(clock_mono_us() - start));
    snapshot_end(c->snapshot);
    if (s == STATUS_OK)
        reply_end(rq, at);
    return s;
}

enum status handle_queries(struct front *f, struct request *rq, struct fault *fault)
{
    struct queries_request in;
    struct queries_row *rows;
    struct catalog *c;
    uint32_t count;
    enum status s = queries_request_decode(rq->frame.body, &in, fault);
    if (s || (s = catalogs_get(f->catalogs, in.catalog, &c, fault)))
        return s;
    uint32_t limit = in.limit ? in.limit : QUERIES_LIMIT_DEFAULT;
    s = query_log_read(f->role->shared->query_logs, QUERY_LOGS, in.catalog, in.kind,
                       limit < 10000 ? limit : 10000, shared_now_ms(f->role->shared), &f->arena,
                       &rows, &count);
    if (s)
        return s;
    size_t at = reply_begin(rq);
    for (uint32_t i = 0; i < count; i++)
        queries_row_encode(&rq->conn->out, &rows[i]);
    reply_end(rq, at);
    return STATUS_OK;
}
