#include "server/hit_highlights.h"

#include "index/highlight.h"
#include "protocol/reply.h"

struct page {
    struct front *front;
    const struct query_result *result;
    struct highlight_style style;
    struct buf *out, marked, product;
};

static enum status put_text(struct page *p, uint32_t hit, struct slice field, struct slice text)
{
    uint32_t matched;
    buf_clear(&p->marked);
    enum status s = highlight_field(searcher_analyser(p->front->searcher), text, p->result->terms,
                                    p->result->term_count, &p->style, &p->marked, &matched);
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
    while (!s && (s = document_next(&d, &number, &v)) == STATUS_OK)
        s = put_value(p, hit, slice_str(snapshot_schema(snap)->fields[number].name), &v);
    return s == STATUS_END ? STATUS_OK : s;
}

enum status hit_highlights_put(struct front *f, struct snapshot *snap,
                               const struct search_request *in, const struct query_result *r,
                               struct buf *b, struct fault *fault)
{
    uint64_t *wanted;
    struct page p = {f, r,        {in->highlight_pre, in->highlight_post, SLICE_NULL},
                     b, BUF_INIT, BUF_INIT};
    enum status s = front_wanted(f, snapshot_schema(snap), in->highlights, in->highlight_count,
                                 "highlight", &wanted, fault);
    for (uint32_t i = 0; !s && i < r->hit_count; i++)
        s = put_hit(&p, snap, i, wanted);
    buf_fini(&p.marked);
    buf_fini(&p.product);
    return s;
}
