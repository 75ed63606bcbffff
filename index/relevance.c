#include "index/relevance.h"
#include "index/kernels.h"
#include "index/probe.h"
#include "index/order.h"
#include "index/relevance_private.h"

#include <math.h>
#include <stdlib.h>

/*
 * Candidates are visited in the order of docids, term by term, so that each posting list is walked
 * once. What is noted of a word in a product is a `seen`; all parts of the score come from those.
 */

/* --- reading ---------------------------------------------------------------------------------- */

static enum status look(struct probe *probe, const struct alternative *alt, struct seen *seen)
{
    uint8_t kind = (uint8_t)(alt->kind + 1);
    if (seen->kind && seen->kind < kind && kind > ALT_FORM + 1)
        return STATUS_OK;
    uint32_t n = 0;
    enum status st =
        probe_positions(probe, seen->at + seen->count, SEEN_POSITIONS - seen->count, &n);
    seen->count = (uint8_t)(seen->count + n);
    seen->kind = seen->kind && seen->kind < kind ? seen->kind : kind;
    seen->classes |= probe_evidence(probe) >> 4;
    return st;
}

/* Words found side by side: present, but where is not kept. */
static void see_ready(struct ranking *r, const struct alternative *alt, uint32_t group,
                      uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        struct seen *seen = &r->items[i].seen[group];
        if (!seen->kind && probe_docs(alt->docs, alt->doc_count, r->items[i].candidate->docid))
            seen->kind = (uint8_t)(alt->kind + 1);
    }
}

/* One list: which of the `count` documents at hand it holds, and where in them. */
static enum status read_list(struct ranking *r, const struct segment *segment,
                             const struct alternative *alt, uint32_t group, uint32_t count)
{
    struct probe probe;
    uint16_t index[POSTINGS_BLOCK + KERNEL_SLACK], place[POSTINGS_BLOCK + KERNEL_SLACK];
    uint32_t run, hits;
    enum status st = probe_open(&probe, segment, alt->term);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    for (uint32_t i = 0; !st && i < count; i += run) {
        st = probe_run(&probe, r->docs + i, count - i, &run, index, place, &hits);
        for (uint32_t k = 0; !st && k < hits; k++) {
            probe_at(&probe, place[k]);
            st = look(&probe, alt, &r->items[r->places[i + index[k]]].seen[group]);
        }
    }
    return st;
}

/* The documents that may hold a word. */
static uint32_t take_docs(struct ranking *r, uint32_t base, uint32_t group, uint32_t from,
                          uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++) {
        r->docs[n] = r->items[i].docid - base;
        r->places[n] = i;
        n += !(r->items[i].lacks >> group & 1);
    }
    return n;
}

static enum status read_segment(struct ranking *r, const struct segment *segment, uint32_t from,
                                uint32_t to)
{
    const struct plan *plan = &r->s->plan;
    enum status st = STATUS_OK;
    for (uint32_t g = 0; g < plan->group_count; g++) {
        uint32_t count = take_docs(r, segment_base(segment), g, from, to);
        for (uint32_t a = 0; !st && a < plan->groups[g].count; a++) {
            const struct alternative *alt = &plan->groups[g].items[a];
            if (alt->docs)
                see_ready(r, alt, g, from, to);
            else if (count)
                st = read_list(r, segment, alt, g, count);
        }
    }
    return st;
}

static enum status read_all(struct ranking *r)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < r->count;) {
        const struct segment *segment =
            snapshot_segment_of(r->s->snap, r->items[i].candidate->docid);
        if (!segment)
            return STATUS_CORRUPT;
        uint32_t end = segment_base(segment) + segment_doc_count(segment), to = i;
        while (to < r->count && r->items[to].candidate->docid < end)
            to++;
        r->fields = segment_field_count(segment);
        st = read_segment(r, segment, i, to);
        i = to;
    }
    return st;
}

/* --- parts of the score ----------------------------------------------------------------------- */

static bool in_title(const struct ranking *r, uint32_t at)
{
    return r->field_class[at % r->fields] == 0;
}

/* 1 for words that follow each other as asked, less with every word between; titles and the rest
 * apart. */
static void nearest(const struct ranking *r, const struct seen *a, const struct seen *b,
                    double *title, double *text)
{
    *title = *text = 0;
    for (uint32_t i = 0; i < a->count; i++)
        for (uint32_t k = 0; k < b->count; k++) {
            if (a->at[i] % r->fields != b->at[k] % r->fields || a->at[i] == b->at[k])
                continue;
            int32_t d = (int32_t)(b->at[k] / r->fields) - (int32_t)(a->at[i] / r->fields);
            double v = d > 0 ? 1.0 / d : d < 0 ? 0.5 / -d : 1;
            double *out = in_title(r, a->at[i]) ? title : text;
            *out = v > *out ? v : *out;
        }
}

