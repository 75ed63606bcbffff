#include "index/facet_private.h"

#include <math.h>
#include <string.h>

#include "protocol/wire.h"

/* --- numbers ---------------------------------------------------------------------------------- */

void facet_note_number(struct facet_counter *c, double v, uint64_t times)
{
    c->sum += v * (double)times;
    c->min = v < c->min ? v : c->min;
    c->max = v > c->max ? v : c->max;
    for (uint32_t i = 0; i < c->range_count; i++)
        if (v >= c->ranges[i].from && v < c->ranges[i].to)
            c->ranges[i].count += times;
}

static struct facet_number *number_place(struct facet_number *t, uint32_t cap, uint64_t bits)
{
    uint32_t mask = cap - 1, i = (uint32_t)((bits * 0x9e3779b97f4a7c15u) >> 32) & mask;
    while (t[i].count && t[i].bits != bits)
        i = (i + 1) & mask;
    return &t[i];
}

static bool more_numbers(struct facet_counter *c)
{
    uint32_t cap = c->number_cap ? c->number_cap * 2 : 64;
    struct facet_number *t = arena_alloc(c->arena, cap * sizeof *t);
    if (!t || pulse_zero(c->pulse, t, cap * sizeof *t))
        return false;
    for (uint32_t i = 0; i < c->number_cap; i++) {
        if (i % 16 == 0 && pulse_beat(c->pulse, 8))
            return false;
        if (c->numbers[i].count)
            *number_place(t, cap, c->numbers[i].bits) = c->numbers[i];
    }
    c->numbers = t;
    c->number_cap = cap;
    return true;
}

static void count_number(struct facet_counter *c, double v)
{
    uint64_t bits;
    c->with_value++;
    if (c->request->kind != FACET_VALUES) {
        facet_note_number(c, v, 1);
        return;
    }
    if (c->short_of_memory)
        return;
    if (c->number_count * 2 >= c->number_cap && !more_numbers(c)) {
        c->short_of_memory = true;
        return;
    }
    v = v == 0 ? 0 : v; /* -0 and 0 are one */
    memcpy(&bits, &v, sizeof bits);
    struct facet_number *n = number_place(c->numbers, c->number_cap, bits);
    c->number_count += n->count == 0;
    n->bits = bits;
    n->count++;
}

/* --- ordinals --------------------------------------------------------------------------------- */

/* Neighbours often share a value, and a count waits for itself: few values are counted in several
 * tables by turns. */
static void count_in_tables(struct facet_counter *c, const uint32_t *ordinals, uint32_t count)
{
    uint32_t *a = c->counts, *b = c->more, *d = b + c->count_end, *e = d + c->count_end, i = 0;
    for (; i + FACET_TABLES <= count; i += FACET_TABLES) {
        a[ordinals[i]]++;
        b[ordinals[i + 1]]++;
        d[ordinals[i + 2]]++;
        e[ordinals[i + 3]]++;
    }
    for (; i < count; i++)
        a[ordinals[i]]++;
    c->with_value += count - a[0] - b[0] - d[0] - e[0];
    a[0] = b[0] = d[0] = e[0] = 0;
}

/* There are, or may be, more tables for so many. */
static bool in_tables(struct facet_counter *c, uint32_t count)
{
    if (count < FACET_TABLES_PRODUCTS || c->count_end > FACET_TABLES_VALUES)
        return false;
    if (!c->more)
        c->more =
            arena_calloc(c->arena, (size_t)c->count_end * (FACET_TABLES - 1), sizeof *c->more);
    return c->more != NULL;
}

static void count_in_one(struct facet_counter *c, const uint32_t *ordinals, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        c->counts[ordinals[i]]++;
    c->with_value += count - c->counts[0];
    c->counts[0] = 0;
}

static void count_ordinals(struct facet_counter *c, const struct column_chunk *chunk,
                           uint32_t first, const uint32_t *docids, uint32_t count)
{
    uint32_t ordinals[COLUMN_CHUNK];
    while (count && docids[count - 1] - first >= chunk->count) /* behind the values */
        count--;
    uint32_t most = column_chunk_ordinals(chunk, first, docids, count, ordinals);
    for (uint32_t i = 0; most >= c->count_end && i < count; i++)
        ordinals[i] = ordinals[i] < c->count_end ? ordinals[i] : 0;
    if (in_tables(c, count))
        count_in_tables(c, ordinals, count);
    else
        count_in_one(c, ordinals, count);
}

