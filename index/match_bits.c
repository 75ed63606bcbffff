#include "index/match_private.h"

#include <stdlib.h>
#include <string.h>

/* Which documents of a segment a source holds, a bit each. */

void match_free_bits(struct matcher *m)
{
    dense_destroy(&m->dense);
    free(m->all);
    free(m->one);
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
        st = dense_bits(g->m->dense, g->edition, &l->p, words, &g->work->blocks_decoded, &kept);
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
    return dense_bits(g->m->dense, g->edition, &l->p, words, &g->work->blocks_decoded, bits);
}

enum status match_mark(const struct matching *g, const struct source *x, uint64_t *bits,
                       uint32_t words)
{
    enum status st = STATUS_OK;
    memset(bits, 0, words * sizeof *bits);
    for (uint32_t i = 0; !st && i < x->list_count; i++)
        st = mark_list(g, x->lists[i], bits, words);
    for (uint32_t i = 0; !st && i < x->part_count; i++)
        st = mark_list(g, x->parts[i], bits, words);
    dense_set(bits, x->run.docs, x->run.count);
    dense_set(bits, x->part_run.docs, x->part_run.count);
    return st;
}

void match_know_bits(const struct matching *g, struct source *x)
{
    uint32_t words = (g->doc_count + 63) / 64;
    for (uint32_t i = 0; g->m->dense && i < x->found_count; i++) {
        struct found_list *f = &x->found[i];
        if (dense_worth(&f->p, g->doc_count))
            f->bits = dense_kept(g->m->dense, g->edition, &f->p, words);
    }
}
