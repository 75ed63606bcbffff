#include "index/best.h"
#include "index/match_private.h"
#include "index/order.h"

#include <stdlib.h>
#include <string.h>

/*
 * Two words of which one is enough. The documents that hold both are ranked already, and how many
 * hold one or the other is known from how many hold each: so each word is read by itself, the one
 * that can score more first, and of its lists only the blocks that can still enter the top.
 */

/* Ranks documents in m->docs with ties from `tie` on, those with both words left out. */
static enum status rank(struct matching *g, uint32_t count, uint32_t tie)
{
    struct matcher *m = g->m;
    uint32_t floor = g->out->floor(g->out->ctx, tie);
    if (floor)
        count = kernels_best()->keep(m->docs, m->scores, count, floor);
    count = kernels_best()->drop_bits(m->docs, m->scores, count, m->one);
    return match_give(g, m->docs, m->scores, count);
}

static bool wanted(const struct matching *g, uint32_t bound, uint32_t tie)
{
    return g->out->need(g->out->ctx, bound, tie) == MATCH_SCORE;
}

static enum status read_list(struct matching *g, struct list *l)
{
    enum status st = STATUS_OK;
    for (uint32_t b = 0; !st && b < l->p.block_count; b++) {
        if (!wanted(g, list_block_bound(l, b), (uint32_t)l->p.tie[b] << 16))
            continue;
        st = list_load(l, b);
        if (st)
            return st;
        list_score(l);
        memcpy(g->m->docs, l->block.docs, l->block.count * sizeof *g->m->docs);
        memcpy(g->m->scores, l->scores, l->block.count * sizeof *g->m->scores);
        st = rank(g, l->block.count, (uint32_t)l->p.tie[b] << 16);
    }
    return st;
}

static enum status read_run(struct matching *g, const struct run *r)
{
    enum status st = STATUS_OK;
    for (uint32_t at = 0; !st && at < r->count; at += LIST_BATCH) {
        uint32_t n = r->count - at < LIST_BATCH ? r->count - at : LIST_BATCH;
        memcpy(g->m->docs, r->docs + at, n * sizeof *g->m->docs);
        memcpy(g->m->scores, r->values + at, n * sizeof *g->m->scores);
        st = rank(g, n, 0);
    }
    return st;
}

/* The best of all alternatives of a document at once: where the top is too large to look for a
 * document in it. */
static enum status read_windows(struct matching *g, struct source *x)
{
    uint32_t doc = 0, n;
    enum status st = STATUS_OK;
    while (!st && (doc = source_next(x, doc)) < g->doc_count) {
        uint32_t base = doc / KERNEL_WINDOW * KERNEL_WINDOW, end = base + KERNEL_WINDOW;
        if (wanted(g, source_bound_in(x, doc, end), 0)) {
            st = source_take(x, &g->m->room, base, doc, end, g->m->docs, g->m->scores, &n);
            if (!st)
                st = rank(g, n, 0);
        }
        doc = end;
    }
    return st;
}

/* What the prefix begins counts little: mostly none of it can enter behind those that hold the word
 * itself. */
static enum status read_parts(struct matching *g, struct source *x)
{
    uint32_t doc = 0, n;
    enum status st = STATUS_OK;
    while (!st && wanted(g, x->part_bound, 0) && (doc = source_next_part(x, doc)) < g->doc_count) {
        uint32_t base = doc / KERNEL_WINDOW * KERNEL_WINDOW, end = base + KERNEL_WINDOW;
        st = source_take_parts(x, &g->m->room, base, doc, end, g->m->docs, g->m->scores, &n);
        if (!st)
            st = rank(g, n, 0);
        doc = end;
    }
    return st;
}

static enum status read_source(struct matching *g, struct source *x)
{
    uint32_t lists = x->list_count + (x->run.count != 0) + (x->part_run.count || x->part_count);
    if (lists > 1 && !g->out->again(g->out->ctx, false))
        return read_windows(g, x);
    enum status st = read_run(g, &x->run);
    for (uint32_t i = 0; !st && i < x->list_count; i++)
        st = read_list(g, x->lists[i]);
    if (st)
        return st;
    return x->part_count ? read_parts(g, x) : read_run(g, &x->part_run);
}

/* --- counting --------------------------------------------------------------------------------- */

/* By the documents themselves: m->one becomes those that hold both. */
static enum status count_bits(struct matching *g, uint32_t words)
{
    struct matcher *m = g->m;
    enum status st = STATUS_OK;
    memset(m->one, 0, words * sizeof *m->one);
    for (uint32_t i = 0; !st && i < g->count; i++) {
        st = source_settle_once(&g->sources[i]);
        if (!st)
            st = match_mark(g, &g->sources[i], i ? m->one : m->all, words);
    }
    for (uint32_t w = 0; !st && w < words; w++) {
        uint64_t both = m->all[w] & m->one[w];
        m->all[w] |= m->one[w];
        m->one[w] = both;
    }
    if (!st)
        g->out->counted(g->out->ctx, &(struct match_bits){m->all, 0, words, true});
    return st;
}

