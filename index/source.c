#include "index/source.h"
#include "index/begun.h"

#include "index/source_private.h"

enum {
    RUN_LIST = 128,   /* lists up to here are merged into the run */
    RUN_MOST = 32768, /* postings of a run: longer ones stay lists */
    READY_SCORE = 512 /* evidence of words found side by side, of 1..1023 */
};

/* Names of what is no term: of documents found side by side, of what a beginning begins. */
#define READY_NAME  ((uint64_t)1 << 63)
#define PREFIX_NAME ((uint64_t)1 << 62)

static const uint32_t *identity(struct arena *arena)
{
    uint32_t *t = arena_alloc(arena, 256 * sizeof *t);
    for (uint32_t i = 0; t && i < 256; i++)
        t[i] = i;
    return t;
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
    x->found[x->found_count++] = (struct found_list){*p, weight, part, false, NULL};
    x->count += p->df;
    x->weights = sizes_mix(x->weights, (uint64_t)weight.tier << 32 | weight.idf);
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
    for (uint32_t k = x->ready_count; k < n; k++)
        x->name = sizes_mix(x->name, ready[k] | READY_NAME);
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
        if ((st = pulse_beat(segment_pulse(o->segment), 4)))
            break;
        if (g->items[i].docs) {
            st = note_ready(o, &g->items[i], tiers);
            continue;
        }
        st = segment_find_term(o->segment, g->items[i].term, &ordinal);
        if (st == STATUS_NOT_FOUND) {
            st = STATUS_OK;
            continue;
        }
        o->x->name = sizes_mix(o->x->name, ordinal);
        uint32_t tier = tiers && g->items[i].tier ? MATCH_TIER : 0;
        o->x->beyond |= !slice_starts(g->items[i].term, g->prefix);
        if (!st)
            st = note(o, postings_open(o->segment, ordinal, &p), &p,
                      (struct postings_weight){lut, g->items[i].idf, tier}, false);
    }
    return st;
}

/* The list that is ready for the beginning, and terms beside it. */
static enum status note_ready_prefix(struct opening *o, const struct segment_prefix *ready,
                                     struct postings_weight weight)
{
    struct source *x = o->x;
    bool parts = ready->apart_count != 0;
    struct postings_weight evidence = weight;
    if (parts)
        evidence = (struct postings_weight){identity(o->arena), 1, 0};
    if (!evidence.lut)
        return STATUS_NO_MEMORY;
    enum status st = note(o, STATUS_OK, &ready->rest, evidence, parts);
    if (!st)
        x->found[x->found_count - 1].whole = !parts;
    x->joined = parts;
    for (uint32_t i = 0; !st && i < ready->apart_count; i++) {
        struct postings p;
        st = note(o, postings_open(o->segment, ready->apart[i], &p), &p, evidence, true);
    }
    return st;
}

static enum status note_prefix(struct opening *o, const struct group *g, const uint32_t *lut,
                               bool tiers)
{
    struct segment_prefix ready;
    struct postings p;
    uint32_t lo, hi;
    struct postings_weight weight = {lut, g->prefix_idf, tiers ? MATCH_TIER : 0};
    enum status st = segment_open_prefix(o->segment, g->prefix, &ready);
    o->x->part_weight = weight;
    o->x->weights = sizes_mix(o->x->weights, (uint64_t)weight.tier << 32 | weight.idf);
    if (st != STATUS_NOT_FOUND) {
        for (size_t i = 0; i < g->prefix.len; i++)
            o->x->name = sizes_mix(o->x->name, PREFIX_NAME | (uint8_t)g->prefix.ptr[i]);
        return st ? st : note_ready_prefix(o, &ready, weight);
    }
    st = begun_range(o->segment, g, &lo, &hi);
    o->x->name = sizes_mix(o->x->name, PREFIX_NAME | (uint64_t)lo << 29 | hi);
    struct postings_weight evidence = {hi - lo > 1 ? identity(o->arena) : lut, 1, 0};
    if (!st && !evidence.lut)
        st = STATUS_NO_MEMORY;
    if (hi - lo == 1) /* nothing to put together */
        evidence = weight;
    for (uint32_t t = lo; !st && t < hi; t++) {
        st = pulse_beat(segment_pulse(o->segment), 4);
        if (!st)
            st = note(o, postings_open(o->segment, t, &p), &p, evidence, hi - lo > 1);
    }
    return st;
}

/* --- settling ----------------------------------------------------------------------------------
 */

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
        st = source_make_run(x, in_run, totals[0], false, &x->run);
    if (!st && totals[1])
        st = source_make_run(x, in_run, totals[1], true, &x->part_run);
    if (st)
        return st;
    if (x->part_count) {
        x->part_bound = part_bound(x);
        raise(x, x->part_bound);
    } else if (totals[1]) {
        source_score_run(x, &x->part_run);
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

void source_account(const struct source *x)
{
    struct query_work *work = x->work;
    for (uint32_t i = 0; i < x->list_count; i++)
        list_account(x->lists[i], work);
    for (uint32_t i = 0; i < x->part_count; i++)
        list_account(x->parts[i], work);
    for (uint32_t i = 0; i < x->scan_count; i++)
        work->blocks_decoded += x->scan[i]->decoded;
    work->postings_read += x->run.count + x->part_run.count;
}
