#include "index/source_private.h"

/* Reading a settled source forward: window by window, or where some documents are. */

static uint32_t run_next(struct run *r, uint32_t from)
{
    uint32_t at = source_run_seek(r, from);
    return at < r->count ? r->docs[at] : DOC_NONE;
}

uint32_t source_next(struct source *x, uint32_t from)
{
    uint32_t a = run_next(&x->run, from), b = run_next(&x->part_run, from), best = a < b ? a : b;
    for (uint32_t i = 0; best > from && i < x->list_count + x->part_count; i++) {
        struct list *l = i < x->list_count ? x->lists[i] : x->parts[i - x->list_count];
        uint32_t d = list_next(l, from);
        best = d < best ? d : best;
    }
    return best;
}

uint32_t source_next_part(struct source *x, uint32_t from)
{
    uint32_t best = run_next(&x->part_run, from);
    for (uint32_t i = 0; best > from && i < x->part_count; i++) {
        uint32_t d = list_next(x->parts[i], from);
        best = d < best ? d : best;
    }
    return best;
}

/* Most that evidence put together scores, of which the lists say no more than this. Whatever class
 * is the best, others may come from another list. */
static uint32_t score_together(const struct postings_weight *w, const struct list_reach *r)
{
    uint32_t classes = 0, best = 0;
    for (int c = 0; c < 32; c += 8)
        classes |= r->bound >> c & 0xf0;
    for (uint32_t c = 0; c < EVIDENCE_CLASSES; c++) {
        uint32_t lane = r->bound >> 8 * c & 0xff,
                 with = r->lists > 1 ? (classes & 0xf0u << c) | (lane & 15) : lane,
                 v = lane & 0xf0 ? w->lut[with & 0xff] : 0;
        best = v > best ? v : best;
    }
    return best ? w->tier + w->idf * best : 0;
}

uint32_t source_reach_parts(struct source *x, uint32_t from, uint32_t to, uint32_t *tie)
{
    struct list_reach r = list_reach_nothing;
    for (uint32_t i = 0; i < x->part_count; i++)
        list_reach(x->parts[i], from, to, &r);
    *tie = r.tie;
    return score_together(&x->part_weight, &r);
}

uint32_t source_reach(struct source *x, uint32_t from, uint32_t to, uint32_t *tie)
{
    uint32_t best = 0;
    *tie = 0;
    if (x->run.count || x->part_run.count)
        return x->bound;
    if (x->part_count)
        best = source_reach_parts(x, from, to, tie);
    else
        *tie = UINT32_MAX;
    for (uint32_t i = 0; i < x->list_count; i++) {
        struct list_reach r = list_reach_nothing;
        uint32_t v = list_bound_in(x->lists[i], from, to);
        list_reach(x->lists[i], from, to, &r);
        best = v > best ? v : best;
        *tie = r.tie < *tie ? r.tie : *tie;
    }
    return best;
}

uint32_t source_bound_in(struct source *x, uint32_t from, uint32_t to)
{
    uint32_t best = 0, tie;
    if (x->run.count || x->part_run.count)
        return x->bound;
    if (x->part_count)
        best = source_reach_parts(x, from, to, &tie);
    for (uint32_t i = 0; i < x->list_count; i++) {
        uint32_t v = list_bound_in(x->lists[i], from, to);
        best = v > best ? v : best;
    }
    return best;
}

enum fold { FOLD_SUM, FOLD_MAX, FOLD_EVIDENCE, FOLD_FIRST /* nothing is there yet */ };

static inline void fold(struct kernel_window *w, uint32_t place, uint32_t value, enum fold how)
{
    uint32_t *v = &w->score[place];
    *v = how == FOLD_SUM     ? *v + value
         : how == FOLD_MAX   ? (value > *v ? value : *v)
         : how == FOLD_FIRST ? value
         : *v                ? postings_better(*v, value)
                             : value;
    w->dirty[place / KERNEL_GRANULE] = 1;
}

static inline enum status fold_list(struct list *l, struct kernel_window *w, uint32_t base,
                                    uint32_t from, uint32_t to, enum fold how)
{
    l->cur = postings_seek_block(&l->p, l->cur, from);
    while (l->cur < l->p.block_count && (l->cur == 0 || l->p.last[l->cur - 1] + 1 < to)) {
        enum status st = list_load(l, l->cur);
        if (st)
            return st;
        list_score(l);
        uint32_t at = l->at, n = l->block.count;
        while (at < n && l->block.docs[at] < from)
            at++;
        for (; at < n && l->block.docs[at] < to; at++)
            fold(w, l->block.docs[at] - base, l->scores[at], how);
        l->at = at;
        if (at < n)
            break;
        l->cur++;
    }
    return STATUS_OK;
}

static void fold_run(struct run *r, struct kernel_window *w, uint32_t base, uint32_t from,
                     uint32_t to, enum fold how)
{
    uint32_t at = source_run_seek(r, from);
    for (; at < r->count && r->docs[at] < to; at++)
        fold(w, r->docs[at] - base, r->values[at], how);
    r->at = at;
}

