#include "index/facet_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/facet_search.h"
#include "index/order.h"
#include "index/order.h"

/*
 * The reply needs the texts of a few values only: counts decide first, so texts are read for what
 * has at least the smallest count that is shown. With a search inside the values all texts are
 * read.
 */

struct entry {
    struct slice text;
    uint32_t count, ordinal;
    double number;
    enum value_type type;
};

struct top {
    struct facet_counter *counter;
    struct snapshot *snap;
    struct folder *folder;
    struct arena *arena;
    struct entry *items;
    uint32_t count, limit;
};

static int by_count(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int c = x->count != y->count ? (x->count < y->count ? 1 : -1) : slice_compare(x->text, y->text);
    return c ? c : (x->type > y->type) - (x->type < y->type);
}

/* --- which values ----------------------------------------------------------------------------- */

static void roll_up(struct facet_counter *c)
{
    for (uint32_t o = c->count_end; o-- > 1;) { /* a parent is numbered before its children */
        uint32_t parent = c->counts[o] && o <= c->values->count ? c->values->parents[o] : 0;
        if (parent && parent < o)
            c->counts[parent] += c->counts[o];
    }
}

static enum status gather_ordinals(struct top *t)
{
    struct facet_counter *c = t->counter;
    uint32_t seen = 0, from = c->keyed ? 0 : 1;
    if (c->type == FIELD_PATH)
        roll_up(c);
    for (uint32_t o = from; o < c->count_end; o++)
        seen += c->counts[o] != 0;
    t->items = arena_alloc(t->arena, (seen + 1) * sizeof *t->items);
    if (!t->items)
        return STATUS_NO_MEMORY;
    for (uint32_t o = from; o < c->count_end; o++)
        if (c->counts[o])
            t->items[t->count++] = (struct entry){.count = c->counts[o],
                                                  .ordinal = c->keyed ? c->key->ordinals[o] : o};
    return STATUS_OK;
}

static enum status gather_numbers(struct top *t)
{
    struct facet_counter *c = t->counter;
    t->items = arena_alloc(t->arena, (c->number_count + 1) * sizeof *t->items);
    if (!t->items)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < c->number_cap; i++)
        if (c->numbers[i].count) {
            struct entry *e = &t->items[t->count++];
            *e = (struct entry){.count = c->numbers[i].count};
            memcpy(&e->number, &c->numbers[i].bits, sizeof e->number);
        }
    return STATUS_OK;
}

/* --- their texts ------------------------------------------------------------------------------ */

static enum status number_text(struct top *t, struct entry *e)
{
    char text[32];
    int n = 0;
    if (t->counter->type == FIELD_BOOLEAN)
        n = snprintf(text, sizeof text, "%s", e->number != 0 ? "true" : "false");
    for (int digits = 15; n == 0 || (digits <= 17 && strtod(text, NULL) != e->number &&
                                     t->counter->type != FIELD_BOOLEAN);
         digits++)
        n = snprintf(text, sizeof text, "%.*g", digits, e->number);
    e->text = arena_copy(t->arena, slice_make(text, (size_t)n));
    return e->text.ptr ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status read_text(struct top *t, struct entry *e)
{
    const struct facet_counter *c = t->counter;
    if (!c->counts)
        return number_text(t, e);
    enum status st = facet_value_text(t->snap, c->field_id, e->ordinal, &e->text, &e->type);
    if (!st && c->keyed)
        e->text =
            slice_make(e->text.ptr + c->key->name.len + 1, e->text.len - c->key->name.len - 1);
    return st;
}

/* Drops what is surely not shown: counts below the `limit`th largest. */
static enum status drop_small(struct top *t)
{
    if (t->count <= t->limit || !t->limit)
        return STATUS_OK;
    /* a heap of the `limit` largest counts, the least on top */
    uint32_t *heap = arena_alloc(t->arena, t->limit * sizeof *heap), n = 0;
    if (!heap)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t c = t->items[i].count, at;
        if (n < t->limit) {
            for (at = n++; at && heap[(at - 1) / 2] > c; at = (at - 1) / 2)
                heap[at] = heap[(at - 1) / 2];
            heap[at] = c;
        } else if (c > heap[0]) {
            for (at = 0;;) {
                uint32_t child = at * 2 + 1;
                if (child + 1 < n && heap[child + 1] < heap[child])
                    child++;
                if (child >= n || heap[child] >= c)
                    break;
                heap[at] = heap[child];
                at = child;
            }
            heap[at] = c;
        }
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->count; i++)
        if (t->items[i].count >= heap[0])
            t->items[kept++] = t->items[i];
    t->count = kept;
    return STATUS_OK;
}

/* Keeps the values that are meant by the search; when none is, those a few edits away. */
static enum status search_values(struct top *t)
{
    struct facet_search search;
    uint32_t kept = 0;
    enum status st = facet_search_init(&search, t->folder, t->counter->request->query, t->arena);
    for (uint32_t i = 0; !st && i < t->count; i++)
        st = read_text(t, &t->items[i]);
    for (int looser = 0; !st && looser < 2 && !kept; looser++)
        for (uint32_t i = 0; i < t->count; i++)
            if (facet_search_holds(&search, t->items[i].text, looser))
                t->items[kept++] = t->items[i];
    t->count = kept;
    return st;
}

enum status facet_finish_values(struct facet_counter *c, struct snapshot *snap,
                                struct folder *folder, struct arena *arena,
                                struct facet_result *out)
{
    struct top t = {.counter = c, .snap = snap, .folder = folder, .arena = arena};
    bool search = c->request->query.len > 0;
    t.limit = c->request->limit ? c->request->limit : FACET_DEFAULT_LIMIT;
    enum status st = c->short_of_memory ? STATUS_NO_MEMORY
                     : c->counts        ? gather_ordinals(&t)
                                        : gather_numbers(&t);
    if (!st && search)
        st = search_values(&t);
    out->distinct = t.count;
    if (!st)
        st = drop_small(&t);
    for (uint32_t i = 0; !st && !search && i < t.count; i++)
        st = read_text(&t, &t.items[i]);
    if (st)
        return st;
    if (t.count > 1)
        order_items(t.items, t.count, sizeof *t.items, by_count);
    out->value_count = t.count < t.limit ? t.count : t.limit;
    out->values = arena_calloc(arena, out->value_count + 1, sizeof *out->values);
    if (!out->values)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < out->value_count; i++)
        out->values[i] = (struct facet_value){
            .value = t.items[i].text, .count = t.items[i].count, .type = t.items[i].type};
    return STATUS_OK;
}
