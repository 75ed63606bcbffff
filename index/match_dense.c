#include "index/match_private.h"

#include <string.h>

/*
 * All words, when every one is frequent: which documents hold them is found by bitmaps, a bit a
 * document, since nearly every block of every list has to be decoded anyway and a step of a bitmap
 * is 64 documents. Scores are then looked up where all words are, window by window, as far as they
 * can enter the top.
 */

enum {
    DENSE_LEAST = 2048, /* postings of the rarest word */
    DENSE_RATIO = 128,  /* as many times as frequent is the next one at most */
    TOGETHER = 512      /* documents whose scores are looked up at once */
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

bool match_is_dense(const struct matching *g, uint64_t counted)
{
    return g->count > 1 && g->sources[0].count >= DENSE_LEAST &&
           g->sources[1].count / DENSE_RATIO <= g->sources[0].count && counts_most(g, counted);
}

/* --- scores ----------------------------------------------------------------------------------- */

/* Looks up the scores of `count` documents that hold every word, as far as they may enter the top.
 * No document can score more than `bound`. */
static enum status score(struct matching *g, uint32_t count, uint32_t bound)
{
    struct matcher *m = g->m;
    for (uint32_t k = 0; k < g->count && count; k++) {
        struct list *single = source_single(&g->sources[k]);
        uint32_t floor = g->out->floor(g->out->ctx), rest = bound - g->sources[k].bound;
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
    return match_give(g, m->docs, m->scores, count);
}

static enum status give(struct matching *g, uint32_t count, uint32_t bound)
{
    enum match_need need = g->out->need(g->out->ctx, bound, 0);
    if (need == MATCH_SKIP)
        return STATUS_OK;
    memset(g->m->scores, 0, count * sizeof *g->m->scores);
    return need == MATCH_SCORE ? score(g, count, bound)
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
    return st || !n ? st : give(g, n, bound);
}

enum status match_dense(struct matching *g)
{
    struct matcher *m = g->m;
    uint32_t bound = 0, words = (g->doc_count + 63) / 64;
    enum status st = match_reserve_bits(m, words);
    for (uint32_t k = 0; !st && k < g->count; k++) {
        bound += g->sources[k].bound;
        st = match_mark(g, &g->sources[k], k ? m->one : m->all, words);
        for (uint32_t w = 0; k && w < words; w++)
            m->all[w] &= m->one[w];
    }
    if (st)
        return st;
    g->out->counted(g->out->ctx, m->all, words);
    return give_all(g, words, bound);
}
