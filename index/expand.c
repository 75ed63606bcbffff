#include "index/expand.h"
#include "index/begun.h"
#include "index/parts.h"
#include "index/known.h"
#include "index/query_cursor.h"
#include "index/synonyms.h"
#include "index/term_ahead.h"

#include <math.h>
#include <stdlib.h>

enum { CORRECTED_MAX = 2 };

/* --- alternatives ----------------------------------------------------------------------------- */

uint32_t expand_idf(uint64_t live, uint64_t df)
{
    double n = (double)live, d = (double)(df > live ? live : df);
    double idf = log(1 + (n - d + 0.5) / (d + 0.5)) * 64;
    return idf < 1 ? 1 : (uint32_t)(idf + 0.5);
}

uint32_t expand_scaled(uint32_t idf, double factor)
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
                        const struct profile *profile, bool unknown, struct alternative *items)
{
    uint64_t near_df = 0, most = 1;
    uint32_t nearest = x->items[0].distance;
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
            .idf = expand_scaled(expand_idf(live, near_df), factor * (rare + (1 - rare) * common))};
        g->df += e->df;
    }
}

static enum status expand_typos(struct group *g, struct plan *p, const struct expansion_request *r,
                                uint32_t edits)
{
    struct typo_list x;
    enum status s = known_typos(r, g->items[0].term, edits, &x);
    if (s || !x.count)
        return s;
    uint32_t cap = edits > 1 ? EXPAND_TYPO2_CAP : EXPAND_TYPO_CAP,
             n = x.count < cap ? x.count : cap;
    p->capped |= x.count > cap;
    struct alternative *items = arena_calloc(r->arena, g->count + n, sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    memcpy(items, g->items, g->count * sizeof *items);
    uint32_t at = (uint32_t)(g - p->groups);
    bool unknown = r->first ? r->first->unknown >> at & 1 : g->df == 0;
    p->unknown |= (uint32_t)unknown << at;
    weigh_typos(g, &x, n, snapshot_live_count(r->snap), r->profile, unknown, items);
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
        st = known_forms(r, word.term, word.term, &list);
        if (st || !list.count)
            continue;
        struct alternative *items = arena_calloc(r->arena, g->count + list.count, sizeof *items);
        if (!items)
            return STATUS_NO_MEMORY;
        memcpy(items, g->items, g->count * sizeof *items);
        word.idf = expand_scaled(word.idf, r->profile->n[PROFILE_form_factor]);
        for (uint32_t k = 0; k < list.count; k++) {
            word.term = list.terms[k];
            items[g->count++] = word;
            g->df += list.df[k];
        }
        g->items = items;
    }
    return st;
}

static enum status expand_forms(struct group *g, bool begins, const struct expansion_request *r)
{
    struct form_list list;
    enum status st = known_forms(r, g->original, g->items[0].term, &list);
    if (!st && begins && list.count)
        st = begun_forms(g, &list, r);
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

/*
 * Is the last word all there? "dr" may be a name that eight products bear, or the beginning of what
 * thousands are. How many begin so is guessed from its length alone (begun_prefix() says why): the
 * fewer hold the word itself beside those, the less it counts more than a beginning does.
 */
static uint32_t weigh_unfinished(const struct group *g, uint64_t df, uint64_t live)
{
    enum { LIKELY = 10 }; /* one in so many that begin with it holds the word itself: it is meant */
    struct slice word = g->items[0].term;
    uint64_t begun = word.len < 32 ? live >> 2 * word.len : 0;
    if (g->idf <= g->prefix_idf || df * LIKELY >= begun)
        return g->idf;
    double whole = (double)(df * LIKELY) / (double)begun;
    return g->prefix_idf + (uint32_t)((g->idf - g->prefix_idf) * whole) + 1;
}

static void weigh_exact(struct group *g, uint32_t idf, const struct expansion_request *r)
{
    for (uint32_t k = 0; k < g->count; k++)
        g->items[k].idf = g->items[k].kind == ALT_FORM
                              ? expand_scaled(idf, r->profile->n[PROFILE_form_factor])
                          : k ? idf + idf / 4
                              : idf;
}

/* The word as it stands, ways to write it, its forms, what it begins. */
static enum status expand_exact(struct plan *plan, struct group *g, bool last,
                                const struct expansion_request *r)
{
    uint64_t live = snapshot_live_count(r->snap);
    enum status s = STATUS_OK;
    bool begins = r->prefix && last && !plan->repeated && !g->phrase;
    g->count = 1;
    g->prefix = SLICE_NULL;
    g->df = expand_live_df(r->snap, g->items[0].term);
    if (r->forms && g->same_count)
        s = expand_same(g, r);
    if (!s && r->forms && !g->phrase)
        s = expand_forms(g, begins, r);
    /* forms of one word are one word: they share its rarity */
    g->idf = expand_idf(live, g->df);
    if (g->negated && r->forms)
        g->idf = expand_scaled(g->idf, r->profile->n[PROFILE_negated_factor]);
    uint64_t whole = g->df;
    weigh_exact(g, g->idf, r);
    if (!s && begins) {
        s = begun_prefix(g, g->items[0].term, plan, r);
        weigh_exact(g, r->forms ? weigh_unfinished(g, whole, live) : g->idf, r);
    }
    return s;
}

static enum status expand_parts(struct plan *plan, const struct expansion_request *r)
{
    bool freely = parts_compounding(snapshot_schema(r->snap)), known[PLAN_WORDS_MAX];
    enum status s = STATUS_OK;
    for (uint32_t i = 0; i < plan->group_count; i++) {
        bool unheld = r->first ? r->first->unheld >> i & 1 : plan->groups[i].df == 0;
        plan->unheld |= (uint32_t)unheld << i;
        known[i] = !unheld;
    }
    struct parts_request p = {r->snap, r->arena, r->profile, r->recall, known};
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
static void fetch_words(const struct plan *plan, struct snapshot *snap)
{
    struct slice words[PLAN_WORDS_MAX];
    for (uint32_t i = 0; i < plan->group_count; i++)
        words[i] = plan->groups[i].items[0].term;
    for (uint32_t i = 0; i < snapshot_segment_count(snap); i++)
        term_ahead(snapshot_segment(snap, i), words, plan->group_count);
}

static enum status expand_exactly(struct plan *plan, const struct expansion_request *r)
{
    enum status s = STATUS_OK;
    fetch_words(plan, r->snap);
    for (uint32_t i = 0; !s && i < plan->group_count; i++)
        s = expand_exact(plan, &plan->groups[i], i + 1 == plan->group_count, r);
    bool begins = !plan->repeated && r->forms && r->prefix && plan->group_count &&
                  !plan->groups[plan->group_count - 1].phrase;
    if (!s && begins)
        s = begun_expand(plan, r);
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
    plan->unheld = plan->unknown = 0;
    if (!s && r->forms)
        s = expand_parts(plan, r);
    for (uint32_t i = 0; !s && i < plan->group_count; i++) {
        struct group *g = &plan->groups[i];
        uint32_t edits = g->phrase ? 0 : edits_for(g, r->typos);
        if (edits)
            s = expand_typos(g, plan, r, edits);
        if (!s && edits && r->forms)
            s = expand_corrected(g, r);
        if (!g->df)
            g->idf = 0;
    }
    struct synonyms_request y = {r->snap, r->arena, r->profile, r->words};
    return !s && r->words ? synonyms_expand(plan, &y) : s;
}
