#include "index/source.h"

enum {
    RUN_LIST = 128,   /* lists up to here are merged into the run */
    RUN_MOST = 32768, /* postings of a run: longer ones stay lists */
    RADIX_BITS = 8,
    READY_SCORE = 512 /* evidence of words found side by side, of 1..1023 */
};

static const uint32_t *identity(struct arena *arena)
{
    uint32_t *t = arena_alloc(arena, 256 * sizeof *t);
    for (uint32_t i = 0; t && i < 256; i++)
        t[i] = i;
    return t;
}

static uint32_t better(uint32_t a, uint32_t b)
{
    if (!a || !b)
        return a | b;
    uint32_t ca = (uint32_t)__builtin_ctz(a >> 4 | 16), cb = (uint32_t)__builtin_ctz(b >> 4 | 16);
    uint32_t x = a & 15, y = b & 15;
    uint32_t impact = ca < cb ? x : cb < ca ? y : x > y ? x : y;
    return ((a | b) & 0xf0) | impact;
}

/* --- opening ---------------------------------------------------------------------------------- */

struct opening {
    struct source *x;
    const struct segment *segment;
    struct arena *arena;
};

static enum status note(struct opening *o, enum status st, const struct postings *p,
                        struct postings_weight weight, bool part)
{
    struct source *x = o->x;
    if (st)
        return st;
    if (x->found_count == x->found_cap) {
        uint32_t cap = x->found_cap ? x->found_cap * 4 : 4;
        struct found_list *found = arena_alloc(o->arena, cap * sizeof *found);
        if (!found)
            return STATUS_NO_MEMORY;
        for (uint32_t i = 0; i < x->found_count; i++)
            found[i] = x->found[i];
        x->found = found;
        x->found_cap = cap;
    }
    x->found[x->found_count++] = (struct found_list){*p, weight, part, false};
    x->count += p->df;
    return STATUS_OK;
}

/* Documents that the alternative itself carries; those of this segment. */
static enum status note_ready(struct opening *o, const struct alternative *a, bool tiers)
{
    struct source *x = o->x;
    uint32_t base = segment_base(o->segment), end = base + segment_doc_count(o->segment);
    uint32_t score = (tiers && a->tier ? MATCH_TIER : 0) + a->idf * READY_SCORE;
    uint64_t *ready =
        arena_alloc(o->arena, ((size_t)x->ready_count + a->doc_count + 1) * sizeof *ready);
    if (!ready)
        return STATUS_NO_MEMORY;
    uint32_t n = x->ready_count;
    if (n)
        memcpy(ready, x->ready, n * sizeof *ready);
    for (uint32_t k = 0; k < a->doc_count; k++)
        if (a->docs[k] >= base && a->docs[k] < end)
            ready[n++] = (uint64_t)(a->docs[k] - base) << 32 | score;
    x->ready = ready;
    x->count += n - x->ready_count;
    x->ready_count = n;
    return STATUS_OK;
}

static enum status note_terms(struct opening *o, const struct group *g, const uint32_t *lut,
                              bool tiers)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < g->count; i++) {
        struct postings p;
        uint32_t ordinal;
        if (g->items[i].docs) {
            st = note_ready(o, &g->items[i], tiers);
            continue;
        }
        st = segment_find_term(o->segment, g->items[i].term, &ordinal);
        if (st == STATUS_NOT_FOUND) {
            st = STATUS_OK;
            continue;
        }
        uint32_t tier = tiers && g->items[i].tier ? MATCH_TIER : 0;
        o->x->beyond |= !slice_starts(g->items[i].term, g->prefix);
        if (!st)
            st = note(o, postings_open(o->segment, ordinal, &p), &p,
                      (struct postings_weight){lut, g->items[i].idf, tier}, false);
    }
    return st;
}

