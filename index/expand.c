#include "index/expand.h"
#include "index/parts.h"
#include "index/typo.h"
#include "index/synonyms.h"
#include "index/variants.h"

#include <math.h>
#include <stdlib.h>

enum { CORRECTED_MAX = 2, BEGUN_MAX = 256 };

/* --- alternatives ----------------------------------------------------------------------------- */

uint32_t expand_idf(uint64_t live, uint64_t df)
{
    double n = (double)live, d = (double)(df > live ? live : df);
    double idf = log(1 + (n - d + 0.5) / (d + 0.5)) * 64;
    return idf < 1 ? 1 : (uint32_t)(idf + 0.5);
}

static uint32_t scaled(uint32_t idf, double factor)
{
    return (uint32_t)(idf * factor) + 1;
}

uint64_t expand_live_df(struct snapshot *snap, struct slice term)
{
    int64_t df = 0;
    for (uint32_t i = 0; i < snapshot_segment_count(snap); i++) {
        const struct segment *s = snapshot_segment(snap, i);
        uint32_t ordinal;
        if (segment_find_term(s, term, &ordinal) == STATUS_OK)
            df += segment_term_df(s, ordinal);
        df -= segment_dead_df(s, term);
    }
    return df > 0 ? (uint64_t)df : 0;
}

static uint32_t edits_for(const struct group *g, uint32_t typos)
{
    size_t len = 0;
    for (size_t i = 0; i < g->items[0].term.len; i++)
        len += ((unsigned char)g->items[0].term.ptr[i] & 0xc0) != 0x80;
    uint32_t most = g->digits || len < 4 ? 0 : len < 8 ? 1 : 2;
    return most < typos ? most : typos;
}

/*
 * What corrections count. They share the rarity of all together, and the frequent ones are the
 * likely ones: a word that one product spells so is rarely what was meant. A word that the catalog
 * does not know at all cannot be outranked by a correction of it: its nearest corrections then
 * stand for it, tier and all.
 */
static void weigh_typos(struct group *g, const struct typo_list *x, uint32_t n, uint64_t live,
                        const struct profile *profile, struct alternative *items)
{
    uint64_t near_df = 0, most = 1;
    uint32_t nearest = x->items[0].distance;
    bool unknown = g->df == 0;
    for (uint32_t i = 0; i < n && x->items[i].distance == nearest; i++) {
        near_df += x->items[i].df;
        most = x->items[i].df > most ? x->items[i].df : most;
    }
    if (unknown)
        g->idf = expand_idf(live, near_df);
    for (uint32_t i = 0; i < n; i++) {
        const struct typo *e = &x->items[i];
        bool stands = unknown && e->distance == nearest;
        double factor = profile->n[stands            ? PROFILE_unknown_factor
                                   : e->distance > 1 ? PROFILE_typo2_factor
                                                     : PROFILE_typo_factor];
        double common = fmin(sqrt((double)e->df / (double)most), 1),
               rare = profile->n[PROFILE_typo_rare];
        items[g->count++] = (struct alternative){
            .term = e->term,
            .kind = e->distance > 1 ? ALT_TYPO2 : ALT_TYPO,
            .tier = stands,
            .idf = scaled(expand_idf(live, near_df), factor * (rare + (1 - rare) * common))};
        g->df += e->df;
    }
}

