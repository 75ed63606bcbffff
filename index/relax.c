#include "index/relax.h"
#include "index/begun.h"
#include "index/collect.h"
#include "index/expand.h"
#include "index/field_limit.h"
#include "index/relevance_private.h"

#include <math.h>

static const double LEARNT_SHARE = 0.15; /* of the rarity: what must be held beside learnt words */

/* The set without words of codes that are not all there. */
static uint32_t whole_codes(const struct plan *p, uint32_t set)
{
    uint32_t kept = set;
    for (uint32_t i = 0; i < p->group_count; i++)
        for (uint32_t k = 0; k < p->group_count; k++)
            if (p->groups[i].code && p->groups[i].code == p->groups[k].code && !(set >> k & 1))
                kept &= ~(1U << i);
    return kept;
}

static bool written_as_one(const struct group *a, const struct group *b)
{
    if (a->code && a->code == b->code)
        return true;
    for (uint32_t i = 0; a->digits && i < a->same_count; i++)
        for (uint32_t k = 0; k < b->same_count; k++)
            if (slice_equal(a->same[i], b->same[k]))
                return true;
    return false;
}

/* The words whose half is asked for: those that name something. `once`: what some product holds,
 * and no word more for what follows in a code or for the unit of a number. */
static uint32_t counted_words(const struct plan *p, bool once)
{
    uint32_t set = 0;
    for (uint32_t i = 0; i < p->group_count; i++) {
        const struct group *g = &p->groups[i];
        bool counts = !once || (g->idf && !(i && written_as_one(g - 1, g)));
        set |= (uint32_t)(!g->light && counts) << i;
    }
    return set;
}

static bool share_held(uint32_t held, uint32_t counted, double share)
{
    return __builtin_popcount(held & counted) >= __builtin_popcount(counted) * share;
}

/* How many learnt words make half of `counted` with those held, at least one. */
static double words_short(uint32_t held, uint32_t counted, double share)
{
    double half = ceil(__builtin_popcount(counted) * share);
    return fmax(half - __builtin_popcount(held & counted), 1);
}

/* The rarest words, as far as no more than so many products hold them: only these are looked
 * through for what holds learnt words, so that it is a bounded work. */
static uint32_t looked_through(const struct plan *p, double most)
{
    double products = 0;
    for (uint32_t set = 0;;) {
        const struct group *rarest = NULL;
        for (uint32_t i = 0; i < p->group_count; i++)
            if (!(set >> i & 1) && (!rarest || p->groups[i].df < rarest->df))
                rarest = &p->groups[i];
        if (!rarest || (products += (double)rarest->df) > most)
            return set;
        set |= 1U << (rarest - p->groups);
    }
}

enum status relax_words(struct search *s, const struct relax_more *more)
{
    struct loose_rule *r = s->loose_rule = arena_calloc(s->arena, 1, sizeof *r);
    uint32_t n = s->plan.group_count;
    const double *number = s->profile.n;
    double weight[PLAN_WORDS_MAX], total = 0;
    double asked = 0; /* what nobody holds was meant too, and is rare */
    if (!r)
        return STATUS_NO_MEMORY;
    uint32_t words = counted_words(&s->plan, false), once = counted_words(&s->plan, true);
    for (uint32_t i = 0; i < n; i++) {
        weight[i] = s->plan.groups[i].idf; /* a word nobody holds has none and decides nothing */
        total += weight[i];
        asked += weight[i] > 0 ? weight[i] : expand_idf(snapshot_live_count(s->snap), 0);
    }
    uint32_t looked = more->standing ? looked_through(&s->plan, number[PROFILE_learn_look]) : 0;
    for (uint32_t set = 0; set < 1U << n; set++) {
        double held = 0;
        bool fixed = true;
        uint32_t whole = whole_codes(&s->plan, set);
        for (uint32_t i = 0; i < n; i++) {
            held += whole >> i & 1 ? weight[i] : 0;
            fixed &= (set >> i & 1) || !s->plan.groups[i].fixed;
        }
        double least = number[PROFILE_relax_share], part = number[PROFILE_relax_words];
        r->most[set] = fixed && ((held >= total * least && share_held(whole, words, part)) ||
                                 (held >= asked * least && share_held(whole, once, part)));
        double stand = fmin(words_short(whole, words, part), words_short(whole, once, part));
        bool stands = set & looked && fixed && held > 0 && held >= asked * LEARNT_SHARE;
        r->stands[set] = stands ? (uint8_t)stand : LOOSE_NEVER;
        bool rare = more->bare && held > 0 && held >= asked * number[PROFILE_bare_share];
        r->enough[set] = r->most[set] || (fixed && rare);
    }
    r->words = n;
    /* a cursor may name the stage where there is no word */
    r->lift = n ? (uint32_t)(total * 1023 / n * number[PROFILE_relax_lift]) : 0;
    r->learnt = more->learnt;
    r->learnt_lift = r->lift / 2;
    r->bare = more->bare;
    r->any = !more->bare && !more->learnt;
    for (uint32_t i = 0; i < n; i++)
        r->any &= r->enough[1U << i];
    return STATUS_OK;
}

/* The terms from lo on, until one has the document. */
static enum status begins_with(const struct segment *s, const struct group *g, uint32_t lo,
                               uint32_t hi, uint32_t doc, bool *yes)
{
    struct probe probe;
    enum status st = STATUS_OK;
    for (uint32_t o = lo; !st && !*yes && o < hi; o++) {
        st = pulse_beat(segment_pulse(s), 4);
        if (!st)
            st = probe_open_ordinal(&probe, s, o);
        if (!st)
            st = field_limit_seek(&probe, s, g->fields, doc, yes);
    }
    return st;
}