static enum status note_prefix(struct opening *o, const struct group *g, const uint32_t *lut,
                               bool tiers)
{
    struct postings p;
    uint32_t lo, hi;
    struct postings_weight weight = {lut, g->prefix_idf, tiers ? MATCH_TIER : 0};
    enum status st = postings_open_prefix(o->segment, g->prefix, &p);
    if (st != STATUS_NOT_FOUND) {
        st = note(o, st, &p, weight, false);
        if (!st)
            o->x->found[o->x->found_count - 1].whole = true;
        return st;
    }
    st = segment_prefix_range(o->segment, g->prefix, &lo, &hi);
    o->x->part_weight = weight;
    struct postings_weight evidence = {hi - lo > 1 ? identity(o->arena) : lut, 1, 0};
    if (!st && !evidence.lut)
        st = STATUS_NO_MEMORY;
    if (hi - lo == 1) /* nothing to put together */
        evidence = weight;
    for (uint32_t t = lo; !st && t < hi; t++)
        st = note(o, postings_open(o->segment, t, &p), &p, evidence, hi - lo > 1);
    return st;
}

/* --- runs ------------------------------------------------------------------------------------- */

static void radix_pass(const uint64_t *in, uint64_t *out, uint32_t n, uint32_t shift)
{
    uint32_t start[(1 << RADIX_BITS) + 1] = {0};
    for (uint32_t i = 0; i < n; i++)
        start[(in[i] >> shift & 0xff) + 1]++;
    for (uint32_t v = 1; v < 1 << RADIX_BITS; v++)
        start[v] += start[v - 1];
    for (uint32_t i = 0; i < n; i++)
        out[start[in[i] >> shift & 0xff]++] = in[i];
}

/* Sorts (doc << 32 | value) by document; docs have at most 24 bits. */
static uint64_t *sort_pairs(uint64_t *pairs, uint64_t *room, uint32_t n)
{
    if (n < 48) {
        for (uint32_t i = 1; i < n; i++) {
            uint64_t v = pairs[i];
            uint32_t at = i;
            for (; at && pairs[at - 1] > v; at--)
                pairs[at] = pairs[at - 1];
            pairs[at] = v;
        }
        return pairs;
    }
    radix_pass(pairs, room, n, 32);
    radix_pass(room, pairs, n, 40);
    radix_pass(pairs, room, n, 48);
    return room;
}

static enum status read_pairs(struct found_list *p, uint64_t *out)
{
    struct postings_block block;
    uint32_t scores[POSTINGS_BLOCK + KERNEL_SLACK];
    postings_settle(&p->p);
    for (uint32_t b = 0; b < p->p.block_count; b++) {
        enum status st = postings_decode_docs(&p->p, b, &block);
        if (!st)
            st = postings_decode_scores(&p->p, b, &p->weight, scores);
        if (st)
            return st;
        for (uint32_t i = 0; i < block.count; i++)
            *out++ = (uint64_t)block.docs[i] << 32 | scores[i];
    }
    return STATUS_OK;
}

/* Makes sorted pairs a run; `part`: values are evidence. */
static void fill_run(const uint64_t *pairs, uint32_t n, bool part, struct run *out)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t doc = (uint32_t)(pairs[i] >> 32), value = (uint32_t)pairs[i];
        if (k && out->docs[k - 1] == doc) {
            uint32_t *v = &out->values[k - 1];
            *v = part ? better(*v, value) : value > *v ? value : *v;
        } else {
            out->docs[k] = doc;
            out->values[k++] = value;
        }
    }
    out->count = k;
}

/* Merges the found lists that are marked (all without marks) and are parts or not, into one run. */
static enum status make_run(struct source *x, const bool *marked, uint32_t total, bool part,
                            struct run *out)
{
    uint64_t *pairs = arena_alloc(x->arena, ((size_t)total + 1) * sizeof *pairs * 2),
             *room = pairs + total;
    out->docs = arena_alloc(x->arena, ((size_t)total + 1) * sizeof *out->docs);
    out->values = arena_alloc(x->arena, ((size_t)total + 1) * sizeof *out->values);
    if (!pairs || !out->docs || !out->values)
        return STATUS_NO_MEMORY;
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->found_count; i++) {
        if ((marked && !marked[i]) || x->found[i].part != part)
            continue;
        enum status st = read_pairs(&x->found[i], pairs + n);
        if (st)
            return st;
        n += x->found[i].p.df;
    }
    if (!part)
        for (uint32_t i = 0; i < x->ready_count; i++)
            pairs[n++] = x->ready[i];
    fill_run(sort_pairs(pairs, room, n), n, part, out);
    return STATUS_OK;
}

