#include "index/query_group.h"

#include "index/best.h"

#include <string.h>

/*
 * Matches come once, in any order. A group keeps its best candidate and its count; when more than
 * one product per group is shown, matches are also listed (12 bytes each), and after the page's
 * groups are known the list is walked once more for their members. The best single products are
 * kept beside by the search: the second phase orders them, and the groups by them.
 *
 *   value --ordinal--> slots[ordinal] --+
 *         --number---> probe table -----+--> items[group]: best candidate, count
 *         --none----------------------------> items[new]
 *
 * Where the score alone orders (and ties), a group is 16 bytes, and matches are taken many at once.
 */

struct group_item {
    uint64_t high; /* of the best: score and tie (best.h); where sorted, see `bests` */
    uint32_t docid, count;
};

/* What an item of a field of numbers is probed by. */
struct group_number {
    uint64_t key;
    bool has_value;
};

enum { FIRST_ITEMS = 4096, FIRST_SLOTS = 2048, PIECE = 1024, TAKEN = 256 };

/* Some of the matches: docid, score and group of each. */
struct piece {
    uint32_t docids[PIECE], scores[PIECE], groups[PIECE], count;
    struct piece *next;
};

struct groups {
    struct snapshot *snap;
    const struct sort_keys *sort;
    struct arena *arena;
    struct column *column;
    uint32_t field_id, size;
    bool ordinal;
    enum field_type type;
    uint32_t *slots; /* group + 1: by ordinal, or hashed */
    uint32_t slot_count;
    struct group_item *items;
    struct candidate *bests;      /* by group, of a sorted search; else NULL */
    struct group_number *numbers; /* by group, of a field of numbers; else NULL */
    uint32_t count, cap;
    struct piece *first, *last;
};

static bool one_value(enum field_type t)
{
    return t != FIELD_TEXT && t != FIELD_KEYWORD_LIST && t != FIELD_ATTRIBUTES;
}