/* Evidence of all parts, put together by document, then scored. */
enum status source_take_parts(struct source *x, struct source_room *room, uint32_t base,
                              uint32_t from, uint32_t to, uint32_t *docs, uint32_t *scores,
                              uint32_t *count)
{
    const struct postings_weight *w = &x->part_weight;
    enum status st = STATUS_OK;
    if (x->part_count)
        st = fold_list(x->parts[0], &room->evidence, base, from, to, FOLD_FIRST);
    for (uint32_t i = 1; !st && i < x->part_count; i++)
        st = fold_list(x->parts[i], &room->evidence, base, from, to, FOLD_EVIDENCE);
    if (x->part_run.count)
        fold_run(&x->part_run, &room->evidence, base, from, to, FOLD_EVIDENCE);
    *count = kernels_best()->drain(&room->evidence, base, 1, docs, scores);
    for (uint32_t i = 0; i < *count; i++)
        scores[i] = w->tier + w->idf * w->lut[scores[i] & 0xff];
    return st;
}

enum status source_take(struct source *x, struct source_room *room, uint32_t base, uint32_t from,
                        uint32_t to, uint32_t *docs, uint32_t *scores, uint32_t *count)
{
    enum status st = STATUS_OK;
    *count = 0;
    if (x->part_count)
        st = source_take_parts(x, room, base, from, to, docs, scores, count);
    if (st || (x->part_count && !x->list_count && !x->run.count))
        return st;
    for (uint32_t i = 0; i < *count; i++)
        fold(&room->best, docs[i] - base, scores[i], FOLD_MAX);
    for (uint32_t i = 0; !st && i < x->list_count; i++)
        st = fold_list(x->lists[i], &room->best, base, from, to, FOLD_MAX);
    fold_run(&x->run, &room->best, base, from, to, FOLD_MAX);
    if (!x->part_count)
        fold_run(&x->part_run, &room->best, base, from, to, FOLD_MAX);
    *count = kernels_best()->drain(&room->best, base, 1, docs, scores);
    return st;
}

enum status source_add(struct source *x, struct source_room *room, struct kernel_window *w,
                       uint32_t base, uint32_t from, uint32_t to)
{
    if (source_is_single(x))
        return fold_list(x->lists[0], w, base, from, to, FOLD_SUM);
    uint32_t n;
    enum status st = source_take(x, room, base, from, to, room->docs, room->scores, &n);
    for (uint32_t i = 0; i < n; i++)
        fold(w, room->docs[i] - base, room->scores[i], FOLD_SUM);
    return st;
}

/* --- probing ---------------------------------------------------------------------------------- */

static enum status probe_list(struct list *l, struct source_room *room, uint32_t *docs,
                              uint32_t *scores, uint32_t *count, bool required, bool scored)
{
    uint32_t n;
    enum status st = list_probe(l, docs, *count, room->index, scored ? room->score : NULL, &n);
    if (st)
        return st;
    if (!required) {
        for (uint32_t k = 0; k < n; k++)
            scores[room->index[k]] += room->score[k];
        return STATUS_OK;
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = room->index[k];
        docs[k] = docs[i];
        scores[k] = scores[i] + (scored ? room->score[k] : 0);
    }
    *count = n;
    return STATUS_OK;
}

static enum status best_of_lists(struct list **lists, uint32_t list_count, struct source_room *room,
                                 const uint32_t *docs, uint32_t count, uint32_t *best,
                                 bool evidence)
{
    for (uint32_t i = 0; i < list_count; i++) {
        uint32_t n;
        enum status st = list_probe(lists[i], docs, count, room->index, room->score, &n);
        if (st)
            return st;
        for (uint32_t k = 0; k < n; k++) {
            uint32_t *b = &best[room->index[k]], v = room->score[k];
            *b = evidence ? postings_better(*b, v) : v > *b ? v : *b;
        }
    }
    return STATUS_OK;
}

static void best_of_run(struct run *r, const uint32_t *docs, uint32_t count, uint32_t *best,
                        bool evidence)
{
    for (uint32_t i = 0; i < count && r->at < r->count; i++) {
        uint32_t at = source_run_seek(r, docs[i]);
        if (at < r->count && r->docs[at] == docs[i]) {
            uint32_t v = r->values[at];
            best[i] = evidence ? postings_better(best[i], v) : v > best[i] ? v : best[i];
        }
    }
}

enum status source_probe(struct source *x, struct source_room *room, uint32_t *docs,
                         uint32_t *scores, uint32_t *count, bool required, bool scored)
{
    uint32_t n = *count, k = 0;
    if (source_is_single(x))
        return probe_list(x->lists[0], room, docs, scores, count, required, scored);
    memset(room->value, 0, n * sizeof *room->value);
    enum status st = STATUS_OK;
    if (x->part_count) {
        const struct postings_weight *w = &x->part_weight;
        st = best_of_lists(x->parts, x->part_count, room, docs, n, room->value, true);
        best_of_run(&x->part_run, docs, n, room->value, true);
        for (uint32_t i = 0; i < n; i++)
            room->value[i] = room->value[i] ? w->tier + w->idf * w->lut[room->value[i] & 0xff] : 0;
    } else {
        best_of_run(&x->part_run, docs, n, room->value, false);
    }
    if (!st)
        st = best_of_lists(x->lists, x->list_count, room, docs, n, room->value, false);
    best_of_run(&x->run, docs, n, room->value, false);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t doc = docs[i], score = scores[i] + (scored ? room->value[i] : 0);
        docs[k] = doc;
        scores[k] = score;
        k += !required || room->value[i];
    }
    *count = k;
    return st;
}