static void score_near(const struct ranking *r, struct ranked *x)
{
    double title = 0, text = 0, all = 0, t, o;
    for (uint32_t g = 0; g + 1 < r->words; g++) {
        double w = r->weight[g] + r->weight[g + 1];
        nearest(r, &x->seen[g], &x->seen[g + 1], &t, &o);
        title += w * t;
        text += w * (o > t ? o : t);
        all += w;
    }
    if (all > 0)
        x->parts.near =
            r->p->n[PROFILE_near] * title / all + r->p->n[PROFILE_near_text] * text / all;
}

/* Does the title hold the word other than behind the word before it ("without block")? */
static bool named_in_title(const struct ranking *r, const struct seen *seen,
                           const struct seen *before)
{
    for (uint32_t i = 0; i < seen->count; i++) {
        bool excused = false;
        for (uint32_t k = 0; k < before->count; k++)
            excused |= before->at[k] + r->fields == seen->at[i];
        if (in_title(r, seen->at[i]) && !excused)
            return true;
    }
    return false;
}

static void score_words(const struct ranking *r, struct ranked *x)
{
    const double *n = r->p->n;
    static const struct seen nothing;
    double title = 0, lead = 0, missing = 0, inexact = 0;
    for (uint32_t g = 0; g < r->words; g++) {
        const struct seen *seen = &x->seen[g];
        double w = r->weight[g] / r->total;
        if (r->s->plan.groups[g].negated) {
            if (named_in_title(r, seen, g ? &x->seen[g - 1] : &nothing))
                x->parts.negated = -n[PROFILE_negated_title];
            continue;
        }
        bool beginning = seen->kind == 0 && r->s->plan.groups[g].prefix.len;
        if (seen->kind == 0 && !beginning)
            missing += w;
        else if (seen->kind != ALT_EXACT + 1)
            inexact += w;
        if (seen->classes & 1)
            title += w;
        uint32_t first = UINT32_MAX;
        for (uint32_t i = 0; i < seen->count; i++)
            if (in_title(r, seen->at[i]) && seen->at[i] / r->fields < first)
                first = seen->at[i] / r->fields;
        if (first != UINT32_MAX)
            lead += w / (1 + first / n[PROFILE_lead_span]);
    }
    x->parts.title = n[PROFILE_title] * title + (title > 0.9999 ? n[PROFILE_title_all] : 0);
    x->parts.lead = n[PROFILE_lead] * lead;
    x->parts.missing = -n[PROFILE_missing] * missing;
    x->parts.inexact = -n[PROFILE_inexact] * inexact;
}

static double signal_value(const struct profile_signal *g, double v, int64_t now_ms)
{
    switch (g->kind) {
    case SIGNAL_LOG:
        return v > 0 ? fmin(log1p(v) / log1p(g->scale), 1) : 0;
    case SIGNAL_LINEAR:
        return v / g->scale;
    case SIGNAL_INVERSE:
        return v >= 0 ? g->scale / (g->scale + v) : 0;
    case SIGNAL_RECENT:
        return v >= (double)now_ms ? 1 : exp2((v - (double)now_ms) / g->scale);
    case SIGNAL_PRESENT:
        return v > 0;
    case SIGNAL_RATED:
        return v / g->scale;
    }
    return 0;
}

static bool number_of(struct snapshot *snap, const char *field, uint32_t docid, double *v)
{
    const struct field *f = schema_find(snapshot_schema(snap), slice_str(field));
    struct column *c = f ? snapshot_column(snap, f->id) : NULL;
    return c && column_float(c, docid, v) == STATUS_OK;
}

/* An average pulled towards the middle by as many votes as it lacks. */
static double settled(const struct profile_signal *g, double v, double votes)
{
    enum { ENOUGH = 10 };
    const double mean = 0.7 * g->scale;
    votes = votes > 0 ? votes : 0;
    return (v * votes + mean * ENOUGH) / (votes + ENOUGH);
}