static enum status find_column(struct groups *g, struct slice name, struct fault *fault)
{
    const struct field *f = schema_find(snapshot_schema(g->snap), name);
    if (!f)
        return fault_set(fault, STATUS_UNKNOWN_FIELD, "group", "the schema has no field '%.*s'",
                         (int)name.len, name.ptr);
    if (!f->has_column || !one_value(f->type))
        return fault_set(fault, STATUS_SCHEMA_MISMATCH, "group",
                         "field '%s' has no column with one value per product", f->name);
    g->field_id = f->id;
    g->type = f->type;
    g->ordinal = f->type == FIELD_KEYWORD || f->type == FIELD_PATH;
    g->column = snapshot_column(g->snap, f->id);
    return g->column ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status groups_create(const struct query *q, struct snapshot *snap,
                          const struct sort_keys *sort, struct arena *arena, struct groups **out,
                          struct fault *fault)
{
    *out = NULL;
    if (!q->group_field.len)
        return STATUS_OK;
    if (q->group_size > GROUP_SIZE_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "group", "at most %d hits of a group",
                         GROUP_SIZE_MAX);
    struct groups *g = arena_calloc(arena, 1, sizeof *g);
    if (!g)
        return STATUS_NO_MEMORY;
    g->snap = snap;
    g->sort = sort;
    g->arena = arena;
    g->size = q->group_size ? q->group_size : GROUP_SIZE_DEFAULT;
    if ((uint64_t)q->k * g->size > GROUP_HITS_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "group",
                         "groups times hits of a group are at most %d", GROUP_HITS_MAX);
    enum status st = find_column(g, q->group_field, fault);
    if (st)
        return st;
    g->slot_count = g->ordinal ? facet_value_count(snap, g->field_id) + 1 : FIRST_SLOTS;
    g->slots = arena_calloc(arena, g->slot_count, sizeof *g->slots);
    if (!g->slots)
        return STATUS_NO_MEMORY;
    *out = g;
    return STATUS_OK;
}

void groups_reset(struct groups *g)
{
    if (g->count)
        memset(g->slots, 0, g->slot_count * sizeof *g->slots);
    g->count = 0;
    for (struct piece *p = g->first; p; p = p->next)
        p->count = 0;
    g->last = g->first;
}

/* A larger array of the arena; the old one stays behind, less than what is in use. */
static enum status grow(const struct groups *g, void *array, size_t size, uint32_t cap)
{
    void **old = array, *to = arena_alloc(g->arena, cap * size);
    enum status st =
        to ? pulse_copy(snapshot_pulse(g->snap), to, *old, g->cap * size) : STATUS_NO_MEMORY;
    if (!st)
        *old = to;
    return st;
}

static enum status room(struct groups *g)
{
    if (g->count < g->cap)
        return STATUS_OK;
    uint32_t cap = g->cap ? g->cap * 2 : FIRST_ITEMS;
    enum status st = grow(g, &g->items, sizeof *g->items, cap);
    if (!st && g->sort->count)
        st = grow(g, &g->bests, sizeof *g->bests, cap);
    if (!st && !g->ordinal)
        st = grow(g, &g->numbers, sizeof *g->numbers, cap);
    if (!st)
        g->cap = cap;
    return st;
}

/* --- which group ------------------------------------------------------------------------------ */

/* False when the product has no value. */
static bool value_of(struct groups *g, uint32_t docid, uint64_t *key)
{
    const struct column_chunk *chunk;
    uint32_t i = docid % COLUMN_CHUNK;
    double v;
    int64_t n;
    if (column_chunk(g->column, docid / COLUMN_CHUNK, &chunk) || i >= chunk->count)
        return false;
    if (g->ordinal) {
        *key = column_chunk_ordinal(chunk, i);
        return *key > 0 && *key < g->slot_count;
    }
    if (chunk->kind == COLUMN_INT) {
        if (!column_chunk_int(chunk, i, &n))
            return false;
        *key = (uint64_t)n;
        return true;
    }
    if (!column_chunk_float(chunk, i, &v))
        return false;
    v = v == 0 ? 0 : v; /* -0 and 0 are one */
    memcpy(key, &v, sizeof *key);
    return true;
}

static uint32_t hash_of(uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

static uint32_t *probe(const struct groups *g, uint64_t key)
{
    uint32_t mask = g->slot_count - 1, i = hash_of(key) & mask;
    while (g->slots[i] && g->numbers[g->slots[i] - 1].key != key)
        i = (i + 1) & mask;
    return &g->slots[i];
}

static enum status grow_table(struct groups *g)
{
    if (!g->numbers || g->count * 2 < g->slot_count)
        return STATUS_OK;
    uint32_t n = g->slot_count * 2;
    uint32_t *slots = arena_alloc(g->arena, n * sizeof *slots);
    enum status st =
        slots ? pulse_zero(snapshot_pulse(g->snap), slots, n * sizeof *slots) : STATUS_NO_MEMORY;
    if (st)
        return st;
    g->slots = slots;
    g->slot_count = n;
    for (uint32_t i = 0; !st && i < g->count; i++) {
        st = i % 16 ? STATUS_OK : pulse_beat(snapshot_pulse(g->snap), 16);
        if (g->numbers[i].has_value)
            *probe(g, g->numbers[i].key) = i + 1;
    }
    return st;
}

/* A new group, of which `slot` (NULL = of no value) tells from now on. */
static enum status new_group(struct groups *g, struct group_item item, uint32_t *slot, uint64_t key)
{
    enum status st = room(g);
    if (st)
        return st;
    if (g->numbers)
        g->numbers[g->count] = (struct group_number){key, slot != NULL};
    g->items[g->count++] = item;
    if (!slot)
        return STATUS_OK;
    *slot = g->count;
    return grow_table(g);
}

/* One match of a group of that value (`has`), which becomes *group. */
static inline enum status take_one(struct groups *g, uint64_t high, uint32_t docid, bool has,
                                   uint64_t key, uint32_t *group)
{
    uint32_t *slot = !has ? NULL : g->ordinal ? &g->slots[key] : probe(g, key);
    if (!slot || !*slot) {
        *group = g->count;
        return new_group(g, (struct group_item){high, docid, 1}, slot, key);
    }
    *group = *slot - 1;
    struct group_item *item = &g->items[*group];
    item->count++;
    if (high > item->high || (high == item->high && docid < item->docid)) {
        item->high = high;
        item->docid = docid;
    }
    return STATUS_OK;
}

/* Where the next matches are listed: room for one at least; NULL: out of memory. */
static struct piece *piece_with_room(struct groups *g)
{
    struct piece *p = g->last;
    if (p && p->count < PIECE)
        return p;
    struct piece *more = p ? p->next : NULL;
    if (!more && (more = arena_alloc(g->arena, sizeof *more))) {
        more->count = 0;
        more->next = NULL;
        *(p ? &p->next : &g->first) = more;
    }
    return more ? (g->last = more) : NULL;
}

static enum status list(struct groups *g, const uint32_t *docids, const uint32_t *scores,
                        const uint32_t *groups, uint32_t count)
{
    for (uint32_t n; count; count -= n, docids += n, scores += n, groups += n) {
        struct piece *p = piece_with_room(g);
        if (!p)
            return STATUS_NO_MEMORY;
        n = count < PIECE - p->count ? count : PIECE - p->count;
        memcpy(p->docids + p->count, docids, n * sizeof *docids);
        memcpy(p->scores + p->count, scores, n * sizeof *scores);
        memcpy(p->groups + p->count, groups, n * sizeof *groups);
        p->count += n;
    }
    return STATUS_OK;
}

enum status groups_take_many(struct groups *g, const uint32_t *docids, const uint32_t *scores,
                             const uint32_t *ties, uint32_t count)
{
    uint32_t ordinals[TAKEN] = {0}, numbers[TAKEN];
    enum status st = STATUS_OK;
    for (uint32_t from = 0, n; !st && from < count; from += n) {
        n = count - from < TAKEN ? count - from : TAKEN;
        if (g->ordinal)
            column_each_ordinal(g->column, docids + from, n, ordinals);
        for (uint32_t i = 0; !st && i < n; i++) {
            uint64_t key = g->ordinal ? ordinals[i] : 0,
                     high = best_high(scores[from + i], ties[from + i]);
            bool has =
                g->ordinal ? key && key < g->slot_count : value_of(g, docids[from + i], &key);
            st = take_one(g, high, docids[from + i], has, key, &numbers[i]);
        }
        if (!st && g->size > 1)
            st = list(g, docids + from, scores + from, numbers, n);
    }
    return st;
}

enum status groups_take(struct groups *g, const struct candidate *c, uint32_t score)
{
    uint64_t key = 0;
    uint32_t group, before = g->count;
    bool has = value_of(g, c->docid, &key);
    enum status st = take_one(g, 0, c->docid, has, key, &group);
    if (st)
        return st;
    if (before < g->count || candidate_before(c, &g->bests[group]))
        g->bests[group] = *c;
    return g->size > 1 ? list(g, &c->docid, &score, &group, 1) : st;
}

static struct candidate best_of(const struct groups *g, uint32_t group)
{
    const struct group_item *item = &g->items[group];
    struct candidate c = {
        .keys = {item->high >> 32}, .tie = ~(uint32_t)item->high, .docid = item->docid};
    if (g->bests)
        c = g->bests[group];
    c.group = group;
    return c;
}

/* Groups of products without a value: each is one product, and told by it. */
static enum status name_lone(const struct groups *g, struct candidate *items, uint32_t count)
{
    uint32_t room = 64, *places; /* index + 1, hashed by docid */
    while (room < count * 2)
        room *= 2;
    places = arena_calloc(g->arena, room, sizeof *places);
    if (!places)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = hash_of(items[i].docid) & (room - 1);
        while (places[at])
            at = (at + 1) & (room - 1);
        if (items[i].group == UINT32_MAX)
            places[at] = i + 1;
    }
    enum status st = STATUS_OK;
    for (uint32_t k = 0; !st && k < g->count; k++) {
        st = k % 16 ? STATUS_OK : pulse_beat(snapshot_pulse(g->snap), 4);
        uint32_t docid = g->items[k].docid, at = hash_of(docid) & (room - 1);
        for (; places[at]; at = (at + 1) & (room - 1))
            if (items[places[at] - 1].docid == docid)
                items[places[at] - 1].group = k;
    }
    return st;
}

enum status groups_name(struct groups *g, struct candidate *items, uint32_t count)
{
    bool lone = false;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t key;
        bool has = value_of(g, items[i].docid, &key);
        items[i].group = !has ? UINT32_MAX : (g->ordinal ? g->slots[key] : *probe(g, key)) - 1;
        lone |= !has;
    }
    return lone ? name_lone(g, items, count) : STATUS_OK;
}