void facet_count_end(struct facet_counter *c)
{
    uint32_t n = c->count_end, *counts = c->counts;
    const uint32_t *from = c->more;
    for (uint32_t t = 1; from && t < FACET_TABLES; t++, from += n)
        for (uint32_t o = 0; o < n; o++)
            counts[o] += from[o];
    c->more = NULL;
}

/* A list may hold a value twice, and its product counts once. The items of short lists are held
 * against those before; in longer ones each value is stamped with its list. */
enum { COMPARED_ITEMS = 16, COMPARED_ATTRIBUTES = 64 };

static bool begin_stamps(struct facet_counter *c)
{
    if (!c->stamps)
        c->stamps = arena_calloc(c->arena, c->count_end + 1, sizeof *c->stamps);
    if (!c->stamps)
        c->short_of_memory = true;
    c->stamp++;
    return c->stamps != NULL;
}

static bool stamp(struct facet_counter *c, uint32_t place)
{
    bool fresh = c->stamps[place] != c->stamp;
    c->stamps[place] = c->stamp;
    return fresh;
}

static bool among(const struct column_chunk *chunk, uint32_t from, uint32_t to, uint32_t ordinal)
{
    for (; from < to; from++)
        if (column_chunk_item(chunk, from) == ordinal)
            return true;
    return false;
}

static void count_list(struct facet_counter *c, const struct column_chunk *chunk, uint32_t at)
{
    uint32_t first, n = column_chunk_list(chunk, at, &first);
    bool stamped = n > COMPARED_ITEMS && begin_stamps(c);
    c->with_value += n != 0;
    for (uint32_t k = first; k < first + n; k++) {
        uint32_t o = column_chunk_item(chunk, k), place = o < c->count_end ? o : 0;
        c->counts[place] += stamped ? stamp(c, place) : !among(chunk, first, k, o);
    }
}

/* Values of one key among all attributes of the product. */
static void count_key(struct facet_counter *c, const struct column_chunk *chunk, uint32_t at)
{
    uint32_t start, n = column_chunk_list(chunk, at, &start), end = start + n, first = end;
    bool stamped = false;
    for (uint32_t k = start; k < end; k++) {
        uint32_t o = column_chunk_item(chunk, k);
        if (o > c->values->count || c->values->keys[o] != c->key_number)
            continue;
        if (first == end) {
            first = k;
            stamped = end - k > COMPARED_ATTRIBUTES && begin_stamps(c);
        }
        uint32_t place = c->values->places[o];
        c->counts[place] += stamped ? stamp(c, place) : !among(chunk, first, k, o);
    }
    c->with_value += first != end;
}

static void count_chunk(struct facet_counter *c, const struct column_chunk *chunk, uint32_t first,
                        const uint32_t *docids, uint32_t count)
{
    double v;
    if (c->counts && chunk->kind == COLUMN_ORDINAL) {
        count_ordinals(c, chunk, first, docids, count);
        return;
    }
    for (uint32_t i = 0; i < count && docids[i] - first < chunk->count; i++) {
        uint32_t at = docids[i] - first;
        if (c->keyed && c->counts)
            count_key(c, chunk, at);
        else if (c->counts)
            count_list(c, chunk, at);
        else if (column_chunk_float(chunk, at, &v))
            count_number(c, v);
    }
}

void facet_count_all(struct facet_counter *c, const uint32_t *docids, uint32_t count)
{
    if (!c->column || (c->keyed && !c->key_number))
        return;
    for (uint32_t i = 0, end; i < count; i = end) {
        const struct column_chunk *chunk;
        uint32_t number = docids[i] / COLUMN_CHUNK, first = number * COLUMN_CHUNK;
        end = column_run_end(docids, i, count);
        if (column_chunk(c->column, number, &chunk) == STATUS_OK)
            count_chunk(c, chunk, first, docids + i, end - i);
    }
}