static uint32_t run_bound(const struct run *r)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < r->count; i++)
        best = r->values[i] > best ? r->values[i] : best;
    return best;
}

/* Evidence put together scores no more than this. */
static uint32_t part_bound(const struct source *x)
{
    const struct postings_weight *w = &x->part_weight;
    uint32_t best = 0;
    for (uint32_t e = 16; e < 256; e++)
        best = w->lut[e] > best ? w->lut[e] : best;
    return w->tier + w->idf * best;
}

static enum status place_list(struct source *x, const struct found_list *f)
{
    char *room = arena_alloc(x->arena, sizeof(struct list) + 64);
    if (!room)
        return STATUS_NO_MEMORY;
    struct list *l = (struct list *)(void *)(room + (64 - (uintptr_t)room % 64) % 64);
    l->p = f->p;
    postings_settle(&l->p);
    list_init(l, f->weight, x->work);
    enum status st = l->p.df < POSTINGS_BLOCK / 4 ? list_measure(l) : STATUS_OK;
    if (f->part) {
        x->parts[x->part_count++] = l;
    } else {
        if (f->whole)
            x->whole = l;
        x->lists[x->list_count++] = l;
        x->bound = l->bound > x->bound ? l->bound : x->bound;
    }
    return st;
}

/* Evidence of which nothing is missing becomes scores. */
static void score_run(const struct source *x, struct run *r)
{
    const struct postings_weight *w = &x->part_weight;
    for (uint32_t i = 0; i < r->count; i++)
        r->values[i] = w->tier + w->idf * w->lut[r->values[i] & 0xff];
}

static void raise(struct source *x, uint32_t bound)
{
    x->bound = bound > x->bound ? bound : x->bound;
}

enum status source_settle(struct source *x)
{
    uint32_t n = x->found_count, totals[2] = {0};
    x->beyond |= x->ready_count != 0;
    bool *in_run = arena_calloc(x->arena, n + 1, 1);
    x->lists = arena_alloc(x->arena, (n + 1) * sizeof(struct list *));
    x->parts = arena_alloc(x->arena, (n + 1) * sizeof(struct list *));
    if (!in_run || !x->lists || !x->parts)
        return STATUS_NO_MEMORY;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < n; i++) {
        const struct found_list *f = &x->found[i];
        uint32_t *total = &totals[f->part];
        in_run[i] = n > 1 && f->p.df <= RUN_LIST && *total + f->p.df <= RUN_MOST;
        if (in_run[i])
            *total += f->p.df;
        else
            st = place_list(x, f);
    }
    totals[0] += x->ready_count;
    if (!st && totals[0])
        st = make_run(x, in_run, totals[0], false, &x->run);
    if (!st && totals[1])
        st = make_run(x, in_run, totals[1], true, &x->part_run);
    if (st)
        return st;
    if (x->part_count) {
        raise(x, part_bound(x));
    } else if (totals[1]) {
        score_run(x, &x->part_run);
        raise(x, run_bound(&x->part_run));
    }
    raise(x, run_bound(&x->run));
    if (x->beyond || x->part_count || x->part_run.count)
        x->whole = NULL;
    return STATUS_OK;
}

enum status source_open(struct source *x, const struct segment *s, const struct group *g,
                        const uint32_t *lut, bool tiers, struct arena *arena,
                        struct query_work *work)
{
    struct opening o = {.x = x, .segment = s, .arena = arena};
    *x = (struct source){.arena = arena, .work = work};
    enum status st = note_terms(&o, g, lut, tiers);
    if (!st && g->prefix.len)
        st = note_prefix(&o, g, lut, tiers);
    return st;
}

/* --- few documents ---------------------------------------------------------------------------- */

/* A list of one block. */
static enum status all_of_one(struct found_list *f, uint32_t *docs, uint32_t *scores,
                              uint32_t *count)
{
    struct postings_block block;
    postings_settle(&f->p);
    enum status st = postings_decode_docs(&f->p, 0, &block);
    if (!st)
        st = postings_decode_scores(&f->p, 0, &f->weight, scores);
    if (st)
        return st;
    memcpy(docs, block.docs, block.count * sizeof *docs);
    *count = block.count;
    return STATUS_OK;
}

