#include "index/relax.h"
#include "index/probe.h"

enum { PREFIX_TERMS_MAX = 1000 };

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

enum status relax_words(struct search *s)
{
    struct loose_rule *r = s->loose_rule = arena_calloc(s->arena, 1, sizeof *r);
    uint32_t n = s->plan.group_count;
    const double *number = s->profile.n;
    double weight[PLAN_WORDS_MAX], total = 0;
    if (!r)
        return STATUS_NO_MEMORY;
    uint32_t heavy = 0;
    for (uint32_t i = 0; i < n; i++) {
        heavy |= (uint32_t)!s->plan.groups[i].light << i;
        weight[i] = s->plan.groups[i].idf; /* a word nobody holds has none and decides nothing */
        total += weight[i];
    }
    for (uint32_t set = 0; set < 1U << n; set++) {
        double held = 0;
        bool fixed = true;
        uint32_t whole = whole_codes(&s->plan, set);
        for (uint32_t i = 0; i < n; i++) {
            held += whole >> i & 1 ? weight[i] : 0;
            fixed &= (set >> i & 1) || !s->plan.groups[i].fixed;
        }
        r->enough[set] = fixed &&
                         __builtin_popcount(whole & heavy) >=
                             __builtin_popcount(heavy) * number[PROFILE_relax_words] &&
                         held >= total * number[PROFILE_relax_share];
    }
    r->words = n;
    r->lift = (uint32_t)(total * 1023 / n * number[PROFILE_relax_lift]);
    r->any = true;
    for (uint32_t i = 0; i < n; i++)
        r->any &= r->enough[1U << i];
    return STATUS_OK;
}

static enum status holds(const struct segment *s, const struct group *g, uint32_t doc, bool *yes)
{
    struct probe probe;
    uint32_t lo, hi;
    enum status st = STATUS_OK;
    *yes = false;
    for (uint32_t a = 0; !st && !*yes && a < g->count; a++) {
        if (g->items[a].docs) {
            *yes = probe_docs(g->items[a].docs, g->items[a].doc_count, segment_base(s) + doc);
            continue;
        }
        st = probe_open(&probe, s, g->items[a].term);
        if (st == STATUS_OK)
            st = probe_seek(&probe, doc, yes);
        else if (st == STATUS_NOT_FOUND)
            st = STATUS_OK;
    }
    if (st || *yes || !g->prefix.len)
        return st;
    if (probe_open_prefix(&probe, s, g->prefix) == STATUS_OK)
        return probe_seek(&probe, doc, yes);
    st = segment_prefix_range(s, g->prefix, &lo, &hi);
    for (uint32_t o = lo; !st && !*yes && o < hi && o - lo < PREFIX_TERMS_MAX; o++) {
        st = probe_open_ordinal(&probe, s, o);
        if (!st)
            st = probe_seek(&probe, doc, yes);
    }
    return st;
}

static enum status find_dropped(struct search *s, uint32_t docid)
{
    const struct segment *segment = snapshot_segment_of(s->snap, docid);
    enum status st = segment ? STATUS_OK : STATUS_CORRUPT;
    for (uint32_t i = 0; !st && i < s->plan.group_count; i++) {
        bool yes;
        st = holds(segment, &s->plan.groups[i], docid - segment_base(segment), &yes);
        if (!st && !yes)
            s->dropped |= 1U << i;
    }
    return st;
}

enum status relax_name(struct search *s)
{
    enum status st = STATUS_OK;
    if (!s->loose_rule)
        return STATUS_OK;
    if (s->cursor)
        s->dropped = s->cursor->dropped;
    else if (s->top.count)
        st = find_dropped(s, s->top.items[0].docid);
    for (uint32_t i = 0; !st && i < s->plan.group_count; i++)
        if (s->dropped >> i & 1)
            s->out->dropped_words[s->out->dropped_count++] = s->plan.groups[i].original;
    return st;
}