static void score_signals(const struct ranking *r, struct ranked *x)
{
    struct snapshot *snap = r->s->snap;
    for (uint32_t i = 0; i < r->p->signal_count; i++) {
        const struct profile_signal *g = &r->p->signals[i];
        double v, votes = 0;
        bool any = number_of(snap, g->field, x->candidate->docid, &v);
        if (g->kind == SIGNAL_RATED) {
            if (any)
                (void)number_of(snap, g->count, x->candidate->docid, &votes);
            v = settled(g, any ? v : 0, votes);
            any = true; /* without votes it is in the middle, not below all that have some */
        }
        if (any)
            x->parts.signals += g->weight * signal_value(g, v, r->s->now_ms);
    }
}

static double sum(const struct relevance_parts *p)
{
    return p->base + p->title + p->near + p->lead + p->missing + p->inexact + p->negated +
           p->signals;
}

/* --- the phase -------------------------------------------------------------------------------- */

static enum status prepare(struct ranking *r)
{
    struct search *s = r->s;
    const struct schema *schema = snapshot_schema(s->snap);
    struct seen *seen = arena_calloc(s->arena, (size_t)r->count * r->words + 1, sizeof *seen);
    r->items = arena_calloc(s->arena, r->count, sizeof *r->items);
    r->docs = arena_alloc(s->arena, (r->count + KERNEL_SLACK) * sizeof *r->docs);
    r->places = arena_alloc(s->arena, (r->count + KERNEL_SLACK) * sizeof *r->places);
    if (!r->items || !r->docs || !r->places || !seen)
        return STATUS_NO_MEMORY;
    /* docids with places are sorted, not the items: they are long */
    uint64_t *order = arena_alloc(s->arena, r->count * sizeof *order * 2);
    if (!order)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < r->count; i++)
        order[i] = (uint64_t)s->top.items[i].docid << 32 | i;
    order_numbers(order, order + r->count, r->count);
    for (uint32_t i = 0; i < r->count; i++) {
        r->items[i].candidate = &s->top.items[(uint32_t)order[i]];
        r->items[i].docid = r->items[i].candidate->docid;
        r->items[i].lacks = r->items[i].candidate->lacks;
        r->items[i].seen = seen + (size_t)i * r->words;
    }
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].searchable && schema->fields[i].search_idx < 256)
            r->field_class[schema->fields[i].search_idx] = schema->fields[i].weight_class;
    for (uint32_t g = 0; g < r->words; g++) {
        r->weight[g] = s->plan.groups[g].idf;
        if (s->plan.groups[g].prefix.len && s->plan.groups[g].prefix_idf < r->weight[g])
            r->weight[g] = s->plan.groups[g].prefix_idf;
        r->total += r->weight[g];
    }
    r->total = r->total > 0 ? r->total : 1;
    return STATUS_OK;
}

bool relevance_wanted(const struct search *s)
{
    return s->plan.group_count && !s->query->sort_count;
}

const struct ranked *ranking_find(const struct ranking *r, uint32_t docid)
{
    uint32_t low = 0, high = r ? r->count : 0;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (r->items[mid].docid < docid)
            low = mid + 1;
        else
            high = mid;
    }
    return r && low < r->count && r->items[low].docid == docid ? &r->items[low] : NULL;
}

enum status relevance_rank(struct search *s, uint32_t count)
{
    uint32_t words = s->plan.group_count;
    count = count < s->top.count ? count : s->top.count;
    if (!count || !relevance_wanted(s))
        return STATUS_OK;
    struct ranking *r = s->ranking = arena_calloc(s->arena, 1, sizeof *r);
    if (!r)
        return STATUS_NO_MEMORY;
    r->s = s;
    r->p = &s->profile;
    r->words = words;
    r->count = s->window = count;
    s->window_last = s->top.items[0];
    for (uint32_t i = 1; i < count; i++)
        if (candidate_before(&s->window_last, &s->top.items[i]))
            s->window_last = s->top.items[i];
    enum status st = prepare(r);
    if (!st)
        st = read_all(r);
    if (st)
        return st;
    for (uint32_t i = 0; i < count; i++) {
        struct ranked *x = &r->items[i];
        uint64_t key = x->candidate->keys[0];
        x->parts.base = (double)(key % MATCH_TIER) / (1023 * r->total);
        score_words(r, x);
        score_near(r, x);
        score_signals(r, x);
        x->score = sum(&x->parts);
        double bounded = fmin(fmax(x->score + 4, 0), 15.99);
        x->candidate->keys[1] = key;
        x->candidate->keys[0] = key / MATCH_TIER * MATCH_TIER + (uint64_t)(bounded * (1 << 20));
    }
    candidates_sort(s->top.items, count);
    return STATUS_OK;
}
