#include "index/suggest_keys.h"

#include <stdlib.h>

void suggest_keys_fini(struct suggest_keys *k)
{
    free(k->items);
    free(k->heaviest);
    *k = (struct suggest_keys){0};
}

enum status suggest_keys_add(struct suggest_keys *k, struct slice text, uint32_t entry,
                             float weight)
{
    if (k->count == k->cap) {
        uint32_t cap = k->cap ? k->cap * 2 : 256;
        struct suggest_key *p = realloc(k->items, cap * sizeof *p);
        if (!p)
            return STATUS_NO_MEMORY;
        k->items = p;
        k->cap = cap;
    }
    k->items[k->count++] = (struct suggest_key){text, entry, weight};
    return STATUS_OK;
}

static int by_text(const void *a, const void *b)
{
    const struct suggest_key *x = a, *y = b;
    int c = slice_compare(x->text, y->text);
    return c ? c : x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* --- the heaviest of a range ------------------------------------------------------------------ */

static uint32_t heavier(const struct suggest_keys *k, uint32_t a, uint32_t b)
{
    if (a == UINT32_MAX || b == UINT32_MAX)
        return a == UINT32_MAX ? b : a;
    if (k->items[a].weight != k->items[b].weight)
        return k->items[a].weight > k->items[b].weight ? a : b;
    return a < b ? a : b;
}

enum status suggest_keys_build(struct suggest_keys *k)
{
    if (k->count > 1)
        qsort(k->items, k->count, sizeof *k->items, by_text);
    for (k->leaves = 1; k->leaves < k->count; k->leaves *= 2)
        ;
    k->heaviest = malloc((size_t)k->leaves * 2 * sizeof *k->heaviest);
    if (!k->heaviest)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < k->leaves; i++)
        k->heaviest[k->leaves + i] = i < k->count ? i : UINT32_MAX;
    for (uint32_t i = k->leaves; i-- > 1;)
        k->heaviest[i] = heavier(k, k->heaviest[(size_t)2 * i], k->heaviest[(size_t)2 * i + 1]);
    return STATUS_OK;
}

uint32_t suggest_keys_heaviest(const struct suggest_keys *k, uint32_t from, uint32_t to)
{
    uint32_t best = UINT32_MAX;
    for (from += k->leaves, to += k->leaves; from < to; from /= 2, to /= 2) {
        if (from & 1)
            best = heavier(k, best, k->heaviest[from++]);
        if (to & 1)
            best = heavier(k, best, k->heaviest[--to]);
    }
    return best;
}

/* --- beginnings ------------------------------------------------------------------------------- */

/* First item of [low, high) that does not come before `text` (or, past, before all that begin so).
 */
static uint32_t bound(const struct suggest_keys *k, struct slice text, bool past)
{
    uint32_t low = 0, high = k->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        struct slice t = k->items[mid].text;
        int c = slice_compare(t, text);
        if (c < 0 || (past && slice_starts(t, text)))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct suggest_range suggest_keys_range(const struct suggest_keys *k, struct slice prefix)
{
    return (struct suggest_range){bound(k, prefix, false), bound(k, prefix, true), 0};
}

/* The walk over the sorted texts as over a tree of letters: all items of [from, to) share their
 * first `depth` bytes, and rows[depth] holds the edits between these and every beginning of what
 * was typed. A beginning from which nothing comes within reach is left at once. */
enum { NEAR_TYPED_MAX = 64, NEAR_DEPTH_MAX = NEAR_TYPED_MAX + 4 };

struct near_walk {
    const struct suggest_keys *keys;
    struct slice typed;
    uint32_t max, count, cap;
    struct suggest_range *out;
    uint8_t rows[NEAR_DEPTH_MAX + 1][NEAR_TYPED_MAX + 1];
    char path[NEAR_DEPTH_MAX];
};

/* As the first letter of all, that of a later word is rarely mistyped: changing it counts two. */
static uint32_t edit_cost(const struct near_walk *w, uint32_t i)
{
    return i > 1 && w->typed.ptr[i - 2] == ' ' ? 2 : 1;
}

/* Fills rows[depth + 1] for one letter more; the least of the row. */
static uint32_t next_row(struct near_walk *w, uint32_t depth, char c)
{
    const uint8_t *last = w->rows[depth];
    uint8_t *row = w->rows[depth + 1];
    uint32_t least = row[0] = (uint8_t)(depth + 1);
    for (uint32_t i = 1; i <= w->typed.len; i++) {
        uint32_t cost = edit_cost(w, i), d = last[i - 1] + (w->typed.ptr[i - 1] != c ? cost : 0);
        d = last[i] + 1u < d ? last[i] + 1u : d;
        d = row[i - 1] + cost < d ? row[i - 1] + cost : d;
        if (i > 1 && depth > 0 && w->typed.ptr[i - 2] == c &&
            w->typed.ptr[i - 1] == w->path[depth - 1] && w->rows[depth - 1][i - 2] + 1u < d)
            d = w->rows[depth - 1][i - 2] + 1u;
        row[i] = (uint8_t)d;
        least = d < least ? d : least;
    }
    w->path[depth] = c;
    return least;
}

/* End of the items from `from` on that have the letter of `from` at `depth`. */
static uint32_t same_letter(const struct near_walk *w, uint32_t from, uint32_t to, uint32_t depth)
{
    const struct suggest_key *items = w->keys->items;
    unsigned char c = (unsigned char)items[from].text.ptr[depth];
    uint32_t low = from, step = 1;
    while (low + step < to && (unsigned char)items[low + step].text.ptr[depth] == c) {
        low += step;
        step *= 2;
    }
    uint32_t high = low + step < to ? low + step : to;
    while (low + 1 < high) {
        uint32_t mid = low + (high - low) / 2;
        if ((unsigned char)items[mid].text.ptr[depth] == c)
            low = mid;
        else
            high = mid;
    }
    return high;
}

static void walk(struct near_walk *w, uint32_t from, uint32_t to, uint32_t depth)
{
    uint32_t here = w->rows[depth][w->typed.len];
    if (here > 0 && here <= w->max && w->count < w->cap)
        w->out[w->count++] = (struct suggest_range){from, to, here};
    if (here == 0 || depth == NEAR_DEPTH_MAX || w->count == w->cap)
        return;
    while (from < to && w->keys->items[from].text.len == depth)
        from++;
    while (from < to) {
        uint32_t next = same_letter(w, from, to, depth);
        uint32_t least = next_row(w, depth, w->keys->items[from].text.ptr[depth]);
        /* deeper is better only while something in the row is below what is here already */
        if (least <= w->max && least < (here < w->max + 1 ? here : w->max + 1))
            walk(w, from, next, depth + 1);
        from = next;
    }
}

uint32_t suggest_keys_near(const struct suggest_keys *k, struct slice typed, uint32_t max,
                           struct suggest_range *out, uint32_t cap)
{
    struct near_walk w = {.keys = k, .typed = typed, .max = max, .out = out, .cap = cap};
    if (!typed.len || typed.len > NEAR_TYPED_MAX)
        return 0;
    for (uint32_t i = 0; i <= typed.len; i++)
        w.rows[0][i] = (uint8_t)i;
    w.path[0] = typed.ptr[0];
    struct suggest_range first = suggest_keys_range(k, slice_make(typed.ptr, 1));
    if (first.from == first.to)
        return 0;
    next_row(&w, 0, typed.ptr[0]);
    walk(&w, first.from, first.to, 1);
    return w.count;
}
