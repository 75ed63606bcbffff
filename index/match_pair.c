#include "index/match_private.h"

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
    for (uint32_t i = 0; !st && i < g->count; i++)
        st = match_mark(g, &g->sources[i], i ? m->one : m->all, words);
    for (uint32_t w = 0; !st && w < words; w++) {
        uint64_t both = m->all[w] & m->one[w];
        m->all[w] |= m->one[w];
        m->one[w] = both;
    }
    if (!st)
        g->out->counted(g->out->ctx, &(struct match_bits){m->all, 0, words, true});
    return st;
}

/* How many documents a settled source has; what that took is remembered. */
static enum status size_of(struct matching *g, const struct source *x, uint32_t words,
                           uint32_t *count)
{
    struct matcher *m = g->m;
    struct size_name name = {x->name, g->edition, g->segment};
    if (x->found_count == 1 && !x->ready_count) {
        *count = x->count;
        return STATUS_OK;
    }
    if (sizes_get(m->sizes, &name, count))
        return STATUS_OK;
    enum status st = match_mark(g, x, m->all, words);
    if (st)
        return st;
    *count = (uint32_t)kernels_best()->count_bits(m->all, words);
    sizes_put(m->sizes, &name, *count);
    return st;
}

/* How many have one word and how many the other, less those with both, which are known. */
static enum status count_pair(struct matching *g, uint32_t words)
{
    struct matcher *m = g->m;
    uint32_t both, total = 0, count;
    memset(m->one, 0, words * sizeof *m->one);
    if (!m->sizes)
        m->sizes = calloc(1, sizeof *m->sizes);
    if (!m->sizes || !g->out->both(g->out->ctx, m->one, &both))
        return count_bits(g, words);
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < g->count; i++) {
        st = size_of(g, &g->sources[i], words, &count);
        total += count;
    }
    if (!st)
        g->out->number(g->out->ctx, total - both);
    return st;
}

enum status match_pair(struct matching *g)
{
    uint32_t words = (g->doc_count + 63) / 64;
    enum status st = match_reserve_bits(g->m, words);
    for (uint32_t i = 0; !st && i < g->count; i++)
        st = source_settle(&g->sources[i]);
    if (!st)
        st = count_pair(g, words);
    uint32_t first = g->count > 1 && g->sources[1].bound > g->sources[0].bound;
    for (uint32_t i = 0; !st && i < g->count; i++) {
        /* both are there, in the order of the words: whoever holds the other is left out */
        if (g->count > 1)
            g->out->lacking(g->out->ctx, 1U << (1 - (i ^ first)));
        st = read_source(g, &g->sources[i ^ first]);
    }
    return st;
}
