#include "index/relevance.h"
#include "index/kernels.h"
#include "index/order.h"
#include "index/relevance_private.h"

#include <math.h>
#include <stdlib.h>

/*
 * All parts of the score come from what was seen of the words (relevance_read.c). Most of it costs
 * little; where words stand is read last, of those candidates alone that may come before the end of
 * the page (relevance_order.c). Until then two parts have bounds: words stand first in the title
 * where its class has them, and neighbours that are both there follow each other. A bound is the
 * same sum in the same order, so that it is no less to the last bit.
 */

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

/* Where the words stand is not known: as near as they may be. */
static void nearest_there(const struct seen *a, const struct seen *b, double *title, double *text)
{
    *text = a->kind && b->kind;
    *title = *text && a->classes & b->classes & 1;
}

static void score_near(const struct ranking *r, struct ranked *x, bool bound)
{
    double title = 0, text = 0, all = 0, t, o;
    for (uint32_t g = 0; g + 1 < r->words; g++) {
        double w = r->weight[g] + r->weight[g + 1];
        if (bound)
            nearest_there(&x->seen[g], &x->seen[g + 1], &t, &o);
        else
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

/* Which words there are, and how exactly. */
static void score_words(const struct ranking *r, struct ranked *x)
{
    const double *n = r->p->n;
    double title = 0, missing = 0, inexact = 0;
    for (uint32_t g = 0; g < r->words; g++) {
        const struct seen *seen = &x->seen[g];
        double w = r->weight[g] / r->total;
        if (r->s->plan.groups[g].negated)
            continue;
        bool beginning = seen->kind == 0 && r->s->plan.groups[g].prefix.len;
        if (seen->kind == 0 && !beginning)
            missing += w;
        else if (seen->kind != ALT_EXACT + 1)
            inexact += w;
        if (seen->classes & 1)
            title += w;
    }
    x->parts.title = n[PROFILE_title] * title + (title > 0.9999 ? n[PROFILE_title_all] : 0);
    x->parts.missing = -n[PROFILE_missing] * missing;
    x->parts.inexact = -n[PROFILE_inexact] * inexact;
}

/* The word's first place in the title; UINT32_MAX when it is not there. */
static uint32_t first_place(const struct ranking *r, const struct seen *seen)
{
    uint32_t first = UINT32_MAX;
    for (uint32_t i = 0; i < seen->count; i++)
        if (in_title(r, seen->at[i]) && seen->at[i] / r->fields < first)
            first = seen->at[i] / r->fields;
    return first;
}

/* Where in the title words stand. */
static void score_lead(const struct ranking *r, struct ranked *x, bool bound)
{
    const double *n = r->p->n;
    static const struct seen nothing;
    double lead = 0;
    for (uint32_t g = 0; g < r->words; g++) {
        const struct seen *seen = &x->seen[g];
        double w = r->weight[g] / r->total;
        if (r->s->plan.groups[g].negated) {
            if (!bound && named_in_title(r, seen, g ? &x->seen[g - 1] : &nothing))
                x->parts.negated = -n[PROFILE_negated_title];
            continue;
        }
        uint32_t first = !bound ? first_place(r, seen) : seen->classes & 1 ? 0 : UINT32_MAX;
        if (first != UINT32_MAX)
            lead += w / (1 + first / n[PROFILE_lead_span]);
    }
    x->parts.lead = n[PROFILE_lead] * lead;
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
        bool any = number_of(snap, g->field, x->candidate.docid, &v);
        if (g->kind == SIGNAL_RATED) {
            if (any)
                (void)number_of(snap, g->count, x->candidate.docid, &votes);
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

/* The key of a candidate: its tier, below it the sum of its parts. */
static void set_key(struct ranked *x)
{
    x->score = sum(&x->parts);
    double bounded = fmin(fmax(x->score + 4, 0), 15.99);
    x->candidate.keys[0] =
        x->candidate.keys[1] / MATCH_TIER * MATCH_TIER + (uint64_t)(bounded * (1 << 20));
}

static void score_bound(const struct ranking *r, struct ranked *x)
{
    uint64_t key = x->candidate.keys[1] = x->candidate.keys[0];
    x->parts.base = (double)(key % MATCH_TIER) / (1023 * r->total);
    score_words(r, x);
    score_signals(r, x);
    score_near(r, x, true);
    score_lead(r, x, true);
    set_key(x);
}

/* Where a word stands says nothing when neither the title nor a neighbour of the query is there. */
static bool tells(const struct ranking *r, const struct ranked *x, uint32_t g)
{
    return !r->bounded || x->seen[g].classes & 1 || (g && x->seen[g - 1].kind) ||
           (g + 1 < r->words && x->seen[g + 1].kind);
}

enum status relevance_score(struct ranking *r, struct ranked *x)
{
    enum status st = STATUS_OK;
    for (uint32_t g = 0; !st && g < r->words; g++)
        if (x->seen[g].first && tells(r, x, g))
            st = relevance_places(&x->seen[g]);
    if (st)
        return st;
    score_near(r, x, false);
    score_lead(r, x, false);
    set_key(x);
    return st;
}

/* --- the phase -------------------------------------------------------------------------------- */

static enum status prepare(struct ranking *r)
{
    struct search *s = r->s;
    const struct schema *schema = snapshot_schema(s->snap);
    struct seen *seen = arena_calloc(s->arena, (size_t)r->count * r->words + 1, sizeof *seen);
    uint64_t *order = arena_alloc(s->arena, r->count * sizeof *order * 2);
    r->items = arena_calloc(s->arena, r->count, sizeof *r->items);
    r->docs = arena_alloc(s->arena, (r->count + KERNEL_SLACK) * sizeof *r->docs);
    r->places = arena_alloc(s->arena, (r->count + KERNEL_SLACK) * sizeof *r->places);
    if (!r->items || !r->docs || !r->places || !seen || !order)
        return STATUS_NO_MEMORY;
    /* docids with places are sorted, not the items: they are long */
    for (uint32_t i = 0; i < r->count; i++)
        order[i] = (uint64_t)s->top.items[i].docid << 32 | i;
    order_numbers(order, order + r->count, r->count);
    for (uint32_t i = 0; i < r->count; i++) {
        r->items[i].candidate = s->top.items[(uint32_t)order[i]];
        r->items[i].docid = r->items[i].candidate.docid;
        r->items[i].lacks = r->items[i].candidate.lacks;
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
    const double *n = r->p->n;
    r->bounded = !s->query->explain && n[PROFILE_near] >= 0 && n[PROFILE_near_text] >= 0 &&
                 n[PROFILE_lead] >= 0 && n[PROFILE_negated_title] >= 0;
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

enum status relevance_rank(struct search *s, uint32_t count, uint32_t upto)
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
        st = relevance_look(r);
    for (uint32_t i = 0; !st && i < count; i++) {
        score_bound(r, &r->items[i]);
        if (!r->bounded)
            st = relevance_score(r, &r->items[i]);
    }
    if (!st)
        st = ranking_begin(r);
    return st ? st : relevance_order(s, upto);
}
