#include "index/match_private.h"

#include <string.h>

/*
 * All words, when every one is frequent: which documents hold them is found by bitmaps, a bit a
 * document, since nearly every block of every list has to be decoded anyway and a step of a bitmap
 * is 64 documents. Where the rarest word is one list its blocks are read beside the bitmap; else
 * the documents with all words are taken out of it. Either way the rest of the scores is looked up
 * as far as a document can enter the top.
 */

enum {
    DENSE_LEAST = 256, /* postings of the rarest word, and one document in DENSE_SHARE */
    DENSE_RATIO = 128, /* as many times as frequent is the next one at most */
    TOGETHER = 512     /* documents whose scores are looked up at once */
};

/* Is so much of the rarest word's list read before enough is counted that reading all is no loss?
 */
static bool counts_most(const struct matching *g, uint64_t counted)
{
    double rarest = g->sources[0].count, docs = g->doc_count, expected = rarest;
    for (uint32_t i = 1; i < g->count; i++)
        expected *= g->sources[i].count < docs ? g->sources[i].count / docs : 1;
    return (double)counted >= expected / 2;
}

/* Bitmaps of all of them are kept from query to query? */
static bool kept(const struct matching *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        const struct source *x = &g->sources[i];
        bool one = source_is_one(x) && dense_worth(&x->found[0].p, g->doc_count);
        if (!one && source_joined(x) < g->doc_count / DENSE_SHARE + 1)
            return false;
    }
    return true;
}

bool match_is_dense(const struct matching *g, uint64_t counted)
{
    return g->count > 1 && g->sources[0].count >= DENSE_LEAST &&
           g->sources[0].count >= g->doc_count / DENSE_SHARE &&
           g->sources[1].count / DENSE_RATIO <= g->sources[0].count &&
           (kept(g) || counts_most(g, counted));
}

/* --- scores ----------------------------------------------------------------------------------- */

/* Looks up what `count` documents that hold every word score in the sources from `first` on, as far
 * as they may enter the top. No document can score more there than `bound`, none has a smaller tie.
 */
static enum status score(struct matching *g, uint32_t first, uint32_t count, uint32_t bound,
                         uint32_t tie)
{
    struct matcher *m = g->m;
    for (uint32_t k = first; k < g->count && count; k++) {
        struct list *single = source_single(&g->sources[k]);
        uint32_t floor = g->out->floor(g->out->ctx, tie), rest = bound - g->sources[k].bound;
        if (floor > bound)
            count = kernels_best()->keep(m->docs, m->scores, count, floor - bound);
        if (single && floor > rest && count)
            count = list_keep(single, m->docs, m->scores, count, floor - rest);
        enum status st =
            source_probe(&g->sources[k], &m->room, m->docs, m->scores, &count, true, true);
        if (st)
            return st;
        bound = rest;
    }
    return match_hold(g, m->docs, m->scores, count);
}

static enum status give(struct matching *g, uint32_t count, uint32_t bound)
{
    enum match_need need = g->out->need(g->out->ctx, bound, 0);
    if (need == MATCH_SKIP)
        return STATUS_OK;
    memset(g->m->scores, 0, count * sizeof *g->m->scores);
    return need == MATCH_SCORE ? score(g, 0, count, bound, 0)
                               : match_give(g, g->m->docs, g->m->scores, count);
}

/* Documents in so large batches that a block of a list is looked at once. */
static enum status give_all(struct matching *g, uint32_t words, uint32_t bound)
{
    const uint64_t *all = g->m->all;
    uint32_t n = 0;
    enum status st = STATUS_OK;
    for (uint32_t w = 0; !st && w < words; w++) {
        for (uint64_t left = all[w]; left; left &= left - 1)
            g->m->docs[n++] = w * 64 + (uint32_t)__builtin_ctzll(left);
        if (n < TOGETHER)
            continue;
        st = give(g, n, bound);
        n = 0;
    }
    st = st || !n ? st : give(g, n, bound);
    return st ? st : match_give_held(g);
}

/* What the documents of the rarest word must be in. */
struct sieves {
    const uint64_t *bits[MATCH_SIEVES];
    uint32_t count;
};

