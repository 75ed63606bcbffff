#include "index/order.h"
#include "index/source_private.h"

/* Runs: short lists of a source merged into one, sorted by document. */

enum { RADIX_BITS = 9 };

static void radix_pass(const uint64_t *in, uint64_t *out, uint32_t n, uint32_t shift)
{
    const uint32_t mask = (1 << RADIX_BITS) - 1;
    uint32_t start[(1 << RADIX_BITS) + 1] = {0};
    for (uint32_t i = 0; i < n; i++)
        start[(in[i] >> shift & mask) + 1]++;
    for (uint32_t v = 1; v < 1 << RADIX_BITS; v++)
        start[v] += start[v - 1];
    for (uint32_t i = 0; i < n; i++)
        out[start[in[i] >> shift & mask]++] = in[i];
}

/* Sorts (doc << 32 | value) by document; docs have at most 24 bits. */
uint64_t *source_sort_pairs(uint64_t *pairs, uint64_t *room, uint32_t n)
{
    uint64_t bits = 0;
    if (n <= POSTINGS_BLOCK) {
        order_numbers(pairs, room, n);
        return pairs;
    }
    for (uint32_t i = 0; i < n; i++)
        bits |= pairs[i];
    radix_pass(pairs, room, n, 32);
    radix_pass(room, pairs, n, 32 + RADIX_BITS);
    if (!(bits >> (32 + 2 * RADIX_BITS)))
        return pairs;
    radix_pass(pairs, room, n, 32 + 2 * RADIX_BITS);
    return room;
}

static enum status read_pairs(struct found_list *p, uint64_t *out)
{
    struct postings_block block;
    uint32_t scores[POSTINGS_BLOCK + KERNEL_SLACK];
    postings_settle(&p->p);
    for (uint32_t b = 0; b < p->p.block_count; b++) {
        enum status st = postings_decode_docs(&p->p, b, &block);
        if (st)
            return st;
        postings_read_scores(&block, &p->weight, scores);
        for (uint32_t i = 0; i < block.count; i++)
            *out++ = (uint64_t)block.docs[i] << 32 | scores[i];
    }
    return STATUS_OK;
}

/* Makes sorted pairs a run; `part`: values are evidence. */
void source_fill_run(const uint64_t *pairs, uint32_t n, bool part, struct run *out)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t doc = (uint32_t)(pairs[i] >> 32), value = (uint32_t)pairs[i];
        if (k && out->docs[k - 1] == doc) {
            uint32_t *v = &out->values[k - 1];
            *v = part ? postings_better(*v, value) : value > *v ? value : *v;
        } else {
            out->docs[k] = doc;
            out->values[k++] = value;
        }
    }
    out->count = k;
}

/* Merges the found lists that are marked (all without marks) and are parts or not, into one run. */
enum status source_make_run(struct source *x, const bool *marked, uint32_t total, bool part,
                            struct run *out)
{
    uint64_t *pairs = arena_alloc(x->arena, ((size_t)total + 1) * sizeof *pairs * 2),
             *room = pairs + total;
    out->docs = arena_alloc(x->arena, ((size_t)total + 1) * sizeof *out->docs);
    out->values = arena_alloc(x->arena, ((size_t)total + 1) * sizeof *out->values);
    if (!pairs || !out->docs || !out->values)
        return STATUS_NO_MEMORY;
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->found_count; i++) {
        if ((marked && !marked[i]) || x->found[i].part != part)
            continue;
        enum status st = read_pairs(&x->found[i], pairs + n);
        if (st)
            return st;
        n += x->found[i].p.df;
    }
    if (!part)
        for (uint32_t i = 0; i < x->ready_count; i++)
            pairs[n++] = x->ready[i];
    source_fill_run(source_sort_pairs(pairs, room, n), n, part, out);
    return STATUS_OK;
}

/* Evidence of which nothing is missing becomes scores. */
void source_score_run(const struct source *x, struct run *r)
{
    const struct postings_weight *w = &x->part_weight;
    for (uint32_t i = 0; i < r->count; i++)
        r->values[i] = w->tier + w->idf * w->lut[r->values[i] & 0xff];
}

/* First place at or behind r->at with a document >= from. */
uint32_t source_run_seek(struct run *r, uint32_t from)
{
    uint32_t at = r->at, step = 1;
    if (at >= r->count || r->docs[at] >= from)
        return at;
    while (at + step < r->count && r->docs[at + step] < from) {
        at += step;
        step *= 2;
    }
    uint32_t low = at + 1, high = at + step < r->count ? at + step : r->count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (r->docs[mid] < from)
            low = mid + 1;
        else
            high = mid;
    }
    return r->at = low;
}
