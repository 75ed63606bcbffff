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

/* For loops over values: a few of them are a bit of work. */
static enum status beat(const struct facet_counter *c, uint32_t i)
{
    return i % 32 ? STATUS_OK : pulse_beat(c->pulse, 2);
}

static enum status roll_up(struct facet_counter *c)
{
    enum status st = STATUS_OK;
    for (uint32_t o = c->count_end;
         !st && o-- > 1;) { /* a parent is numbered before its children */
        st = beat(c, o);
        uint32_t parent = c->counts[o] && o <= c->values->count ? c->values->parents[o] : 0;
        if (parent && parent < o)
            c->counts[parent] += c->counts[o];
    }
    return st;
}

static enum status gather_ordinals(struct top *t)
{
    struct facet_counter *c = t->counter;
    uint32_t seen = 0, from = c->keyed ? 0 : 1;
    enum status st = c->type == FIELD_PATH ? roll_up(c) : STATUS_OK;
    if (st)
        return st;
    for (uint32_t o = from; o < c->count_end; o++)
        seen += c->counts[o] != 0;
    t->items = arena_alloc(t->arena, (seen + 1) * sizeof *t->items);
    if (!t->items)
        return STATUS_NO_MEMORY;
    for (uint32_t o = from; !st && o < c->count_end; o++) {
        st = beat(c, o);
        if (c->counts[o])
            t->items[t->count++] = (struct entry){.count = c->counts[o],
                                                  .ordinal = c->keyed ? c->key->ordinals[o] : o};
    }
    return st;
}

static enum status gather_numbers(struct top *t)
{
    struct facet_counter *c = t->counter;
    t->items = arena_alloc(t->arena, (c->number_count + 1) * sizeof *t->items);
    if (!t->items)
        return STATUS_NO_MEMORY;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < c->number_cap; i++) {
        st = beat(c, i);
        if (c->numbers[i].count) {
            struct entry *e = &t->items[t->count++];
            *e = (struct entry){.count = c->numbers[i].count};
            memcpy(&e->number, &c->numbers[i].bits, sizeof e->number);
        }
    }
    return st;
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
    enum status st = pulse_beat(c->pulse, 10);
    if (st || !c->counts)
        return st ? st : number_text(t, e);
    st = facet_value_text(t->snap, c->field_id, e->ordinal, &e->text, &e->type);
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
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < t->count; i++) {
        uint32_t c = t->items[i].count, at;
        st = beat(t->counter, i);
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
    for (uint32_t i = 0; !st && i < t->count; i++) {
        st = beat(t->counter, i);
        if (t->items[i].count >= heap[0])
            t->items[kept++] = t->items[i];
    }
    t->count = kept;
    return st;
}

/* Puts an entry where it belongs below `at` in a heap with the last of the reply on top. */
static void sift(struct entry *heap, uint32_t count, uint32_t at, struct entry e)
{
    for (uint32_t child; (child = at * 2 + 1) < count; at = child) {
        child += child + 1 < count && by_count(&heap[child + 1], &heap[child]) > 0;
        if (by_count(&heap[child], &e) <= 0)
            break;
        heap[at] = heap[child];
    }
    heap[at] = e;
}

/* Reads what is not read yet and keeps the first `limit` of the reply: of equal counts, which may
 * be many, texts decide. */
static enum status keep_first(struct top *t, bool read)
{
    enum status st = STATUS_OK;
    uint32_t n = 0;
    for (uint32_t i = 0; !st && i < t->count; i++) {
        struct entry e = t->items[i];
        st = read ? beat(t->counter, i) : read_text(t, &e);
        if (st || n < t->limit) {
            t->items[n++] = e;
            for (uint32_t k = n / 2; n == t->limit && k-- > 0;)
                sift(t->items, n, k, t->items[k]);
        } else if (by_count(&e, &t->items[0]) < 0) {
            sift(t->items, n, 0, e);
        }
    }
    t->count = n;
    return st;
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
        for (uint32_t i = 0; !st && i < t->count; i++)
            if ((st = pulse_beat(t->counter->pulse, looser ? 20 : 5)) == STATUS_OK &&
                facet_search_holds(&search, t->items[i].text, looser))
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
    if (!st)
        st = keep_first(&t, search);
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
