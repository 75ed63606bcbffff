#include "index/match_private.h"

/*
 * Any word: MaxScore over windows of documents. Sources are ordered by what they can add; those
 * that cannot lift a document into the top even together are not read, only probed for documents
 * of the others ("essential"). As long as everything must be counted, all are essential. One
 * essential list alone is read block by block; several are added up window by window.
 */

struct any {
    struct matching *g;
    uint32_t upto[PLAN_WORDS_MAX + 1]; /* upto[i]: what the i weakest sources can add at most */
    uint32_t first;                    /* first essential */
    uint32_t floor;
};

static void order(struct any *a)
{
    struct source *s = a->g->sources;
    for (uint32_t i = 1; i < a->g->count; i++) {
        struct source x = s[i];
        uint32_t at = i;
        for (; at && s[at - 1].bound > x.bound; at--)
            s[at] = s[at - 1];
        s[at] = x;
    }
    for (uint32_t i = 0; i < a->g->count; i++)
        a->upto[i + 1] = a->upto[i] + s[i].bound;
}

static void move_floor(struct any *a)
{
    uint32_t first = a->first;
    a->floor = a->g->out->floor(a->g->out->ctx);
    while (first < PLAN_WORDS_MAX && first < a->g->count && a->upto[first + 1] < a->floor)
        first++;
    a->first = first;
}

/* Adds what the sources before the essential ones hold, dropping what falls behind. */
static enum status complete(struct any *a, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    struct matching *g = a->g;
    for (uint32_t i = a->first; i-- > 0 && count;) {
        struct list *single = source_single(&g->sources[i]);
        if (single && a->floor > a->upto[i])
            count = list_keep(single, docs, scores, count, a->floor - a->upto[i]);
        enum status s =
            source_probe(&g->sources[i], &g->m->room, docs, scores, &count, false, true);
        if (s)
            return s;
        if (a->floor > a->upto[i])
            count = kernels_best()->keep(docs, scores, count, a->floor - a->upto[i]);
    }
    return match_give(g, docs, scores, count);
}

/* Copies what reaches the floor together with `rest` out of a block, from `from` on. */
static void take_block(struct any *a, struct list *l, uint32_t from, uint32_t *count)
{
    struct matcher *m = a->g->m;
    uint32_t rest = a->upto[a->first];
    list_score(l);
    while (l->at < l->block.count && l->block.docs[l->at] < from)
        l->at++;
    *count = l->block.count - l->at;
    memcpy(m->docs, l->block.docs + l->at, *count * sizeof *m->docs);
    memcpy(m->scores, l->scores + l->at, *count * sizeof *m->scores);
    if (a->floor > rest)
        *count = kernels_best()->keep(m->docs, m->scores, *count, a->floor - rest);
}

/* One essential list: until it ends or stops being essential. */
static enum status drive_one(struct any *a, struct list *l, uint32_t from)
{
    struct matching *g = a->g;
    uint32_t alone = a->first, count;
    l->cur = postings_seek_block(&l->p, l->cur, from);
    for (; l->cur < l->p.block_count && a->first == alone; l->cur++) {
        uint32_t bound = list_block_bound(l, l->cur) + a->upto[a->first];
        if (g->out->need(g->out->ctx, bound, (uint32_t)l->p.tie[l->cur] << 16) == MATCH_SKIP)
            continue;
        enum status s = list_load(l, l->cur);
        if (s)
            return s;
        take_block(a, l, from, &count);
        s = complete(a, g->m->docs, g->m->scores, count);
        if (s)
            return s;
        move_floor(a);
    }
    return STATUS_OK;
}

static enum status drive_window(struct any *a, uint32_t from, uint32_t base)
{
    struct matching *g = a->g;
    struct matcher *m = g->m;
    uint32_t end = base + KERNEL_WINDOW, bound = a->upto[a->first], rest = bound, least = 1;
    for (uint32_t i = a->first; i < g->count; i++)
        bound += source_bound_in(&g->sources[i], from, end);
    if (g->out->need(g->out->ctx, bound, 0) == MATCH_SKIP)
        return STATUS_OK;
    for (uint32_t i = a->first; i < g->count; i++) {
        enum status s = source_add(&g->sources[i], &m->room, &m->window, base, from, end);
        if (s)
            return s;
    }
    if (a->floor > rest + 1)
        least = a->floor - rest;
    uint32_t n = kernels_best()->drain(&m->window, base, least, m->docs, m->scores);
    return complete(a, m->docs, m->scores, n);
}

enum status match_any(struct matching *g)
{
    struct any a = {.g = g};
    uint32_t doc = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        enum status s = source_settle(&g->sources[i]);
        if (s)
            return s;
    }
    order(&a);
    move_floor(&a);
    while (a.first < g->count) {
        struct list *last = a.first + 1 == g->count ? source_single(&g->sources[a.first]) : NULL;
        if (last)
            return drive_one(&a, last, doc);
        uint32_t next = DOC_NONE;
        for (uint32_t i = a.first; i < g->count; i++) {
            uint32_t d = source_next(&g->sources[i], doc);
            next = d < next ? d : next;
        }
        if (next >= g->doc_count)
            return STATUS_OK;
        uint32_t base = next / KERNEL_WINDOW * KERNEL_WINDOW;
        enum status s = drive_window(&a, next, base);
        if (s)
            return s;
        doc = base + KERNEL_WINDOW;
        move_floor(&a);
    }
    return STATUS_OK;
}
