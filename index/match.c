#include "index/match.h"

#include "index/match_private.h"

#include <stdlib.h>

/*
 * All words: the shortest source drives, block by block or, when it is a union, window by window;
 * the others sieve its documents. Once enough is counted, documents that cannot enter the top any
 * more are dropped between two sieves.
 */

enum status matcher_create(struct matcher **out)
{
    /* zeros that nobody wrote: most of its pages are touched by few queries */
    char *block = calloc(1, sizeof(struct matcher) + 63);
    *out = NULL;
    if (!block)
        return STATUS_NO_MEMORY;
    *out = (struct matcher *)(void *)(block + (64 - (uintptr_t)block % 64) % 64);
    (*out)->block = block;
    return STATUS_OK;
}

void matcher_destroy(struct matcher **m)
{
    if (*m) {
        match_free_bits(*m);
        free((*m)->block);
    }
    *m = NULL;
}

/* Documents of the driver, none with a smaller tie. */
struct batch {
    uint32_t *docs, *scores, count, tie;
    bool scored;
};

/* Sieves a batch of the driver through the others and hands on what is left. */
static enum status sieve(struct matching *g, const struct batch *batch, uint32_t others)
{
    uint32_t *docs = batch->docs, *scores = batch->scores, count = batch->count;
    bool scored = batch->scored;
    if (g->count == 1 && scored) {
        uint32_t floor = g->out->floor(g->out->ctx, batch->tie);
        count = floor ? kernels_best()->keep(docs, scores, count, floor) : count;
    }
    for (uint32_t k = 1; k < g->count && count; k++) {
        uint32_t floor = scored ? g->out->floor(g->out->ctx, batch->tie) : 0;
        if (floor > others)
            count = kernels_best()->keep(docs, scores, count, floor - others);
        struct list *single = source_single(&g->sources[k]);
        uint32_t rest = others - g->sources[k].bound;
        if (single && floor > rest && count)
            count = list_keep(single, docs, scores, count, floor - rest);
        if (!count)
            break;
        enum status s =
            source_probe(&g->sources[k], &g->m->room, docs, scores, &count, true, scored);
        if (s)
            return s;
        others -= g->sources[k].bound;
    }
    return match_hold(g, docs, scores, count);
}

static enum status drive_block(struct matching *g, struct list *d, uint32_t b, uint32_t others,
                               bool scored)
{
    enum status s = list_load(d, b);
    if (s)
        return s;
    if (scored)
        list_score(d);
    uint32_t n = d->block.count;
    memcpy(g->m->docs, d->block.docs, n * sizeof *g->m->docs);
    if (scored)
        memcpy(g->m->scores, d->scores, n * sizeof *g->m->scores);
    else
        memset(g->m->scores, 0, n * sizeof *g->m->scores);
    return sieve(g,
                 &(struct batch){g->m->docs, g->m->scores, n, (uint32_t)d->p.tie[b] << 16, scored},
                 others);
}

static enum status drive_list(struct matching *g, struct list *d, uint32_t others)
{
    for (uint32_t b = 0; b < d->p.block_count; b++) {
        enum match_need need =
            g->out->need(g->out->ctx, list_block_bound(d, b) + others, (uint32_t)d->p.tie[b] << 16);
        if (need == MATCH_SKIP)
            continue;
        enum status s = drive_block(g, d, b, others, need == MATCH_SCORE);
        if (s)
            return s;
    }
    return match_give_held(g);
}

static enum status drive_run(struct matching *g, struct run *r, uint32_t others)
{
    for (uint32_t at = 0; at < r->count; at += POSTINGS_BLOCK) {
        uint32_t n = r->count - at < POSTINGS_BLOCK ? r->count - at : POSTINGS_BLOCK, bound = 0;
        for (uint32_t i = 0; i < n; i++)
            bound = r->values[at + i] > bound ? r->values[at + i] : bound;
        if (g->out->need(g->out->ctx, bound + others, 0) == MATCH_SKIP)
            continue;
        memcpy(g->m->docs, r->docs + at, n * sizeof *g->m->docs);
        memcpy(g->m->scores, r->values + at, n * sizeof *g->m->scores);
        enum status s = sieve(g, &(struct batch){g->m->docs, g->m->scores, n, 0, true}, others);
        if (s)
            return s;
    }
    return match_give_held(g);
}

/* What several lists begin is counted by bitmaps where all of it must be counted: what cannot enter
 * the top need not be put together then. The sources are settled. */
static enum status count_joined(struct matching *g, const struct match_spec *spec)
{
    const struct source *x = &g->sources[0];
    uint32_t words = (g->doc_count + 63) / 64;
    if (g->count > 1 || !x->joined || spec->one_by_one || !spec->by_bits ||
        spec->counted < x->count / 2)
        return STATUS_OK;
    enum status st = match_reserve_bits(g->m, words);
    st = st ? st : match_mark(g, x, g->m->all, words);
    if (!st)
        g->out->counted(g->out->ctx, &(struct match_bits){g->m->all, 0, words, true});
    return st;
}