static enum status drive_block(struct matching *g, const struct sieves *sieves, struct list *d,
                               uint32_t b, uint32_t others, bool scored)
{
    struct matcher *m = g->m;
    enum status st = list_load(d, b);
    if (st)
        return st;
    if (scored)
        list_score(d);
    uint32_t n = d->block.count, tie = (uint32_t)d->p.tie[b] << 16,
             floor = scored ? g->out->floor(g->out->ctx, tie) : 0;
    memcpy(m->docs, d->block.docs, n * sizeof *m->docs);
    if (scored)
        memcpy(m->scores, d->scores, n * sizeof *m->scores);
    else
        memset(m->scores, 0, n * sizeof *m->scores);
    if (floor > others)
        n = kernels_best()->keep(m->docs, m->scores, n, floor - others);
    for (uint32_t i = 0; i < sieves->count && n; i++)
        n = kernels_best()->keep_bits(m->docs, m->scores, n, 0, sieves->bits[i]);
    return scored ? score(g, 1, n, others, tie) : match_hold(g, m->docs, m->scores, n);
}

/* The rarest word is one list: its blocks that may enter the top, and of their documents those that
 * hold every word. */
static enum status drive(struct matching *g, const struct sieves *sieves, struct list *d,
                         uint32_t others)
{
    enum status st = STATUS_OK;
    for (uint32_t b = 0; !st && b < d->p.block_count; b++) {
        enum match_need need =
            g->out->need(g->out->ctx, list_block_bound(d, b) + others, (uint32_t)d->p.tie[b] << 16);
        if (need != MATCH_SKIP)
            st = drive_block(g, sieves, d, b, others, need == MATCH_SCORE);
    }
    return st ? st : match_give_held(g);
}

/* Has the products with every word counted, no further than anybody wants to know. */
static void count(const struct matching *g, const uint64_t *const *bits, uint32_t words)
{
    enum { PART = 1024 };
    uint64_t *all = g->m->all;
    bool more = true;
    for (uint32_t from = 0; more && from < words; from += PART) {
        uint32_t n = words - from < PART ? words - from : PART;
        memcpy(all, bits[0] + from, n * sizeof *all);
        for (uint32_t k = 1; k < g->count; k++)
            for (uint32_t w = 0; w < n; w++)
                all[w] &= bits[k][from + w];
        more = g->out->counted(g->out->ctx, &(struct match_bits){all, from, n, from + n == words});
    }
}

/* The bitmaps of all words are kept: nothing is made of them. *done = they are. */
static enum status match_kept(struct matching *g, uint32_t words, uint32_t others, bool *done)
{
    const uint64_t *bits[MATCH_SIEVES] = {NULL};
    struct sieves sieves = {.count = 0};
    *done = false;
    if (g->count < 2 || g->count > MATCH_SIEVES)
        return STATUS_OK;
    for (uint32_t k = 0; k < g->count; k++) {
        enum status st = match_kept_bits(g, &g->sources[k], words, &bits[k]);
        if (st || !bits[k])
            return st;
        if (k)
            sieves.bits[sieves.count++] = bits[k];
    }
    *done = true;
    count(g, bits, words);
    return drive(g, &sieves, source_single(&g->sources[0]), others);
}

enum status match_dense(struct matching *g)
{
    struct matcher *m = g->m;
    uint32_t bound = 0, words = (g->doc_count + 63) / 64;
    bool done = false;
    enum status st = match_reserve_bits(m, words);
    for (uint32_t k = 0; k < g->count; k++)
        bound += g->sources[k].bound;
    if (!st)
        st = match_kept(g, words, bound - g->sources[0].bound, &done);
    if (st || done)
        return st;
    for (uint32_t k = 0; !st && k < g->count; k++) {
        st = match_mark(g, &g->sources[k], k ? m->one : m->all, words);
        for (uint32_t w = 0; k && w < words; w++)
            m->all[w] &= m->one[w];
    }
    if (st)
        return st;
    g->out->counted(g->out->ctx, &(struct match_bits){m->all, 0, words, true});
    struct list *single = source_single(&g->sources[0]);
    struct sieves sieves = {{m->all}, 1};
    return single ? drive(g, &sieves, single, bound - g->sources[0].bound)
                  : give_all(g, words, bound);
}