static enum status expand_typos(struct group *g, struct plan *p, struct snapshot *snap,
                                struct arena *arena, const struct profile *profile, uint32_t edits)
{
    struct typo_list x;
    enum status s = typo_find(snap, g->items[0].term, edits, arena, &x);
    if (s || !x.count)
        return s;
    uint32_t cap = edits > 1 ? EXPAND_TYPO2_CAP : EXPAND_TYPO_CAP,
             n = x.count < cap ? x.count : cap;
    p->capped |= x.count > cap;
    struct alternative *items = arena_calloc(arena, g->count + n, sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    memcpy(items, g->items, g->count * sizeof *items);
    weigh_typos(g, &x, n, snapshot_live_count(snap), profile, items);
    g->items = items;
    p->expanded += n;
    return STATUS_OK;
}

/* The likeliest corrections that stand for the word bring their other forms. */
static enum status expand_corrected(struct group *g, const struct expansion_request *r)
{
    uint32_t corrections = 0, count = g->count;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < count && corrections < CORRECTED_MAX; i++) {
        struct alternative word = g->items[i];
        struct form_list list;
        if (word.kind < ALT_TYPO || !word.tier)
            continue;
        corrections++;
        st = forms_of(r->forms, r->snap, word.term, word.term, r->arena, &list);
        if (st || !list.count)
            continue;
        struct alternative *items = arena_calloc(r->arena, g->count + list.count, sizeof *items);
        if (!items)
            return STATUS_NO_MEMORY;
        memcpy(items, g->items, g->count * sizeof *items);
        word.idf = scaled(word.idf, r->profile->n[PROFILE_form_factor]);
        for (uint32_t k = 0; k < list.count; k++) {
            word.term = list.terms[k];
            items[g->count++] = word;
            g->df += list.df[k];
        }
        g->items = items;
    }
    return st;
}

static enum status expand_prefix(struct group *g, struct slice prefix, struct plan *p,
                                 struct snapshot *snap, const struct profile *profile)
{
    uint64_t df = 0, terms = 0;
    for (uint32_t i = 0; i < snapshot_segment_count(snap); i++) {
        const struct segment *s = snapshot_segment(snap, i);
        struct postings list;
        uint32_t lo, hi;
        enum status st = segment_prefix_range(s, prefix, &lo, &hi);
        if (st)
            return st;
        terms += hi - lo;
        if (postings_open_prefix(s, prefix, &list) == STATUS_OK)
            df += list.df;
        else
            for (uint32_t o = lo; o < hi; o++)
                df += segment_term_df(s, o);
    }
    g->prefix = prefix;
    g->df += df;
    /* The sum above depends on how products are spread over segments; scores must not. A letter
     * more makes a word rarer by a constant. */
    uint64_t live = snapshot_live_count(snap);
    size_t len = g->items[0].term.len;
    uint32_t twice = len < 16 ? (uint32_t)len * 2 : 32;
    g->prefix_idf = scaled(expand_idf(live, live >> twice), profile->n[PROFILE_prefix_factor]);
    p->expanded += terms;
    return STATUS_OK;
}

