#include "index/source_private.h"

/*
 * Documents of a source with parts that may still enter the top. What a part says of a document is
 * no more than a share of it: other parts may add classes. But one of them has the impact that
 * counts, so it is enough to look, in each list by itself, for documents that would reach far
 * enough with every class added; the few that there are get their scores by being looked up in all
 * lists. Lists are scanned by cursors of their own, which are ahead of those that look up.
 */

static uint32_t classes_of(const struct source *x)
{
    uint32_t classes = 0;
    for (uint32_t i = 0; i < x->part_count; i++)
        for (int c = 0; c < 32; c += 8)
            classes |= x->parts[i]->p.max_bound >> c & 0xf0;
    return classes;
}

/* Most that evidence becomes by what others add: no better class, or theirs is the impact. */
static const uint32_t *most_by_evidence(const struct source *x)
{
    const uint32_t *lut = x->part_weight.lut;
    uint32_t *most = arena_alloc(x->arena, 256 * sizeof *most), classes = classes_of(x);
    for (uint32_t e = 0; most && e < 256; e++) {
        uint32_t best = e >> 4 ? (uint32_t)__builtin_ctz(e >> 4) : 0;
        most[e] = e >> 4 ? lut[e | (classes & (0xf0u << best) & 0xf0)] : 0;
    }
    return most;
}

static struct list *clone(const struct source *x, const struct list *l,
                          struct postings_weight weight)
{
    char *room = arena_alloc(x->arena, sizeof *l + 64);
    if (!room)
        return NULL;
    struct list *copy = (struct list *)(void *)(room + (64 - (uintptr_t)room % 64) % 64);
    copy->p = l->p;
    postings_settle(&copy->p);
    list_init(copy, weight, x->work);
    return copy;
}

static enum status begin_scan(struct source *x, bool parts)
{
    uint32_t lists = parts ? 0 : x->list_count, n = lists + x->part_count;
    struct postings_weight weight = x->part_weight;
    weight.lut = most_by_evidence(x);
    x->scan = arena_alloc(x->arena, n * sizeof *x->scan);
    if (!x->scan || !weight.lut)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        bool part = i >= lists;
        const struct list *l = part ? x->parts[i - lists] : x->lists[i];
        x->scan[i] = clone(x, l, part ? weight : l->weight);
        if (!x->scan[i])
            return STATUS_NO_MEMORY;
        x->scan_count = i + 1;
    }
    return STATUS_OK;
}

/* Marks the documents of a list in [from, to) that reach `least`. */
static enum status mark(struct list *l, struct source_room *room, uint32_t base, uint32_t from,
                        uint32_t to, uint32_t least)
{
    struct kernel_window *w = &room->best;
    l->cur = postings_seek_block(&l->p, l->cur, from);
    for (uint32_t b = l->cur; b < l->p.block_count && (b == 0 || l->p.last[b - 1] + 1 < to); b++) {
        if (list_block_bound(l, b) < least)
            continue;
        enum status st = list_load(l, b);
        if (st)
            return st;
        list_score(l);
        uint32_t n = l->block.count;
        memcpy(room->docs, l->block.docs, n * sizeof *room->docs);
        memcpy(room->scores, l->scores, n * sizeof *room->scores);
        n = kernels_best()->keep(room->docs, room->scores, n, least);
        for (uint32_t i = 0; i < n; i++)
            if (room->docs[i] >= from && room->docs[i] < to) {
                w->score[room->docs[i] - base] = 1;
                w->dirty[(room->docs[i] - base) / KERNEL_GRANULE] = 1;
            }
    }
    return STATUS_OK;
}

bool source_may_take_best(const struct source *x, bool parts)
{
    return x->joined && x->part_count && !x->part_run.count && (parts || !x->run.count);
}

enum status source_take_best(struct source *x, bool parts, struct source_room *room, uint32_t from,
                             uint32_t to, uint32_t least, uint32_t *docs, uint32_t *scores,
                             uint32_t *count)
{
    uint32_t base = from / KERNEL_WINDOW * KERNEL_WINDOW;
    enum status st = x->scan_count ? STATUS_OK : begin_scan(x, parts);
    for (uint32_t i = 0; !st && i < x->scan_count; i++)
        st = mark(x->scan[i], room, base, from, to, least);
    *count = kernels_best()->drain(&room->best, base, 1, docs, scores);
    memset(scores, 0, *count * sizeof *scores);
    return st || !*count ? st : source_probe(x, room, docs, scores, count, true, true);
}
