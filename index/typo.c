#include "index/typo.h"
#include "index/lev.h"
#include "index/order.h"

#include <stdlib.h>

struct finding {
    struct typo *items; /* those of earlier segments first, by term */
    uint32_t count, cap, earlier;
    struct arena *arena;
};

static enum status add(struct finding *f, struct slice term, uint32_t distance, uint64_t df)
{
    if (f->count == f->cap) {
        uint32_t cap = f->cap ? f->cap * 2 : 32;
        struct typo *items = arena_alloc(f->arena, cap * sizeof *items);
        if (!items)
            return STATUS_NO_MEMORY;
        if (f->count)
            memcpy(items, f->items, f->count * sizeof *items);
        f->items = items;
        f->cap = cap;
    }
    f->items[f->count++] = (struct typo){term, df, distance};
    return STATUS_OK;
}

/* Terms come in order, and so lie those of earlier segments: `*at` moves along them. */
static enum status note(struct finding *f, uint32_t *at, struct slice term, uint32_t distance,
                        uint64_t df)
{
    while (*at < f->earlier && slice_compare(f->items[*at].term, term) < 0)
        ++*at;
    if (*at < f->earlier && slice_equal(f->items[*at].term, term)) {
        f->items[*at].df += df;
        return STATUS_OK;
    }
    return add(f, term, distance, df);
}

static enum status walk(struct finding *f, const struct segment *s, struct slice word, uint32_t max)
{
    struct lev_walk lev;
    uint32_t at, end, known = 0;
    lev_walk_init(&lev, word, max);
    /* another first letter is two edits */
    enum status st = segment_prefix_range(s, slice_make(word.ptr, max < 2 ? 1 : 0), &at, &end);
    while (!st && at < end) {
        struct slice term, skip;
        uint32_t distance;
        st = segment_term(s, at, &term);
        if (st)
            break;
        if (lev_walk_term(&lev, term, &distance, &skip)) {
            if (distance > 0)
                st = note(f, &known, term, distance, segment_term_df(s, at));
            at++;
        } else {
            at = skip.len ? segment_step_over(s, at, end, (uint32_t)skip.len) : at + 1;
        }
    }
    return st;
}

static int by_term(const void *a, const void *b)
{
    return slice_compare(((const struct typo *)a)->term, ((const struct typo *)b)->term);
}

static int best_first(const void *a, const void *b)
{
    const struct typo *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    if (x->df != y->df)
        return x->df > y->df ? -1 : 1;
    return slice_compare(x->term, y->term);
}

/* Takes off what was killed and drops terms that nothing is left of. */
static void settle(struct finding *f, struct snapshot *snap)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        struct typo t = f->items[i];
        int64_t df = (int64_t)t.df;
        for (uint32_t k = 0; k < snapshot_segment_count(snap); k++)
            df -= segment_dead_df(snapshot_segment(snap, k), t.term);
        if (df <= 0)
            continue;
        t.df = (uint64_t)df;
        f->items[kept++] = t;
    }
    f->count = kept;
}

enum status typo_find(struct snapshot *snap, struct slice word, uint32_t max, struct arena *arena,
                      struct typo_list *out)
{
    struct finding f = {.arena = arena};
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < snapshot_segment_count(snap); i++) {
        st = walk(&f, snapshot_segment(snap, i), word, max);
        if (f.earlier && f.count > f.earlier)
            order_items(f.items, f.count, sizeof *f.items, by_term);
        f.earlier = f.count;
    }
    settle(&f, snap);
    if (f.count > 1)
        order_items(f.items, f.count, sizeof *f.items, best_first);
    *out = (struct typo_list){f.items, f.count};
    return st;
}