/* --- the page --------------------------------------------------------------------------------- */

/* Is it one of the products that the second phase ordered? */
static bool inside(const struct group_window *w, const struct candidate *c)
{
    return w->last && !candidate_before(w->last, c);
}

enum status groups_select(struct groups *g, const struct group_window *window,
                          const struct candidate *after, uint32_t count, struct topk *top,
                          uint32_t *in_window, uint64_t *behind)
{
    uint32_t n = 0;
    struct candidate *items =
        arena_alloc(g->arena, ((size_t)window->count + count + 1) * sizeof *items);
    bool *chosen = arena_calloc(g->arena, g->count + 1, sizeof *chosen);
    if (!items || !chosen)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < window->count; i++) {
        bool *seen = &chosen[window->items[i].group];
        if (!*seen)
            items[n++] = window->items[i];
        *seen = true;
    }
    struct topk others = {items + n, 0, count};
    *in_window = n;
    *behind = n;
    uint64_t least = 0; /* whoever has less is surely behind the window, and not on the page */
    for (uint32_t i = 0; i < g->count; i++) {
        enum status st = i % 16 ? STATUS_OK : pulse_beat(snapshot_pulse(g->snap), 4);
        if (st)
            return st;
        if (g->items[i].high < least) {
            ++*behind;
            continue;
        }
        const struct candidate best = best_of(g, i);
        if (inside(window, &best) || (after && !candidate_before(after, &best)))
            continue;
        ++*behind;
        topk_push(&others, &best);
        if (!g->bests && !after && count && others.count == count)
            least = best_high((uint32_t)others.items[0].keys[0], others.items[0].tie);
    }
    topk_sort(&others);
    *top = (struct topk){items, n + others.count, window->count + count};
    return STATUS_OK;
}

