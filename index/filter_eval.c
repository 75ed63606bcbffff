#include "index/filter_private.h"
#include "index/column_private.h"
#include "index/kernels.h"
#include "protocol/wire.h"

/* --- one product ------------------------------------------------------------------------------ */

static bool has_ordinal(const struct filter *f, uint32_t ordinal)
{
    return f->ordinal_count && ordinal <= f->ordinal_most &&
           (f->ordinal_bits[ordinal >> 6] >> (ordinal & 63) & 1);
}

static bool match_ordinals(const struct filter *f, const struct column_chunk *c, uint32_t i)
{
    if (c->kind == COLUMN_ORDINAL) {
        uint32_t o = column_chunk_ordinal(c, i);
        return o && has_ordinal(f, o);
    }
    uint32_t first, n = column_chunk_list(c, i, &first);
    for (uint32_t k = 0; k < n; k++)
        if (has_ordinal(f, column_chunk_item(c, first + k)))
            return true;
    return false;
}

static bool match_docs(const struct filter *f, uint32_t docid)
{
    uint32_t lo = 0, hi = f->doc_count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (f->docs[mid] < docid)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < f->doc_count && f->docs[lo] == docid;
}

static bool match_column(const struct filter *f, uint32_t docid)
{
    const struct column_chunk *c;
    uint32_t i = docid % COLUMN_CHUNK, first;
    if (!f->column || column_chunk(f->column, docid / COLUMN_CHUNK, &c) || i >= c->count)
        return false;
    if (f->kind == NODE_ORDINALS)
        return match_ordinals(f, c, i);
    if (f->kind == NODE_EXISTS && c->kind == COLUMN_ORDINAL)
        return column_chunk_ordinal(c, i) != 0;
    if (f->kind == NODE_EXISTS && c->kind == COLUMN_ORDINALS)
        return column_chunk_list(c, i, &first) != 0;
    double v;
    if (!column_chunk_float(c, i, &v))
        return false;
    return f->kind == NODE_EXISTS || ((f->low_open ? v > f->low : v >= f->low) &&
                                      (f->high_open ? v < f->high : v <= f->high));
}

bool filter_match(const struct filter *f, uint32_t docid)
{
    if (!f)
        return true;
    switch (f->kind) {
    case NODE_AND:
        for (const struct filter *c = f->child; c; c = c->next)
            if (!filter_match(c, docid))
                return false;
        return true;
    case NODE_OR:
        for (const struct filter *c = f->child; c; c = c->next)
            if (filter_match(c, docid))
                return true;
        return false;
    case NODE_NOT:
        return !filter_match(f->child, docid);
    case NODE_DOCS:
        return match_docs(f, docid);
    default:
        return match_column(f, docid);
    }
}

/* --- whole batches ---------------------------------------------------------------------------- */

static uint32_t keep_one_by_one(const struct filter *f, uint32_t *docs, uint32_t *scores,
                                uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t doc = docs[i], score = scores[i];
        bool yes = filter_match(f, doc);
        docs[kept] = doc;
        scores[kept] = score;
        kept += yes;
    }
    return kept;
}

static double value_of(const struct column_chunk *c, uint64_t offset)
{
    double v = (double)(int64_t)((uint64_t)c->base + offset);
    return c->kind == COLUMN_FLOAT ? v / column_power_of_ten(c->scale) : v;
}

static bool above(const struct filter *f, double v)
{
    return f->low_open ? v > f->low : v >= f->low;
}

static bool below(const struct filter *f, double v)
{
    return f->high_open ? v < f->high : v <= f->high;
}

/* Is the value above the low end (or not below the high end)? Once yes, always yes further up. */
static bool reached(const struct filter *f, const struct column_chunk *c, bool high,
                    uint64_t offset)
{
    double v = value_of(c, offset);
    return high ? !below(f, v) : above(f, v);
}

/* First of the offsets [0, end) that reached() says yes to, `end` when none. The arithmetic is
 * nearly always right to within a step; where doubles are too coarse for that, halving decides. */
static uint64_t first_offset(const struct filter *f, const struct column_chunk *c, bool high,
                             uint64_t end)
{
    double at =
        (high ? f->high : f->low) * (c->kind == COLUMN_FLOAT ? column_power_of_ten(c->scale) : 1) -
        (double)c->base;
    uint64_t g = at <= 0 ? 0 : at >= (double)end ? end : (uint64_t)at, low = 0;
    for (int i = 0; i < 3 && g < end && !reached(f, c, high, g); i++)
        g++;
    for (int i = 0; i < 3 && g > 0 && reached(f, c, high, g - 1); i++)
        g--;
    if ((g == end || reached(f, c, high, g)) && (g == 0 || !reached(f, c, high, g - 1)))
        return g;
    while (low < end) {
        uint64_t mid = low + (end - low) / 2;
        if (reached(f, c, high, mid))
            end = mid;
        else
            low = mid + 1;
    }
    return low;
}

