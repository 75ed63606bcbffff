#include "index/clauses.h"

#include "index/filter_private.h"
#include "index/kernels.h"

#include <string.h>

/* Some field or attribute that the filter looks at. */
static const struct filter *some_leaf(const struct filter *f)
{
    while (f->kind == NODE_AND || f->kind == NODE_OR || f->kind == NODE_NOT)
        f = f->child;
    return f;
}

/* Where a term goes for which no place is left: to the terms on its own field alone, so that a
 * facet can leave them out together; what looks at several is never left out, and goes to another
 * such one; else to the last. */
static struct clause *fellow(struct clauses *c, const struct filter *f)
{
    const struct filter *leaf = some_leaf(f);
    bool single = filter_only_field(f, leaf->field_id, leaf->path);
    for (uint32_t i = 0; i < c->count; i++) {
        const struct filter *x = c->items[i].filter, *of = single ? leaf : some_leaf(x);
        if (filter_only_field(x, of->field_id, of->path) == single)
            return &c->items[i];
    }
    return &c->items[CLAUSES_MAX - 1];
}

/* The terms of `f`, brackets round "and" opened. */
static enum status add(struct clauses *c, const struct filter *f, struct arena *arena)
{
    enum status st = STATUS_OK;
    if (f->kind == NODE_AND) {
        for (const struct filter *x = f->child; x && !st; x = x->next)
            st = add(c, x, arena);
        return st;
    }
    if (c->count < CLAUSES_MAX) {
        c->items[c->count++] = (struct clause){f, f->text};
        return STATUS_OK;
    }
    struct clause *last = fellow(c, f);
    struct filter *both = arena_calloc(arena, 1, sizeof *both), *a = arena_alloc(arena, sizeof *a),
                  *b = arena_alloc(arena, sizeof *b);
    if (!both || !a || !b)
        return STATUS_NO_MEMORY;
    *a = *last->filter;
    *b = *f;
    a->next = b;
    b->next = NULL;
    *both = (struct filter){.kind = NODE_AND, .child = a};
    last->filter = both;
    char *text = arena_alloc(arena, last->text.len + 1 + f->text.len);
    if (!text)
        return STATUS_NO_MEMORY;
    memcpy(text, last->text.ptr, last->text.len);
    text[last->text.len] = '&'; /* which no term begins with */
    memcpy(text + last->text.len + 1, f->text.ptr, f->text.len);
    last->text = slice_make(text, last->text.len + 1 + f->text.len);
    return STATUS_OK;
}

enum status clauses_split(const struct filter *f, struct arena *arena, struct clauses **out)
{
    struct clauses *c = arena_calloc(arena, 1, sizeof *c);
    *out = c;
    if (!c)
        return STATUS_NO_MEMORY;
    size_t room = (CLAUSES_BATCH + KERNEL_SLACK) * sizeof *c->docs;
    c->docs = arena_alloc(arena, room);
    c->places = arena_alloc(arena, room);
    if (!c->docs || !c->places)
        return STATUS_NO_MEMORY;
    return f ? add(c, f, arena) : STATUS_OK;
}

uint32_t clauses_not_only(const struct clauses *c, uint32_t field, struct slice path)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < c->count; i++)
        if (!filter_only_field(c->items[i].filter, field, path))
            bits |= 1u << i;
    return bits;
}

void clauses_ask(struct clauses *c, uint32_t clause, const uint32_t *docids, uint32_t count,
                 uint64_t bits[CLAUSES_WORDS])
{
    if (filter_bits(c->items[clause].filter, docids, count, bits))
        return;
    memcpy(c->docs, docids, count * sizeof *docids);
    for (uint32_t i = 0; i < count; i++)
        c->places[i] = i;
    uint32_t kept = filter_keep(c->items[clause].filter, c->docs, c->places, count);
    memset(bits, 0, (count + 63) / 64 * sizeof *bits);
    for (uint32_t i = 0; i < kept; i++)
        bits[c->places[i] >> 6] |= (uint64_t)1 << (c->places[i] & 63);
}
