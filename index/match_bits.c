#include "index/match_private.h"

#include <stdlib.h>
#include <string.h>

/* Which documents of a segment a source holds, a bit each. */

void match_free_bits(struct matcher *m)
{
    dense_destroy(&m->dense);
    free(m->all);
    free(m->one);
    free(m->sizes);
    heads_destroy(&m->heads);
}

enum status match_reserve_bits(struct matcher *m, uint32_t words)
{
    enum status st = m->dense ? STATUS_OK : dense_create(&m->dense);
    if (st || words <= m->words)
        return st;
    free(m->all);
    free(m->one);
    m->all = malloc(words * sizeof *m->all);
    m->one = malloc(words * sizeof *m->one);
    m->words = m->all && m->one ? words : 0;
    return m->words ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status mark_list(const struct matching *g, const struct list *l, uint64_t *bits,
                             uint32_t words)
{
    const uint64_t *kept = NULL;
    enum status st = STATUS_OK;
    if (dense_worth(&l->p, g->doc_count))
        st = dense_bits(g->m->dense, g->edition, (const struct postings *[]){&l->p}, 1, words,
                        &g->work->blocks_decoded, &kept);
    for (uint32_t w = 0; kept && w < words; w++)
        bits[w] |= kept[w];
    if (st || kept)
        return st;
    g->work->blocks_decoded += l->p.block_count;
    g->work->postings_read += l->p.df;
    return dense_mark(&l->p, bits);
}

enum status match_kept_bits(const struct matching *g, const struct source *x, uint32_t words,
                            const uint64_t **bits)
{
    struct list *l = source_single(x);
    *bits = NULL;
    if (!l || !dense_worth(&l->p, g->doc_count) ||
        words > DENSE_BYTES / sizeof **bits / (MATCH_SIEVES + 1))
        return STATUS_OK;
    const struct postings *lists[1] = {&l->p};
    return dense_bits(g->m->dense, g->edition, lists, 1, words, &g->work->blocks_decoded, bits);
}

/* The parts of a prefix that has a list, under the name of that list. */
static enum status mark_joined(const struct matching *g, const struct source *x, uint64_t *bits,
                               uint32_t words, bool *marked)
{
    const struct postings *lists[1 + PREFIX_APART_MOST];
    const uint64_t *kept = NULL;
    uint32_t total = 0;
    *marked = false;
    if (!x->joined || x->part_run.count || x->part_count > sizeof lists / sizeof lists[0])
        return STATUS_OK;
    for (uint32_t i = 0; i < x->part_count; i++) {
        lists[i] = &x->parts[i]->p;
        total += lists[i]->df;
    }
    if (total < g->doc_count / DENSE_SHARE + 1)
        return STATUS_OK;
    enum status st = dense_bits(g->m->dense, g->edition, lists, x->part_count, words,
                                &g->work->blocks_decoded, &kept);
    for (uint32_t w = 0; kept && w < words; w++)
        bits[w] |= kept[w];
    *marked = kept != NULL;
    return st;
}

enum status match_mark(const struct matching *g, const struct source *x, uint64_t *bits,
                       uint32_t words)
{
    enum status st = STATUS_OK;
    memset(bits, 0, words * sizeof *bits);
    for (uint32_t i = 0; !st && i < x->list_count; i++)
        st = mark_list(g, x->lists[i], bits, words);
    bool marked = false;
    if (!st)
        st = mark_joined(g, x, bits, words, &marked);
    for (uint32_t i = 0; !st && !marked && i < x->part_count; i++)
        st = mark_list(g, x->parts[i], bits, words);
    dense_set(bits, x->run.docs, x->run.count);
    dense_set(bits, x->part_run.docs, x->part_run.count);
    return st;
}

void match_know_bits(const struct matching *g, struct source *x)
{
    uint32_t words = (g->doc_count + 63) / 64;
    const uint64_t *joined = NULL; /* of all parts, under the name of the first */
    bool looked = false;
    for (uint32_t i = 0; g->m->dense && i < x->found_count; i++) {
        struct found_list *f = &x->found[i];
        if (f->part && x->joined) {
            if (!looked)
                joined = dense_kept(g->m->dense, g->edition, &f->p, words);
            looked = true;
            f->bits = joined;
        } else if (dense_worth(&f->p, g->doc_count))
            f->bits = dense_kept(g->m->dense, g->edition, &f->p, words);
    }
}