static enum status begins(const struct segment *s, const struct group *g, uint32_t doc, bool *yes)
{
    struct probe probe;
    struct segment_prefix ready;
    uint32_t lo, hi;
    *yes = false;
    if (!g->prefix.len)
        return STATUS_OK;
    if (g->fields || segment_open_prefix(s, g->prefix, &ready)) {
        enum status st = begun_range(s, g, &lo, &hi);
        return st ? st : begins_with(s, g, lo, hi, doc, yes);
    }
    probe_open_list(&probe, &ready.rest);
    enum status st = probe_seek(&probe, doc, yes);
    for (uint32_t i = 0; !st && !*yes && i < ready.apart_count; i++)
        st = begins_with(s, g, ready.apart[i], ready.apart[i] + 1, doc, yes);
    return st;
}

static enum status holds(const struct segment *s, const struct group *g, uint32_t doc, bool *yes)
{
    struct probe probe;
    enum status st = STATUS_OK;
    *yes = false;
    for (uint32_t a = 0; !st && !*yes && a < g->count; a++) {
        if (g->items[a].docs) {
            *yes = probe_docs(g->items[a].docs, g->items[a].doc_count, segment_base(s) + doc);
            continue;
        }
        st = probe_open(&probe, s, g->items[a].term);
        if (st == STATUS_OK)
            st = field_limit_seek(&probe, s, g->fields, doc, yes);
        else if (st == STATUS_NOT_FOUND)
            st = STATUS_OK;
    }
    return st || *yes ? st : begins(s, g, doc, yes);
}

/* The words that a product lacks, a bit each. `key` is its score, 0 when it is ordered otherwise.
 */
static enum status find_lacking(struct search *s, uint32_t docid, uint64_t key, uint32_t *lacking)
{
    *lacking = 0;
    /* it holds all of them exactly, and may do so anywhere */
    uint32_t tiers = s->loose_rule->learnt ? LOOSE_LEARNT_TIERS : 0;
    if (key / MATCH_TIER >= s->plan.group_count + tiers && !s->limited)
        return STATUS_OK;
    const struct segment *segment = snapshot_segment_of(s->snap, docid);
    const struct ranked *seen = ranking_find(s->ranking, docid);
    enum status st = segment ? STATUS_OK : STATUS_CORRUPT;
    for (uint32_t i = 0; !st && i < s->plan.group_count; i++) {
        bool yes;
        const struct group *g = &s->plan.groups[i];
        uint32_t doc = docid - segment_base(segment);
        bool looked = seen && !g->fields; /* the second phase did, in all fields */
        if (looked && seen->seen[i].kind)
            continue;
        if (looked && seen->lacks >> i & 1) {
            *lacking |= 1U << i;
            continue;
        }
        st = looked ? begins(segment, g, doc, &yes) : holds(segment, g, doc, &yes);
        if (!st && !yes)
            *lacking |= 1U << i;
    }
    return st;
}

static void put_words(const struct search *s, uint32_t set, struct slice *words, uint32_t *count)
{
    for (uint32_t i = 0; i < s->plan.group_count; i++) {
        struct slice word = s->plan.groups[i].original;
        bool again = *count && words[*count - 1].ptr == word.ptr; /* of one sign: 1/2 */
        if (set >> i & 1 && !again)
            words[(*count)++] = word;
    }
}

/* Fewer products than relax_below hold all words: one that lacks some is among so many and one, and
 * one that is shown when there is room for the others besides. */
enum status relax_make_room(struct search *s)
{
    uint32_t least = (uint32_t)s->profile.n[PROFILE_relax_below] + 1;
    least += collect_ranks_hidden(s) ? s->rules.hidden_count : 0;
    if (s->cursor || s->top_room >= least)
        return STATUS_OK;
    struct candidate *items = arena_alloc(s->arena, (least + 1) * sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    memcpy(items, s->top.items, s->top.count * sizeof *items);
    s->top.items = items;
    s->top_room = s->top.cap = least;
    return STATUS_OK;
}

enum status relax_name(struct search *s)
{
    enum status st = STATUS_OK;
    bool scored = !s->query->sort_count;
    if (!s->loose_rule)
        return STATUS_OK;
    if (s->cursor)
        s->dropped = s->cursor->dropped;
    else
        for (uint32_t i = 0; !st && !s->dropped && i < s->top.count; i++) {
            const struct candidate *c = &s->top.items[i];
            st = relevance_order(s, i + 1);
            if (!st)
                st = find_lacking(s, c->docid, scored ? c->keys[0] : 0, &s->dropped);
        }
    put_words(s, s->dropped, s->out->dropped_words, &s->out->dropped_count);
    return st;
}

static bool pinned(const struct search *s, uint32_t docid)
{
    for (uint32_t i = 0; i < s->rules.pin_count; i++)
        if (s->rules.pins[i].docid == docid)
            return true;
    return false;
}

enum status relax_name_hits(struct search *s, struct hit *hits, uint32_t count)
{
    enum status st = STATUS_OK;
    bool scored = !s->query->sort_count;
    for (uint32_t i = 0; s->loose_rule && !st && i < count; i++) {
        uint32_t lacking;
        if (pinned(s, hits[i].docid))
            continue;
        st = find_lacking(s, hits[i].docid, scored ? hits[i].score : 0, &lacking);
        if (st || !lacking)
            continue;
        hits[i].lacks = arena_calloc(s->arena, PLAN_WORDS_MAX, sizeof *hits[i].lacks);
        if (!hits[i].lacks)
            return STATUS_NO_MEMORY;
        put_words(s, lacking, hits[i].lacks, &hits[i].lacks_count);
    }
    return st;
}
