#include "index/large.h"
#include "index/segment_build_private.h"
#include "index/segment_pack.h"
#include "index/segment_prefixes.h"
#include "index/segment_write.h"

#include <stdlib.h>

/*
 * Inversion: postings, which lie in document order, are counted per term and placed by counting
 * sort, which keeps documents ascending; terms are written in byte order.
 */

struct term_order {
    uint64_t key; /* first 8 bytes, big-endian: decides most comparisons */
    uint32_t term;
    const struct segment_builder *b;
};

static int by_text(const void *x, const void *y)
{
    const struct term_order *a = x, *c = y;
    if (a->key != c->key)
        return a->key < c->key ? -1 : 1;
    return slice_compare(term_text(a->b, term_at(a->b, a->term)),
                         term_text(c->b, term_at(c->b, c->term)));
}

static struct term_order *sorted_terms(const struct segment_builder *b)
{
    struct term_order *order = malloc((b->terms.count + 1) * sizeof *order);
    for (uint32_t i = 0; order && i < b->terms.count; i++) {
        struct slice t = term_text(b, term_at(b, i));
        uint8_t first[8] = {0};
        memcpy(first, t.ptr, t.len < 8 ? t.len : 8);
        uint64_t key = 0;
        for (int k = 0; k < 8; k++)
            key = key << 8 | first[k];
        order[i] = (struct term_order){key, i, b};
    }
    if (order)
        qsort(order, b->terms.count, sizeof *order, by_text);
    return order;
}

struct placed { /* postings by term, documents ascending */
    uint32_t *docs, *pos_at, *start;
    uint8_t *evidence, *pos;
};

static void *large(size_t len)
{
    return large_pages(malloc(len), len);
}

static bool place(const struct segment_builder *b, const struct term_order *order,
                  struct placed *out)
{
    size_t n = b->postings.count, terms = b->terms.count;
    *out = (struct placed){large((n + 1) * 4), large((n + 1) * 4), calloc(terms + 1, 4),
                           large(n + 1), large(b->positions.len + 1)};
    uint32_t *rank = large((terms + 1) * 4), *from = large((n + 1) * 4);
    bool ok = out->docs && out->pos_at && out->start && out->pos && out->evidence && rank && from;
    for (uint32_t i = 0; ok && i < terms; i++) {
        rank[order[i].term] = i;
        out->start[i + 1] = out->start[i] + term_at(b, order[i].term)->count;
    }
    for (uint32_t i = 0; ok && i < n; i++) {
        const struct posting *p = (const struct posting *)b->postings.items + i;
        from[out->start[rank[p->term]]++] = i;
    }
    for (uint32_t i = (uint32_t)terms; ok && i > 0; i--)
        out->start[i] = out->start[i - 1];
    if (ok)
        out->start[0] = 0;
    uint32_t at = 0;
    for (uint32_t i = 0; ok && i < n; i++) {
        const struct posting *p = (const struct posting *)b->postings.items + from[i];
        out->docs[i] = p->doc;
        out->evidence[i] = p->evidence;
        out->pos_at[i] = at;
        memcpy(out->pos + at, b->positions.ptr + p->pos_at, p->pos_len);
        at += p->pos_len;
    }
    if (ok)
        out->pos_at[n] = at;
    free(rank);
    free(from);
    return ok;
}

static void placed_fini(struct placed *p)
{
    free(p->docs);
    free(p->pos_at);
    free(p->start);
    free(p->pos);
    free(p->evidence);
}

/* Postings of neighbouring terms are neighbours. */
static enum status add_lists(void *ctx, const struct prefix_run *run, struct prefix_union *u)
{
    const struct placed *p = ctx;
    uint32_t from = run->from;
    for (uint32_t i = 0; i <= run->apart_count; i++) {
        uint32_t to = i < run->apart_count ? run->apart[i] : run->to, at = p->start[from];
        prefix_union_add(u, p->docs + at, p->evidence + at, p->start[to] - at);
        from = to + 1;
    }
    return STATUS_OK;
}

/* From here on `start` counts the terms that were written. */
static enum status write_terms(const struct segment_builder *b, struct segment_writer *w,
                               const struct term_order *order, struct placed *p)
{
    uint32_t written = 0;
    for (uint32_t i = 0; i < b->terms.count; i++) {
        const struct term *t = term_at(b, order[i].term);
        uint32_t at = p->start[i];
        if (!t->count)
            continue;
        segment_writer_term(
            w, term_text(b, t),
            &(struct list_input){p->docs + at, p->evidence + at, p->pos_at + at, p->pos, t->count});
        p->start[written++] = at;
    }
    p->start[written] = (uint32_t)b->postings.count;
    return segment_write_prefixes(w, add_lists, p);
}

static enum status write_all(struct segment_builder *b, struct segment_writer *w,
                             const struct term_order *order, struct placed *p,
                             struct record_writer *records, segment_sink sink, void *ctx)
{
    enum status s = write_terms(b, w, order, p);
    if (s)
        return s;
    for (uint32_t i = 0; i < b->terms.count; i++) {
        const struct term *t = term_at(b, order[i].term);
        if (t->dead)
            segment_writer_dead(w, term_text(b, t), (int32_t)t->dead);
    }
    uint32_t *block_of = malloc((b->doc_count + 1u) * sizeof *block_of);
    if (!block_of)
        return STATUS_NO_MEMORY;
    struct record_packer pack;
    record_packer_init(&pack, w, records, block_of);
    for (uint32_t d = 0; d < b->doc_count && !s; d++)
        s = record_pack(&pack, d, id_of(b, d), segment_builder_record(b, d));
    s = s ? s : record_pack_end(&pack);
    record_packer_fini(&pack);
    s = s ? s : segment_writer_finish(w, block_of, sink, ctx);
    free(block_of);
    return s;
}

/* About how long the segment will be. */
static size_t guess(const struct segment_builder *b)
{
    return b->records.len + b->positions.len + b->postings.count * 3 + b->strings.len +
           b->terms.count * 24 + (size_t)b->doc_count * 16;
}

enum status segment_builder_finish(struct segment_builder *b, struct record_writer *records,
                                   segment_sink sink, void *ctx)
{
    struct segment_writer w;
    struct record_writer *plain = NULL;
    if (!records && record_writer_create(SLICE_NULL, 0, &plain))
        return STATUS_NO_MEMORY;
    records = records ? records : plain;
    segment_writer_init(&w, guess(b));
    w.head.base = b->base;
    w.head.doc_count = b->doc_count;
    w.head.field_count = b->facts.field_count;
    w.head.dictionary = record_writer_dictionary(records);
    w.ties = b->ties.items;
    struct placed p = {0};
    struct term_order *order = sorted_terms(b);
    enum status s = STATUS_NO_MEMORY;
    if (order && place(b, order, &p))
        s = write_all(b, &w, order, &p, records, sink, ctx);
    placed_fini(&p);
    free(order);
    segment_writer_fini(&w);
    record_writer_destroy(&plain);
    return s;
}