/* How many documents a source has; what that took is remembered. */
static enum status size_of(struct matching *g, struct source *x, uint32_t words, uint32_t *count)
{
    struct matcher *m = g->m;
    struct size_name name = {x->name, g->edition, g->segment};
    if (x->found_count == 1 && !x->ready_count) {
        *count = x->count;
        return STATUS_OK;
    }
    if (sizes_get(m->sizes, &name, count))
        return STATUS_OK;
    enum status st = source_settle_once(x);
    if (!st)
        st = match_mark(g, x, m->all, words);
    if (st)
        return st;
    *count = (uint32_t)kernels_best()->count_bits(m->all, words);
    sizes_put(m->sizes, &name, *count);
    return st;
}

/* How many have one word and how many the other, less those with both, which are known. */
static enum status count_pair(struct matching *g, uint32_t both, uint32_t words)
{
    uint32_t total = 0, count;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < g->count; i++) {
        st = size_of(g, &g->sources[i], words, &count);
        total += count;
    }
    if (!st)
        g->out->number(g->out->ctx, total - both);
    return st;
}

/* --- heads ------------------------------------------------------------------------------------ */

/* The best documents of a source by themselves. It is read by that. */
static enum status find_head(struct matching *g, struct source *x, struct head *h)
{
    best_number heap[HEAD_DOCS];
    uint64_t order[HEAD_DOCS], room[HEAD_DOCS];
    struct best b = {.heap = heap, .cap = HEAD_DOCS};
    uint32_t doc = 0, n;
    enum status st = source_settle_once(x);
    while (!st && (doc = source_next(x, doc)) < g->doc_count) {
        uint32_t base = doc / KERNEL_WINDOW * KERNEL_WINDOW, end = base + KERNEL_WINDOW;
        st = source_take(x, &g->m->room, base, doc, end, g->m->docs, g->m->scores, &n);
        for (uint32_t i = 0; !st && i < n; i++) {
            uint32_t d = g->m->docs[i], score = g->m->scores[i];
            if (b.count < b.cap || score >= best_floor(&b))
                best_push(&b, best_number_of(score, segment_tie(g->of, d), d, 0), false);
        }
        doc = end;
    }
    if (st)
        return st;
    for (uint32_t i = 0; i < b.count; i++)
        order[i] = (uint64_t)best_docid_of(heap[i]) << 32 | (uint32_t)(heap[i] >> 96);
    order_numbers(order, room, b.count);
    h->bound = 0;
    for (uint32_t i = 0; i < b.count; i++) {
        h->docs[i] = (uint32_t)(order[i] >> 32);
        h->scores[i] = (uint32_t)order[i];
        h->bound = h->scores[i] > h->bound ? h->scores[i] : h->bound;
    }
    h->count = b.count;
    return st;
}

/* *out NULL: the source is not known well enough; it is from the second time on. */
static enum status head_of(struct matching *g, struct source *x, const struct head *beside,
                           const struct head **out)
{
    struct size_name name = {sizes_mix(sizes_mix(x->name, x->weights), g->lut_name), g->edition,
                             g->segment};
    enum head_state state;
    struct head *h = heads_get(g->m->heads, &name, beside, &state);
    enum status st = state == HEAD_AGAIN ? find_head(g, x, h) : STATUS_OK;
    if (!st && state == HEAD_AGAIN)
        heads_found(g->m->heads, h);
    *out = st || state == HEAD_NEW ? NULL : h;
    return st;
}

static enum status read_head(struct matching *g, const struct head *h)
{
    memcpy(g->m->docs, h->docs, h->count * sizeof *h->docs);
    memcpy(g->m->scores, h->scores, h->count * sizeof *h->scores);
    return rank(g, h->count, 0);
}

/* What either word has beside the documents with both, of which there are so many: no more of a
 * word than the top takes and these can matter. */
static enum status read_pair(struct matching *g, bool known, uint32_t both)
{
    const struct head *heads[2] = {NULL, NULL};
    uint32_t takes = known ? g->out->takes(g->out->ctx) : 0, bound[2] = {0, 0};
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < g->count; i++) {
        struct source *x = &g->sources[i];
        if (takes && takes + both <= HEAD_DOCS)
            st = head_of(g, x, heads[0], &heads[i]);
        if (!st && !heads[i])
            st = source_settle_once(x);
        bound[i] = heads[i] ? heads[i]->bound : x->bound;
    }
    uint32_t first = g->count > 1 && bound[1] > bound[0];
    for (uint32_t i = 0; !st && i < g->count; i++) {
        /* both are there, in the order of the words: whoever holds the other is left out */
        if (g->count > 1)
            g->out->lacking(g->out->ctx, i ^ first ? 1 : 2);
        st = heads[i ^ first] ? read_head(g, heads[i ^ first])
                              : read_source(g, &g->sources[i ^ first]);
    }
    return st;
}

/* Without room for what is remembered all is found anew. */
static bool remembers(struct matcher *m)
{
    if (!m->sizes)
        m->sizes = calloc(1, sizeof *m->sizes);
    return m->sizes && (m->heads || !heads_create(&m->heads));
}

enum status match_pair(struct matching *g)
{
    uint32_t words = (g->doc_count + 63) / 64, both = 0;
    enum status st = match_reserve_bits(g->m, words);
    if (st)
        return st;
    memset(g->m->one, 0, words * sizeof *g->m->one);
    bool known = remembers(g->m) && g->out->both(g->out->ctx, g->m->one, &both);
    st = known ? count_pair(g, both, words) : count_bits(g, words);
    return st ? st : read_pair(g, known, both);
}