uint64_t groups_total(const struct groups *g)
{
    return g->count;
}

/* One chosen group: what it has in the window, then the best of the others. */
struct shelf {
    struct candidate *items;
    uint32_t cap, front;
    struct topk others;
};

static enum status put_up_shelves(const struct groups *g, const struct candidate *chosen,
                                  uint32_t count, struct shelf *shelves)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cap = g->items[chosen[i].group].count;
        shelves[i].cap = cap < g->size ? cap : g->size;
        shelves[i].items = arena_alloc(g->arena, (shelves[i].cap + 1) * sizeof *shelves[i].items);
        if (!shelves[i].items)
            return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

static void put_on_shelf(const struct groups *g, const struct group_window *window, uint32_t docid,
                         uint32_t score, struct shelf *shelf)
{
    const struct segment *s = snapshot_segment_of(g->snap, docid);
    struct candidate c = {.docid = docid, .tie = segment_tie(s, docid - segment_base(s))};
    sort_keys_fill(g->sort, docid, score, c.keys);
    if (!inside(window, &c))
        topk_push(&shelf->others, &c);
}

static enum status fill_shelves(const struct groups *g, const struct group_window *window,
                                const struct candidate *chosen, uint32_t count,
                                struct shelf *shelves, const uint32_t *shelf_of)
{
    for (uint32_t i = 0; i < window->count; i++) {
        const struct candidate *c = &window->items[i];
        struct shelf *to = shelf_of[c->group] ? &shelves[shelf_of[c->group] - 1] : NULL;
        if (to && to->front < to->cap)
            to->items[to->front++] = *c;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct shelf *to = &shelves[i];
        to->others = (struct topk){to->items + to->front, 0, to->cap - to->front};
        if (g->size == 1)
            topk_push(&to->others, &chosen[i]);
    }
    enum status st = STATUS_OK;
    for (const struct piece *p = g->first; !st && p; p = p->next)
        for (uint32_t i = 0; !st && i < p->count; i++) {
            st = i % 16 ? STATUS_OK : pulse_beat(snapshot_pulse(g->snap), 8);
            if (!st && shelf_of[p->groups[i]])
                put_on_shelf(g, window, p->docids[i], p->scores[i],
                             &shelves[shelf_of[p->groups[i]] - 1]);
        }
    return st;
}

static enum status group_text(struct groups *g, const struct group_item *item, struct slice *text)
{
    double v;
    uint64_t key;
    *text = SLICE_NULL;
    if (!value_of(g, item->docid, &key))
        return STATUS_OK;
    if (g->ordinal)
        return facet_value_text(g->snap, g->field_id, (uint32_t)key, text, NULL);
    memcpy(&v, &key, sizeof v);
    if (g->type == FIELD_BOOLEAN)
        *text = key ? SLICE_LIT("true") : SLICE_LIT("false");
    else if (g->type == FIELD_FLOAT)
        *text = arena_printf(g->arena, "%.17g", v);
    else
        *text = arena_printf(g->arena, "%lld", (long long)key);
    return text->ptr ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status groups_hits(struct groups *g, const struct group_window *window,
                        const struct candidate *chosen, uint32_t count, struct hit **hits,
                        uint32_t *hit_count)
{
    struct shelf *shelves = arena_calloc(g->arena, count + 1, sizeof *shelves);
    uint32_t *shelf_of = arena_calloc(g->arena, g->count + 1, sizeof *shelf_of), n = 0;
    *hits = arena_calloc(g->arena, (size_t)count * g->size + 1, sizeof **hits);
    if (!shelves || !shelf_of || !*hits)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        shelf_of[chosen[i].group] = i + 1;
    enum status st = put_up_shelves(g, chosen, count, shelves);
    if (!st)
        st = fill_shelves(g, window, chosen, count, shelves, shelf_of);
    for (uint32_t i = 0; !st && i < count; i++) {
        const struct group_item *item = &g->items[chosen[i].group];
        struct slice text;
        st = group_text(g, item, &text);
        topk_sort(&shelves[i].others);
        for (uint32_t k = 0; !st && k < shelves[i].front + shelves[i].others.count; k++) {
            const struct candidate *c = &shelves[i].items[k];
            (*hits)[n++] = (struct hit){.docid = c->docid,
                                        .score = c->keys[0],
                                        .group_value = text,
                                        .group_count = item->count};
        }
    }
    *hit_count = n;
    return st;
}
