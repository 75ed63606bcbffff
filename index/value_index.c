#include "index/value_index.h"

#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

#include "index/index_private.h"

enum { FIRST_SLOTS = 256 };

void value_index_free(struct value_index **vp)
{
    struct value_index *v = *vp;
    if (!v)
        return;
    for (uint32_t i = 0; i < v->key_count; i++) {
        free((void *)(uintptr_t)v->items[i].name.ptr);
        free(v->items[i].ordinals);
    }
    free(v->items);
    free(v->slots);
    free(v->parents);
    free(v->keys);
    free(v->places);
    free(v->numbers);
    free(v);
    *vp = NULL;
}

/* --- keys ------------------------------------------------------------------------------------- */

static uint32_t *probe(const struct value_index *v, struct slice name)
{
    uint32_t mask = v->slot_count - 1, i = (uint32_t)XXH3_64bits(name.ptr, name.len) & mask;
    while (v->slots[i] && !slice_equal(v->items[v->slots[i] - 1].name, name))
        i = (i + 1) & mask;
    return &v->slots[i];
}

uint32_t value_index_key_number(const struct value_index *v, struct slice name)
{
    return v->slots ? *probe(v, name) : 0;
}

const struct value_key *value_index_key(const struct value_index *v, struct slice name)
{
    uint32_t n = value_index_key_number(v, name);
    return n ? &v->items[n - 1] : NULL;
}

static bool room_for_key(struct value_index *v)
{
    if (v->key_count == v->key_cap) {
        uint32_t cap = v->key_cap ? v->key_cap * 2 : 64;
        struct value_key *p = realloc(v->items, cap * sizeof *p);
        if (!p)
            return false;
        v->items = p;
        v->key_cap = cap;
    }
    if (v->key_count * 2 < v->slot_count)
        return true;
    uint32_t n = v->slot_count ? v->slot_count * 2 : FIRST_SLOTS;
    uint32_t *slots = calloc(n, sizeof *slots);
    if (!slots)
        return false;
    free(v->slots);
    v->slots = slots;
    v->slot_count = n;
    for (uint32_t i = 0; i < v->key_count; i++)
        *probe(v, v->items[i].name) = i + 1;
    return true;
}

static struct value_key *key_of(struct value_index *v, struct slice name, uint32_t *number)
{
    if (!room_for_key(v))
        return NULL;
    uint32_t *slot = probe(v, name);
    if (!*slot) {
        char *copy = malloc(name.len + 1);
        if (!copy)
            return NULL;
        memcpy(copy, name.ptr, name.len);
        v->items[v->key_count++] = (struct value_key){.name = slice_make(copy, name.len)};
        *slot = v->key_count;
    }
    *number = *slot;
    return &v->items[*slot - 1];
}

static enum status add_to_key(struct value_index *v, uint32_t ordinal, const struct facet_row *row)
{
    const char *sep = row->text.len ? memchr(row->text.ptr, '\x1f', row->text.len) : NULL;
    v->keys[ordinal] = 0;
    v->places[ordinal] = 0;
    v->numbers[ordinal] = row->has_number ? row->number : (double)NAN;
    if (!sep)
        return STATUS_OK;
    struct value_key *k =
        key_of(v, slice_make(row->text.ptr, (size_t)(sep - row->text.ptr)), &v->keys[ordinal]);
    if (!k)
        return STATUS_NO_MEMORY;
    if (k->count == k->cap) {
        uint32_t cap = k->cap ? k->cap * 2 : 4, *p = realloc(k->ordinals, cap * sizeof *p);
        if (!p)
            return STATUS_NO_MEMORY;
        k->ordinals = p;
        k->cap = cap;
    }
    v->places[ordinal] = k->count;
    k->ordinals[k->count++] = ordinal;
    return STATUS_OK;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool grow(void *array, size_t size, uint32_t count)
{
    void **p = array, *more = realloc(*p, ((size_t)count + 1) * size);
    if (more)
        *p = more;
    return more != NULL;
}

static bool room(struct value_index *v, bool path, uint32_t count)
{
    if (count < v->cap)
        return true;
    uint32_t cap = count + count / 4 + 16;
    bool there = path ? grow(&v->parents, sizeof *v->parents, cap)
                      : grow(&v->keys, sizeof *v->keys, cap) &&
                            grow(&v->places, sizeof *v->places, cap) &&
                            grow(&v->numbers, sizeof *v->numbers, cap);
    v->cap = there ? cap : v->cap;
    return there;
}

struct extending {
    struct value_index *v;
    bool path;
    struct pulse *pulse;
};

static enum status take_row(void *ctx, uint32_t ordinal, const struct facet_row *row)
{
    struct extending *e = ctx;
    enum status st = STATUS_OK;
    if (e->path)
        e->v->parents[ordinal] = row->parent;
    else
        st = add_to_key(e->v, ordinal, row);
    if (!st)
        e->v->count = ordinal;
    return st ? st : pulse_beat(e->pulse, 8);
}

static enum status extend(struct snapshot *s, uint32_t field, struct value_index *v, uint32_t upto)
{
    struct extending e = {v, s->schema->fields[field].type == FIELD_PATH, &s->pulse};
    if (!room(v, e.path, upto))
        return STATUS_NO_MEMORY;
    return facet_rows_read(s->txn, field, v->count + 1, upto, take_row, &e);
}

enum status value_index_get(struct snapshot *s, uint32_t field, const struct value_index **out)
{
    struct edition edition = snapshot_edition(s);
    uint32_t upto = facet_value_count(s, field);
    struct value_index **v = &s->values[field];
    if (*v && !edition_same((*v)->edition, edition))
        value_index_free(v);
    if (!*v) {
        *v = calloc(1, sizeof **v);
        if (!*v)
            return STATUS_NO_MEMORY;
        (*v)->edition = edition;
    }
    enum status st = upto > (*v)->count || !(*v)->cap ? extend(s, field, *v, upto) : STATUS_OK;
    *out = *v;
    return st;
}