/* Documents of one chunk, more than a few: the range becomes one of offsets. */
static uint32_t keep_offsets(const struct filter *f, const struct column_chunk *c, uint32_t first,
                             uint32_t *docs, uint32_t *scores, uint32_t count)
{
    uint64_t end = (uint64_t)1 << c->bits;
    uint64_t from = first_offset(f, c, false, end), behind = first_offset(f, c, true, end);
    if (from >= behind)
        return 0;
    if (c->present)
        count = kernels_best()->keep_bits(docs, scores, count, first, c->present);
    if (from == 0 && behind == end)
        return count;
    return kernels_best()->keep_range(docs, scores, count, first, c->values, c->bits,
                                      (uint32_t)from, (uint32_t)(behind - 1));
}

/* A few documents of one chunk, value by value. */
static uint32_t keep_few(const struct filter *f, const struct column_chunk *c, uint32_t first,
                         uint32_t *docs, uint32_t *scores, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t doc = docs[i], score = scores[i];
        double v;
        bool yes = column_chunk_float(c, doc - first, &v) && above(f, v) && below(f, v);
        docs[kept] = doc;
        scores[kept] = score;
        kept += yes;
    }
    return kept;
}

static uint32_t keep_in_chunk(const struct filter *f, uint32_t chunk, uint32_t *docs,
                              uint32_t *scores, uint32_t count)
{
    enum { FEW = 6 };
    const struct column_chunk *c;
    uint32_t first = chunk * COLUMN_CHUNK;
    if (column_chunk(f->column, chunk, &c))
        return 0;
    bool narrow = c->bits && c->bits <= 32;
    if (count < FEW || !narrow || docs[count - 1] - first >= c->count)
        return keep_few(f, c, first, docs, scores, count);
    return keep_offsets(f, c, first, docs, scores, count);
}

static uint32_t keep_numbers(const struct filter *f, uint32_t *docs, uint32_t *scores,
                             uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0, end; i < count; i = end) {
        uint32_t chunk = docs[i] / COLUMN_CHUNK;
        end = column_run_end(docs, i, count);
        uint32_t n = keep_in_chunk(f, chunk, docs + i, scores + i, end - i);
        memmove(docs + kept, docs + i, n * sizeof *docs);
        memmove(scores + kept, scores + i, n * sizeof *scores);
        kept += n;
    }
    return kept;
}

/* Bits of the documents of a column with one value a product, at most COLUMN_CHUNK of them. */
static void ordinal_bits(const struct filter *f, const uint32_t *docs, uint32_t count,
                         uint64_t *bits)
{
    uint32_t ordinals[COLUMN_CHUNK];
    column_each_ordinal(f->column, docs, count, ordinals);
    kernels_best()->among(ordinals, count, f->ordinal_bits, f->ordinal_most, bits);
}

/* One value a product: its bit decides. */
static uint32_t keep_ordinals(const struct filter *f, uint32_t *docs, uint32_t *scores,
                              uint32_t count)
{
    uint64_t bits[COLUMN_CHUNK / 64];
    uint32_t kept = 0;
    for (uint32_t i = 0, n; i < count && f->ordinal_count; i += n) {
        n = count - i < COLUMN_CHUNK ? count - i : COLUMN_CHUNK;
        ordinal_bits(f, docs + i, n, bits);
        kept += kernels_best()->pick(docs + i, scores + i, n, bits, docs + kept, scores + kept);
    }
    return kept;
}

bool filter_bits(const struct filter *f, const uint32_t *docs, uint32_t count, uint64_t *bits)
{
    if (f->kind != NODE_ORDINALS || !f->column || f->column_kind != COLUMN_ORDINAL)
        return false;
    if (f->ordinal_count)
        ordinal_bits(f, docs, count, bits);
    else
        memset(bits, 0, (count + 63) / 64 * sizeof *bits);
    return true;
}

uint32_t filter_keep(const struct filter *f, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    if (!f)
        return count;
    if (f->kind == NODE_AND) {
        for (const struct filter *c = f->child; c && count; c = c->next)
            count = filter_keep(c, docs, scores, count);
        return count;
    }
    if (f->kind == NODE_RANGE && f->column)
        return keep_numbers(f, docs, scores, count);
    if (f->kind == NODE_ORDINALS && f->column && f->column_kind == COLUMN_ORDINAL)
        return keep_ordinals(f, docs, scores, count);
    return keep_one_by_one(f, docs, scores, count);
}

/* --- disjunctive facets ----------------------------------------------------------------------- */

bool filter_only_field(const struct filter *f, uint32_t field_id, struct slice path)
{
    if (f->kind == NODE_AND || f->kind == NODE_OR || f->kind == NODE_NOT) {
        for (const struct filter *c = f->child; c; c = c->next)
            if (!filter_only_field(c, field_id, path))
                return false;
        return true;
    }
    return f->field_id == field_id && slice_equal(f->path, path);
}