static enum status expand_forms(struct group *g, const struct expansion_request *r)
{
    struct form_list list;
    enum status st = forms_of(r->forms, r->snap, g->original, g->items[0].term, r->arena, &list);
    if (st || !list.count)
        return st;
    struct alternative *items = arena_calloc(r->arena, g->count + list.count, sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    memcpy(items, g->items, g->count * sizeof *items);
    for (uint32_t i = 0; i < list.count; i++) {
        items[g->count++] =
            (struct alternative){.term = list.terms[i], .kind = ALT_FORM, .tier = true, .idf = 1};
        g->df += list.df[i];
    }
    g->items = items;
    return STATUS_OK;
}

/* Other ways to write it: as good as the word, and a little better where they say more ("55in"). */
static enum status expand_same(struct group *g, const struct expansion_request *r)
{
    struct alternative *items = arena_calloc(r->arena, g->count + g->same_count, sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    memcpy(items, g->items, g->count * sizeof *items);
    for (uint32_t i = 0; i < g->same_count; i++) {
        uint64_t df = expand_live_df(r->snap, g->same[i]);
        if (!df)
            continue;
        items[g->count++] =
            (struct alternative){.term = g->same[i], .kind = ALT_EXACT, .tier = true, .idf = 1};
        g->df += df;
    }
    g->items = items;
    return STATUS_OK;
}

/* The word as it stands, ways to write it, its forms, what it begins. */
static enum status expand_exact(struct plan *plan, struct group *g, bool last,
                                const struct expansion_request *r)
{
    uint64_t live = snapshot_live_count(r->snap);
    enum status s = STATUS_OK;
    g->count = 1;
    g->prefix = SLICE_NULL;
    g->df = expand_live_df(r->snap, g->items[0].term);
    if (r->forms && g->same_count)
        s = expand_same(g, r);
    if (!s && r->forms && !g->phrase)
        s = expand_forms(g, r);
    /* forms of one word are one word: they share its rarity */
    g->idf = expand_idf(live, g->df);
    if (g->negated && r->forms)
        g->idf = scaled(g->idf, r->profile->n[PROFILE_negated_factor]);
    for (uint32_t k = 0; k < g->count; k++)
        g->items[k].idf = g->items[k].kind == ALT_FORM
                              ? scaled(g->idf, r->profile->n[PROFILE_form_factor])
                          : k ? g->idf + g->idf / 4
                              : g->idf;
    if (!s && r->prefix && last && !plan->repeated && !g->phrase)
        s = expand_prefix(g, g->items[0].term, plan, r->snap, r->profile);
    return s;
}

static bool stands_in(const struct slice *terms, uint32_t n, struct slice term)
{
    for (uint32_t i = 0; i < n; i++)
        if (slice_equal(terms[i], term))
            return true;
    return false;
}

/* Terms that begin with `way`, itself left out, until there are BEGUN_MAX. */
static enum status begun_by(struct snapshot *snap, struct slice way, struct slice *terms,
                            uint32_t *n)
{
    for (uint32_t i = 0; i < snapshot_segment_count(snap); i++) {
        const struct segment *s = snapshot_segment(snap, i);
        uint32_t lo, hi;
        enum status st = segment_prefix_range(s, way, &lo, &hi);
        for (; !st && lo < hi && *n < BEGUN_MAX; lo++) {
            st = segment_term(s, lo, &terms[*n]);
            *n += !st && terms[*n].len > way.len && !stands_in(terms, *n, terms[*n]);
        }
        if (st)
            return st;
    }
    return STATUS_OK;
}

static enum status add_begun(struct group *g, const struct slice *terms, uint32_t n,
                             const struct expansion_request *r)
{
    struct alternative *items = arena_calloc(r->arena, g->count + n + 1, sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    memcpy(items, g->items, g->count * sizeof *items);
    for (uint32_t i = 0; i < n; i++) {
        struct slice term = arena_copy(r->arena, terms[i]);
        if (!term.ptr)
            return STATUS_NO_MEMORY;
        items[g->count++] =
            (struct alternative){.term = term,
                                 .kind = ALT_EXACT,
                                 .tier = true,
                                 .idf = scaled(g->idf, r->profile->n[PROFILE_prefix_factor])};
        g->df += expand_live_df(r->snap, term);
    }
    g->items = items;
    return STATUS_OK;
}

/* "2-pac" may become "2pack": what is written as one word with the last one is a beginning too, in
 * each group it stands in. */
static enum status expand_begun(struct plan *plan, const struct expansion_request *r)
{
    const struct group *last = &plan->groups[plan->group_count - 1];
    struct slice terms[BEGUN_MAX], word = last->items[0].term;
    enum status st = STATUS_OK;
    for (uint32_t k = 0; !st && k < last->same_count; k++) {
        struct slice way = last->same[k];
        uint32_t n = 0;
        if (way.len <= word.len || memcmp(way.ptr + way.len - word.len, word.ptr, word.len) != 0)
            continue;
        st = begun_by(r->snap, way, terms, &n);
        plan->capped |= n == BEGUN_MAX;
        plan->expanded += n;
        for (uint32_t i = 0; !st && n && i < plan->group_count; i++)
            if (stands_in(plan->groups[i].same, plan->groups[i].same_count, way))
                st = add_begun(&plan->groups[i], terms, n, r);
    }
    return st;
}

/* Languages whose two letters "ae", "oe", "ue", "aa" may be one: elsewhere "shoe" begins no
 * "short". */
static bool writes_umlauts(const struct schema *schema)
{
    static const char *const languages[] = {"de", "sv", "da", "no", "fi", "is"};
    for (uint32_t i = 0; i < schema->field_count; i++)
        for (size_t k = 0; k < sizeof languages / sizeof *languages; k++)
            if (schema->fields[i].searchable && !strcmp(schema->fields[i].language, languages[k]))
                return true;
    return false;
}

static enum status count_begun(struct snapshot *snap, struct slice way, uint64_t *terms)
{
    enum status st = STATUS_OK;
    *terms = 0;
    for (uint32_t i = 0; !st && i < snapshot_segment_count(snap); i++) {
        uint32_t lo, hi;
        st = segment_prefix_range(snapshot_segment(snap, i), way, &lo, &hi);
        *terms += st ? 0 : hi - lo;
    }
    return st;
}

/* The other spelling of an umlaut is a beginning too: "kaese" becomes "Käsekuchen". What begins
 * more words is the prefix, the words of the other spelling are named one by one. */
static enum status expand_spelled(struct plan *plan, const struct expansion_request *r)
{
    struct group *g = &plan->groups[plan->group_count - 1];
    struct slice terms[BEGUN_MAX], word = g->items[0].term, other;
    struct variants v;
    uint64_t words, others;
    uint32_t n = 0;
    variants_of(g->original, word, &v);
    if (!v.count || (v.items[0].len < word.len && !writes_umlauts(snapshot_schema(r->snap))))
        return STATUS_OK;
    other = arena_copy(r->arena, v.items[0]);
    enum status st = other.ptr ? count_begun(r->snap, word, &words) : STATUS_NO_MEMORY;
    if (!st)
        st = count_begun(r->snap, other, &others);
    if (!st && others > words) {
        st = expand_prefix(g, other, plan, r->snap, r->profile);
        other = word;
    }
    if (!st)
        st = begun_by(r->snap, other, terms, &n);
    plan->capped |= n == BEGUN_MAX;
    plan->expanded += n;
    return st || !n ? st : add_begun(g, terms, n, r);
}

static enum status expand_parts(struct plan *plan, const struct expansion_request *r)
{
    bool freely = parts_compounding(snapshot_schema(r->snap)), known[PLAN_WORDS_MAX];
    enum status s = STATUS_OK;
    for (uint32_t i = 0; i < plan->group_count; i++)
        known[i] = plan->groups[i].df > 0;
    struct parts_request p = {r->snap, r->arena, r->profile, r->tails, known};
    if (r->parts || freely)
        s = parts_inside(plan, &p);
    if (!s && r->parts)
        s = parts_join(plan, &p);
    if (!s && r->parts)
        s = parts_split(plan, &p);
    for (uint32_t i = 0; i < plan->group_count; i++)
        if (!known[i])
            plan->groups[i].idf = expand_idf(snapshot_live_count(r->snap), plan->groups[i].df);
    return s;
}

/* The words as they stand. They are the same in every attempt of a query. */
static enum status expand_exactly(struct plan *plan, const struct expansion_request *r)
{
    enum status s = STATUS_OK;
    for (uint32_t i = 0; !s && i < plan->group_count; i++)
        s = expand_exact(plan, &plan->groups[i], i + 1 == plan->group_count, r);
    bool begins = !plan->repeated && r->forms && r->prefix && plan->group_count &&
                  !plan->groups[plan->group_count - 1].phrase;
    if (!s && begins)
        s = expand_begun(plan, r);
    if (!s && begins)
        s = expand_spelled(plan, r);
    for (uint32_t i = 0; i < plan->group_count; i++) {
        struct group *g = &plan->groups[i];
        g->exact.items = g->items;
        g->exact.count = g->count;
        g->exact.idf = g->idf;
        g->exact.df = g->df;
    }
    plan->looked_up = !s;
    return s;
}

static void back_to_exact(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->group_count; i++) {
        struct group *g = &plan->groups[i];
        g->items = g->exact.items;
        g->count = g->exact.count;
        g->idf = g->exact.idf;
        g->df = g->exact.df;
    }
}

enum status expand_plan(struct plan *plan, const struct expansion_request *r)
{
    enum status s = plan->looked_up ? STATUS_OK : expand_exactly(plan, r);
    back_to_exact(plan);
    if (!s && r->forms)
        s = expand_parts(plan, r);
    for (uint32_t i = 0; !s && i < plan->group_count; i++) {
        struct group *g = &plan->groups[i];
        uint32_t edits = g->phrase ? 0 : edits_for(g, r->typos);
        if (edits)
            s = expand_typos(g, plan, r->snap, r->arena, r->profile, edits);
        if (!s && edits && r->forms)
            s = expand_corrected(g, r);
        if (!g->df)
            g->idf = 0;
    }
    struct synonyms_request y = {r->snap, r->arena, r->profile, r->words};
    return !s && r->words ? synonyms_expand(plan, &y) : s;
}