static enum status drive_parts(struct matching *g)
{
    struct source *x = &g->sources[0];
    struct matcher *m = g->m;
    uint32_t doc = 0, n, tie;
    while ((doc = source_next_part(x, doc)) < g->doc_count) {
        uint32_t base = doc / KERNEL_WINDOW * KERNEL_WINDOW, end = base + KERNEL_WINDOW;
        uint32_t bound = source_reach_parts(x, doc, end, &tie);
        if (g->out->need(g->out->ctx, bound, tie) != MATCH_SKIP) {
            uint32_t floor = g->out->floor(g->out->ctx, tie);
            enum status s =
                floor && source_may_take_best(x, true)
                    ? source_take_best(x, true, &m->room, doc, end, floor, m->docs, m->scores, &n)
                    : source_take_parts(x, &m->room, base, doc, end, m->docs, m->scores, &n);
            if (!s)
                s = match_give(g, m->docs, m->scores, n);
            if (s)
                return s;
        }
        doc = end;
    }
    return STATUS_OK;
}

/* One group, of which one list or the parts hold every document: the others are ranked alone, each
 * list skips blocks for itself, and no union of all is made. */
static enum status drive_apart(struct matching *g)
{
    struct source *x = &g->sources[0];
    enum status s = drive_run(g, &x->run, 0);
    for (uint32_t i = 0; !s && i < x->list_count; i++)
        if (x->lists[i] != x->whole)
            s = drive_list(g, x->lists[i], 0);
    g->out->again(g->out->ctx, false);
    return s ? s : x->whole ? drive_list(g, x->whole, 0) : drive_parts(g);
}

static enum status drive_union(struct matching *g, uint32_t others)
{
    struct source *x = &g->sources[0];
    struct matcher *m = g->m;
    uint32_t doc = 0, n, tie;
    while ((doc = source_next(x, doc)) < g->doc_count) {
        uint32_t base = doc / KERNEL_WINDOW * KERNEL_WINDOW, end = base + KERNEL_WINDOW;
        uint32_t bound = source_reach(x, doc, end, &tie) + others;
        if (g->out->need(g->out->ctx, bound, tie) != MATCH_SKIP) {
            uint32_t floor = g->out->floor(g->out->ctx, tie);
            enum status s = floor > others && source_may_take_best(x, false)
                                ? source_take_best(x, false, &m->room, doc, end, floor - others,
                                                   m->docs, m->scores, &n)
                                : source_take(x, &m->room, base, doc, end, m->docs, m->scores, &n);
            if (!s)
                s = sieve(g, &(struct batch){m->docs, m->scores, n, 0, true}, others);
            if (s)
                return s;
        }
        doc = end;
    }
    return match_give_held(g);
}

/* So few documents that the others are only looked at where these are: nothing is prepared. */
static enum status match_few(struct matching *g, bool by_bits)
{
    struct matcher *m = g->m;
    uint32_t n;
    enum status s = source_all(&g->sources[0], m->docs, m->scores, &n);
    for (uint32_t k = 1; !s && k < g->count && n; k++) {
        if (by_bits)
            match_know_bits(g, &g->sources[k]);
        s = source_pick(&g->sources[k], &m->room, m->docs, m->scores, &n);
    }
    return s ? s : match_give(g, m->docs, m->scores, n);
}

enum status match_all(struct matching *g, const struct match_spec *spec)
{
    uint32_t others = 0;
    for (uint32_t i = 1; i < g->count; i++) { /* few: the shortest first */
        struct source x = g->sources[i];
        uint32_t at = i;
        for (; at && g->sources[at - 1].count > x.count; at--)
            g->sources[at] = g->sources[at - 1];
        g->sources[at] = x;
    }
    if (g->sources[0].count <= POSTINGS_BLOCK)
        return match_few(g, !spec->one_by_one);
    bool dense = !spec->one_by_one && match_is_dense(g, spec->counted);
    for (uint32_t i = 0; i < g->count; i++) {
        enum status s = source_settle(&g->sources[i]);
        if (s)
            return s;
        others += i ? g->sources[i].bound : 0;
    }
    if (dense)
        return match_dense(g);
    enum status counted = count_joined(g, spec);
    if (counted)
        return counted;
    struct list *single = source_single(&g->sources[0]);
    struct run *run = source_run(&g->sources[0]);
    bool whole = g->sources[0].whole || source_has_whole_parts(&g->sources[0]);
    if (g->count == 1 && !single && whole && g->out->again(g->out->ctx, true))
        return drive_apart(g);
    return single ? drive_list(g, single, others)
           : run  ? drive_run(g, run, others)
                  : drive_union(g, others);
}

enum status match_segment(struct matcher *m, const struct segment *s, const struct plan *plan,
                          const struct match_spec *spec, struct arena *arena,
                          const struct match_consumer *out, struct query_work *work)
{
    struct matching g = {.m = m,
                         .sources = m->sources,
                         .doc_count = segment_doc_count(s),
                         .edition = spec->edition,
                         .segment = segment_number(s),
                         .of = s,
                         .lut_name = spec->lut_name,
                         .out = out,
                         .work = work};
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < plan->group_count; i++) {
        struct source *x = &g.sources[g.count];
        st = source_open(x, s, &plan->groups[i], spec->lut, spec->tiers, arena, work);
        if (!st && x->count == 0 && spec->all)
            return STATUS_OK;
        g.count += x->count != 0;
    }
    if (st || g.count == 0)
        return st;
    st = spec->apart ? match_pair(&g) : spec->all ? match_all(&g, spec) : match_any(&g);
    for (uint32_t i = 0; i < g.count; i++)
        source_account(&g.sources[i]);
    return st;
}
