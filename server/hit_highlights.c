#include "server/hit_highlights.h"

#include "index/highlight.h"
#include "protocol/reply.h"

struct page {
    struct front *front;
    const struct query_result *result;
    struct highlight_style style;
    struct highlight_term *terms; /* those asked of the field at hand */
    uint32_t term_count;
    struct buf *out, marked, product;
};

static enum status put_text(struct page *p, uint32_t hit, struct slice field, struct slice text)
{
    uint32_t matched;
    buf_clear(&p->marked);
    enum status s = highlight_field(searcher_analyser(p->front->searcher), text, p->terms,
                                    p->term_count, &p->style, &p->marked, &matched);
    if (s == STATUS_OK)
        search_reply_highlight(
            p->out, &(struct highlight_reply){hit, field, buf_slice(&p->marked), matched});
    return s == STATUS_BAD_UTF8 ? STATUS_OK : s;
}

static enum status put_value(struct page *p, uint32_t hit, struct slice field,
                             const struct value *v)
{
    enum status s = STATUS_OK;
    struct wire_reader r = wire_reader_of(v->bytes);
    if (v->type == VALUE_TEXT)
        return put_text(p, hit, field, v->bytes);
    for (uint32_t i = 0; v->type == VALUE_LIST && i < v->count && !s; i++)
        s = put_text(p, hit, field, value_next_item(&r));
    for (uint32_t i = 0; v->type == VALUE_PAIRS && i < v->count && !s; i++) {
        struct slice path;
        struct value inner;
        s = value_next_pair(&r, &path, &inner);
        if (!s && inner.type == VALUE_TEXT)
            s = put_text(p, hit,
                         arena_printf(&p->front->arena, "%.*s.%.*s", (int)field.len, field.ptr,
                                      (int)path.len, path.ptr),
                         inner.bytes);
    }
    return s;
}

/* What a word asked of one field matched stands in that field alone. */
static void choose_terms(struct page *p, const struct field *f)
{
    uint64_t bit = f->search_idx < 64 ? (uint64_t)1 << f->search_idx : 0;
    p->term_count = 0;
    for (uint32_t i = 0; i < p->result->term_count; i++) {
        const struct highlight_term *t = &p->result->terms[i];
        if (!t->fields || (t->fields & bit))
            p->terms[p->term_count++] = *t;
    }
}

static enum status put_hit(struct page *p, struct snapshot *snap, uint32_t hit,
                           const uint64_t *wanted)
{
    struct document d;
    struct value v;
    uint32_t number;
    struct buf *b = &p->product;
    buf_clear(b);
    enum status s = snapshot_product(snap, p->result->hits[hit].docid, wanted, b);
    if (!s)
        s = document_begin(&d, buf_slice(b));
    while (!s && (s = document_next(&d, &number, &v)) == STATUS_OK) {
        const struct field *f = &snapshot_schema(snap)->fields[number];
        choose_terms(p, f);
        s = put_value(p, hit, slice_str(f->name), &v);
    }
    return s == STATUS_END ? STATUS_OK : s;
}

enum status hit_highlights_put(struct front *f, struct snapshot *snap,
                               const struct search_request *in, const struct query_result *r,
                               struct buf *b, struct fault *fault)
{
    uint64_t *wanted;
    struct page p = {.front = f,
                     .result = r,
                     .style = {in->highlight_pre, in->highlight_post, SLICE_NULL},
                     .terms = arena_calloc(&f->arena, r->term_count + 1, sizeof *p.terms),
                     .out = b};
    if (!p.terms)
        return STATUS_NO_MEMORY;
    enum status s = front_wanted(f, snapshot_schema(snap), in->highlights, in->highlight_count,
                                 "highlight", &wanted, fault);
    for (uint32_t i = 0; !s && i < r->hit_count; i++)
        s = put_hit(&p, snap, i, wanted);
    buf_fini(&p.marked);
    buf_fini(&p.product);
    return s;
}