enum status source_all(struct source *x, uint32_t *docs, uint32_t *scores, uint32_t *count)
{
    uint64_t pairs[2 * POSTINGS_BLOCK], room[2 * POSTINGS_BLOCK];
    struct run both = {docs, scores, 0, 0}, runs[2] = {{0}};
    uint32_t n = 0;
    if (x->found_count == 1 && !x->ready_count && !x->found[0].part)
        return all_of_one(&x->found[0], docs, scores, count);
    for (uint32_t part = 0; part < 2; part++) {
        enum status st = make_run(x, NULL, x->count, part, &runs[part]);
        if (st)
            return st;
        if (part)
            score_run(x, &runs[part]);
        for (uint32_t i = 0; i < runs[part].count; i++)
            pairs[n++] = (uint64_t)runs[part].docs[i] << 32 | runs[part].values[i];
    }
    fill_run(sort_pairs(pairs, room, n), n, false, &both);
    *count = both.count;
    return STATUS_OK;
}

/* The best of docs[i] in one list to best[i]. */
static enum status pick_list(struct found_list *f, struct source_room *room, const uint32_t *docs,
                             uint32_t count, uint32_t *best, struct query_work *work)
{
    struct list l;
    l.p = f->p;
    postings_settle(&l.p);
    list_init(&l, f->weight, work);
    uint32_t n;
    enum status st = list_probe(&l, docs, count, room->index, room->score, &n);
    for (uint32_t k = 0; !st && k < n; k++) {
        uint32_t *b = &best[room->index[k]], v = room->score[k];
        *b = f->part ? better(*b, v) : v > *b ? v : *b;
    }
    list_account(&l, work);
    return st;
}

/* The same of a list so short that all of it is held against the documents. */
static enum status pick_tiny(struct found_list *f, const uint32_t *docs, uint32_t *best)
{
    struct postings_block block;
    uint16_t ia[POSTINGS_BLOCK + KERNEL_SLACK], ib[POSTINGS_BLOCK + KERNEL_SLACK];
    postings_settle(&f->p);
    enum status st = postings_decode(&f->p, 0, &block);
    if (st)
        return st;
    uint32_t n = kernels_best()->common(block.docs, block.count, docs, ia, ib);
    for (uint32_t k = 0; k < n; k++) {
        uint32_t v = f->weight.tier + f->weight.idf * f->weight.lut[block.evidence[ia[k]]],
                 *b = &best[ib[k]];
        *b = f->part ? better(*b, v) : v > *b ? v : *b;
    }
    return STATUS_OK;
}

static void pick_ready(const struct source *x, const uint32_t *docs, uint32_t count, uint32_t *best)
{
    for (uint32_t i = 0; i < x->ready_count; i++) {
        uint32_t doc = (uint32_t)(x->ready[i] >> 32), v = (uint32_t)x->ready[i], low = 0,
                 high = count;
        while (low < high) {
            uint32_t mid = (low + high) / 2;
            if (docs[mid] < doc)
                low = mid + 1;
            else
                high = mid;
        }
        if (low < count && docs[low] == doc)
            best[low] = v > best[low] ? v : best[low];
    }
}

enum status source_pick(struct source *x, struct source_room *room, uint32_t *docs,
                        uint32_t *scores, uint32_t *count)
{
    const struct postings_weight *w = &x->part_weight;
    uint32_t n = *count, k = 0, best[2][POSTINGS_BLOCK];
    memset(best, 0, sizeof best);
    for (uint32_t i = 0; i < KERNEL_SLACK; i++)
        docs[n + i] = UINT32_MAX;
    for (uint32_t i = 0; i < x->found_count; i++) {
        struct found_list *f = &x->found[i];
        enum status st = f->p.df < 16 ? pick_tiny(f, docs, best[f->part])
                                      : pick_list(f, room, docs, n, best[f->part], x->work);
        if (st)
            return st;
    }
    pick_ready(x, docs, n, best[0]);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t v = best[0][i], p = best[1][i];
        p = p ? w->tier + w->idf * w->lut[p & 0xff] : 0;
        v = p > v ? p : v;
        docs[k] = docs[i];
        scores[k] = scores[i] + v;
        k += v != 0;
    }
    *count = k;
    return STATUS_OK;
}

