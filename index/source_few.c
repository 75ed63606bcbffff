#include "index/source_private.h"

/* Sources of which only a block of documents matters: nothing is settled for them. */

/* A list of one block. */
static enum status all_of_one(struct found_list *f, uint32_t *docs, uint32_t *scores,
                              uint32_t *count)
{
    struct postings_block block;
    postings_settle(&f->p);
    enum status st = postings_decode_docs(&f->p, 0, &block);
    if (st)
        return st;
    postings_read_scores(&block, &f->weight, scores);
    memcpy(docs, block.docs, block.count * sizeof *docs);
    *count = block.count;
    return STATUS_OK;
}

enum status source_all(struct source *x, uint32_t *docs, uint32_t *scores, uint32_t *count)
{
    uint64_t pairs[2 * POSTINGS_BLOCK], room[2 * POSTINGS_BLOCK];
    struct run both = {docs, scores, 0, 0}, runs[2] = {{0}};
    uint32_t n = 0;
    if (x->found_count == 1 && !x->ready_count && !x->found[0].part)
        return all_of_one(&x->found[0], docs, scores, count);
    for (uint32_t part = 0; part < 2; part++) {
        enum status st = source_make_run(x, NULL, x->count, part, &runs[part]);
        if (st)
            return st;
        if (part)
            source_score_run(x, &runs[part]);
        for (uint32_t i = 0; i < runs[part].count; i++)
            pairs[n++] = (uint64_t)runs[part].docs[i] << 32 | runs[part].values[i];
    }
    source_fill_run(source_sort_pairs(pairs, room, n), n, false, &both);
    *count = both.count;
    return STATUS_OK;
}

/* The best of docs[i] in one list to best[i]. */
static enum status pick_list(struct found_list *f, struct source_room *room, const uint32_t *docs,
                             uint32_t count, uint32_t *best, struct query_work *work)
{
    struct list l;
    uint32_t held[POSTINGS_BLOCK + KERNEL_SLACK], places[POSTINGS_BLOCK], n = 0, asked = 0;
    for (uint32_t i = 0; i < count; i++) {
        held[asked] = docs[i];
        places[asked] = i;
        asked += !f->bits || f->bits[docs[i] >> 6] >> (docs[i] & 63) & 1;
    }
    l.p = f->p;
    postings_settle(&l.p);
    list_init(&l, f->weight, work);
    enum status st = list_probe(&l, held, asked, room->index, room->score, &n);
    for (uint32_t k = 0; !st && k < n; k++) {
        uint32_t *b = &best[places[room->index[k]]], v = room->score[k];
        *b = f->part ? postings_better(*b, v) : v > *b ? v : *b;
    }
    list_account(&l, work);
    return st;
}

/* The same of a list so short that all of it is held against the documents. */
static enum status pick_tiny(struct found_list *f, const uint32_t *docs, uint32_t *best)
{
    struct postings_block block;
    uint16_t ia[POSTINGS_BLOCK + KERNEL_SLACK], ib[POSTINGS_BLOCK + KERNEL_SLACK];
    postings_settle(&f->p);
    enum status st = postings_decode_docs(&f->p, 0, &block);
    if (st)
        return st;
    uint32_t n = kernels_best()->common(block.docs, block.count, docs, ia, ib);
    for (uint32_t k = 0; k < n; k++) {
        uint32_t v = f->weight.tier +
                     f->weight.idf * f->weight.lut[postings_evidence_of(&block, ia[k])],
                 *b = &best[ib[k]];
        *b = f->part ? postings_better(*b, v) : v > *b ? v : *b;
    }
    return STATUS_OK;
}

static void pick_ready(const struct source *x, const uint32_t *docs, uint32_t count, uint32_t *best)
{
    for (uint32_t i = 0; i < x->ready_count; i++) {
        uint32_t doc = (uint32_t)(x->ready[i] >> 32), v = (uint32_t)x->ready[i], low = 0,
                 high = count;
        while (low < high) {
            uint32_t mid = (low + high) / 2;
            if (docs[mid] < doc)
                low = mid + 1;
            else
                high = mid;
        }
        if (low < count && docs[low] == doc)
            best[low] = v > best[low] ? v : best[low];
    }
}

enum status source_pick(struct source *x, struct source_room *room, uint32_t *docs,
                        uint32_t *scores, uint32_t *count)
{
    const struct postings_weight *w = &x->part_weight;
    uint32_t n = *count, k = 0, best[2][POSTINGS_BLOCK];
    memset(best, 0, sizeof best);
    for (uint32_t i = 0; i < KERNEL_SLACK; i++)
        docs[n + i] = UINT32_MAX;
    for (uint32_t i = 0; i < x->found_count; i++) {
        struct found_list *f = &x->found[i];
        enum status st = f->p.df < 16 ? pick_tiny(f, docs, best[f->part])
                                      : pick_list(f, room, docs, n, best[f->part], x->work);
        if (st)
            return st;
    }
    pick_ready(x, docs, n, best[0]);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t v = best[0][i], p = best[1][i];
        p = p ? w->tier + w->idf * w->lut[p & 0xff] : 0;
        v = p > v ? p : v;
        docs[k] = docs[i];
        scores[k] = scores[i] + v;
        k += v != 0;
    }
    *count = k;
    return STATUS_OK;
}
