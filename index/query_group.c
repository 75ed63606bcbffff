#include "index/query_group.h"

#include <string.h>

/*
 * Matches come once, in any order. A group keeps its best candidate and its count; when more than
 * one product per group is shown, matches are also listed (12 bytes each), and after the page's
 * groups are known the list is walked once more for their members. The best single products are
 * kept beside by the search: the second phase orders them, and the groups by them.
 *
 *   value --ordinal--> slots[ordinal] --+
 *         --number---> probe table -----+--> items[group]: best candidate, count, key
 *         --none----------------------------> items[new]
 */

struct group_item {
    struct candidate best;
    uint64_t key;
    uint32_t count;
    bool has_value, chosen;
};

struct member {
    uint32_t docid, score, group;
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
    uint32_t count, cap;
    struct member *members;
    uint32_t member_count, member_cap;
};

enum { FIRST_ITEMS = 1024 };

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
    g->slot_count = g->ordinal ? facet_value_count(snap, g->field_id) + 1 : FIRST_ITEMS * 2;
    g->slots = arena_calloc(arena, g->slot_count, sizeof *g->slots);
    if (!g->slots)
        return STATUS_NO_MEMORY;
    *out = g;
    return STATUS_OK;
}

void groups_reset(struct groups *g)
{
    memset(g->slots, 0, g->slot_count * sizeof *g->slots);
    g->count = 0;
    g->member_count = 0;
}

/* Doubles an array of the arena; the old one stays behind, less than what is in use. */
static void *grow(struct arena *arena, void *old, uint32_t *cap, size_t size)
{
    uint32_t more = *cap ? *cap * 2 : FIRST_ITEMS;
    void *p = arena_alloc(arena, more * size);
    if (!p)
        return NULL;
    if (*cap)
        memcpy(p, old, *cap * size);
    *cap = more;
    return p;
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
    while (g->slots[i] && g->items[g->slots[i] - 1].key != key)
        i = (i + 1) & mask;
    return &g->slots[i];
}

static enum status grow_table(struct groups *g)
{
    if (g->ordinal || g->count * 2 < g->slot_count)
        return STATUS_OK;
    uint32_t n = g->slot_count * 2;
    uint32_t *slots = arena_calloc(g->arena, n, sizeof *slots);
    if (!slots)
        return STATUS_NO_MEMORY;
    g->slots = slots;
    g->slot_count = n;
    for (uint32_t i = 0; i < g->count; i++)
        if (g->items[i].has_value)
            *probe(g, g->items[i].key) = i + 1;
    return STATUS_OK;
}

static enum status new_group(struct groups *g, const struct candidate *c, uint64_t key,
                             bool has_value)
{
    if (g->count == g->cap) {
        struct group_item *p = grow(g->arena, g->items, &g->cap, sizeof *p);
        if (!p)
            return STATUS_NO_MEMORY;
        g->items = p;
    }
    g->items[g->count++] =
        (struct group_item){.best = *c, .key = key, .count = 1, .has_value = has_value};
    return STATUS_OK;
}

static enum status find_group(struct groups *g, struct candidate *c)
{
    uint64_t key = 0;
    bool has = value_of(g, c->docid, &key);
    uint32_t *slot = !has ? NULL : g->ordinal ? &g->slots[key] : probe(g, key);
    if (slot && *slot) {
        c->group = *slot - 1;
        struct group_item *item = &g->items[c->group];
        item->count++;
        if (candidate_before(c, &item->best))
            item->best = *c;
        return STATUS_OK;
    }
    c->group = g->count;
    enum status st = new_group(g, c, key, has);
    if (!st && slot) {
        *slot = g->count;
        st = grow_table(g);
    }
    return st;
}

enum status groups_take(struct groups *g, struct candidate *c, uint32_t score)
{
    enum status st = find_group(g, c);
    if (st || g->size == 1)
        return st;
    if (g->member_count == g->member_cap) {
        struct member *p = grow(g->arena, g->members, &g->member_cap, sizeof *p);
        if (!p)
            return STATUS_NO_MEMORY;
        g->members = p;
    }
    g->members[g->member_count++] = (struct member){c->docid, score, c->group};
    return STATUS_OK;
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
    if (!items)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < window->count; i++) {
        struct group_item *item = &g->items[window->items[i].group];
        if (!item->chosen)
            items[n++] = window->items[i];
        item->chosen = true;
    }
    struct topk others = {items + n, 0, count};
    *in_window = n;
    *behind = n;
    for (uint32_t i = 0; i < g->count; i++) {
        const struct candidate *best = &g->items[i].best;
        if (inside(window, best) || (after && !candidate_before(after, best)))
            continue;
        ++*behind;
        topk_push(&others, best);
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

static void fill_shelves(const struct groups *g, const struct group_window *window,
                         const struct candidate *chosen, uint32_t count, struct shelf *shelves,
                         const uint32_t *shelf_of)
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
    for (uint32_t i = 0; i < g->member_count; i++) {
        const struct member *m = &g->members[i];
        if (!shelf_of[m->group])
            continue;
        const struct segment *s = snapshot_segment_of(g->snap, m->docid);
        struct candidate c = {.docid = m->docid, .tie = segment_tie(s, m->docid - segment_base(s))};
        sort_keys_fill(g->sort, m->docid, m->score, c.keys);
        if (!inside(window, &c))
            topk_push(&shelves[shelf_of[m->group] - 1].others, &c);
    }
}

static enum status group_text(const struct groups *g, const struct group_item *item,
                              struct slice *text)
{
    double v;
    *text = SLICE_NULL;
    if (!item->has_value)
        return STATUS_OK;
    if (g->ordinal)
        return facet_value_text(g->snap, g->field_id, (uint32_t)item->key, text, NULL);
    memcpy(&v, &item->key, sizeof v);
    if (g->type == FIELD_BOOLEAN)
        *text = item->key ? SLICE_LIT("true") : SLICE_LIT("false");
    else if (g->type == FIELD_FLOAT)
        *text = arena_printf(g->arena, "%.17g", v);
    else
        *text = arena_printf(g->arena, "%lld", (long long)item->key);
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
        fill_shelves(g, window, chosen, count, shelves, shelf_of);
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