void source_account(const struct source *x)
{
    struct query_work *work = x->work;
    for (uint32_t i = 0; i < x->list_count; i++)
        list_account(x->lists[i], work);
    for (uint32_t i = 0; i < x->part_count; i++)
        list_account(x->parts[i], work);
    work->postings_read += x->run.count + x->part_run.count;
}

/* --- windows ---------------------------------------------------------------------------------- */

/* First place at or behind r->at with a document >= from. */
static uint32_t run_seek(struct run *r, uint32_t from)
{
    uint32_t at = r->at, step = 1;
    if (at >= r->count || r->docs[at] >= from)
        return at;
    while (at + step < r->count && r->docs[at + step] < from) {
        at += step;
        step *= 2;
    }
    uint32_t low = at + 1, high = at + step < r->count ? at + step : r->count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (r->docs[mid] < from)
            low = mid + 1;
        else
            high = mid;
    }
    return r->at = low;
}

static uint32_t run_next(struct run *r, uint32_t from)
{
    uint32_t at = run_seek(r, from);
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

uint32_t source_bound_in(struct source *x, uint32_t from, uint32_t to)
{
    uint32_t best = 0;
    if (x->part_count || x->run.count || x->part_run.count)
        return x->bound;
    for (uint32_t i = 0; i < x->list_count; i++) {
        uint32_t v = list_bound_in(x->lists[i], from, to);
        best = v > best ? v : best;
    }
    return best;
}

enum fold { FOLD_SUM, FOLD_MAX, FOLD_EVIDENCE };

static inline void fold(struct kernel_window *w, uint32_t place, uint32_t value, enum fold how)
{
    uint32_t *v = &w->score[place];
    *v = how == FOLD_SUM   ? *v + value
         : how == FOLD_MAX ? (value > *v ? value : *v)
                           : better(*v, value);
    w->dirty[place / KERNEL_GRANULE] = 1;
}

static inline enum status fold_list(struct list *l, struct kernel_window *w, uint32_t base,
                                    uint32_t from, uint32_t to, enum fold how)
{
    l->cur = postings_seek_block(&l->p, l->cur, from);
    while (l->cur < l->p.block_count && (l->cur == 0 || l->p.last[l->cur - 1] + 1 < to)) {
        enum status st = list_load(l, l->cur);
        if (!st)
            st = list_score(l);
        if (st)
            return st;
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
    uint32_t at = run_seek(r, from);
    for (; at < r->count && r->docs[at] < to; at++)
        fold(w, r->docs[at] - base, r->values[at], how);
    r->at = at;
}

/* Evidence of all parts, put together by document, then scored. */
static enum status take_parts(struct source *x, struct source_room *room, uint32_t base,
                              uint32_t from, uint32_t to, uint32_t *docs, uint32_t *scores,
                              uint32_t *count)
{
    const struct postings_weight *w = &x->part_weight;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < x->part_count; i++)
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
        st = take_parts(x, room, base, from, to, docs, scores, count);
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
    struct list *single = source_single(x);
    if (single)
        return fold_list(single, w, base, from, to, FOLD_SUM);
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
            *b = evidence ? better(*b, v) : v > *b ? v : *b;
        }
    }
    return STATUS_OK;
}

static void best_of_run(struct run *r, const uint32_t *docs, uint32_t count, uint32_t *best,
                        bool evidence)
{
    for (uint32_t i = 0; i < count && r->at < r->count; i++) {
        uint32_t at = run_seek(r, docs[i]);
        if (at < r->count && r->docs[at] == docs[i]) {
            uint32_t v = r->values[at];
            best[i] = evidence ? better(best[i], v) : v > best[i] ? v : best[i];
        }
    }
}

enum status source_probe(struct source *x, struct source_room *room, uint32_t *docs,
                         uint32_t *scores, uint32_t *count, bool required, bool scored)
{
    struct list *single = source_single(x);
    uint32_t n = *count, k = 0;
    if (single)
        return probe_list(single, room, docs, scores, count, required, scored);
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
