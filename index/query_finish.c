#include "index/query_stages.h"
#include "index/collect.h"
#include "index/explain.h"
#include "index/highlight.h"
#include "index/pins.h"
#include "index/relax.h"
#include "index/relevance.h"
#include "index/script.h"

#include <string.h>

/* The order of the candidates, the page cut from it, and all that the reply tells beside. */

/* How many of the sorted candidates belong to the window of the cursor. */
static uint32_t window_of_cursor(const struct search *s)
{
    uint32_t n = 0;
    while (n < s->top.count && !candidate_before(&s->cursor->window_last, &s->top.items[n]))
        n++;
    return n;
}

/* The window of the first page, made again: whoever is not behind its last candidate. Products that
 * came in since may have made it longer than there was room for: then with more room. */
static enum status rank_again(struct search *s, uint32_t *from)
{
    uint32_t n, window = (uint32_t)s->profile.n[PROFILE_window];
    uint32_t behind = s->query->k + (collect_ranks_hidden(s) ? s->rules.hidden_count : 0);
    enum status st = STATUS_OK;
    if (s->cursor->window_open && s->top.count && window) /* the profile may have none any more */
        s->cursor->window_last = s->top.items[(window < s->top.count ? window : s->top.count) - 1];
    while ((n = window_of_cursor(s)), s->top.count == s->top.cap && s->top.cap - n < behind) {
        s->top_room = s->top.cap *= 2;
        s->top.items = arena_alloc(s->arena, (s->top.cap + 1) * sizeof *s->top.items);
        if (!s->top.items)
            return STATUS_NO_MEMORY;
        st = query_reset_facets(s);
        if (!st)
            st = collect_attempt(s, s->all_words);
        if (st)
            return st;
        topk_sort(&s->top);
    }
    st = relevance_rank(s, n, n);
    s->window_last = s->cursor->window_last;
    n = collect_leave_out_hidden(s, n);
    s->window = s->window < n ? s->window : n;
    for (*from = 0; *from < n && !candidate_before(&s->cursor->last, &s->top.items[*from]);)
        ++*from;
    return st;
}

/* Sorts the candidates, the second phase included; the page begins at *from. */
static enum status finish_order(struct search *s, uint32_t *from)
{
    *from = s->cursor ? 0 : s->query->offset;
    /* behind the window, or where nothing is shown, the second phase moves nothing */
    bool closer = relevance_wanted(s) && !s->cursor && (s->query->k || s->loose_rule);
    uint32_t window = closer ? (uint32_t)s->profile.n[PROFILE_window] : 0;
    if (s->top.count > window)
        topk_sort(&s->top);
    if (s->cursor && s->cursor->in_window)
        return rank_again(s, from);
    /* groups are ordered by all of it, and what is left out may stand anywhere in it */
    bool whole = s->groups || collect_ranks_hidden(s);
    enum status st = relevance_rank(s, window, whole ? window : s->query->offset + s->query->k);
    s->window = collect_leave_out_hidden(s, s->window);
    return st;
}

/* Of ordered products the order of their groups. */
static enum status order_groups(struct search *s, uint32_t *from)
{
    const struct query *q = s->query;
    bool again = s->cursor && s->cursor->in_window;
    s->group_window =
        (struct group_window){s->top.items, s->window, s->window || again ? &s->window_last : NULL};
    enum status st =
        groups_select(s->groups, &s->group_window, s->cursor && !again ? &s->cursor->last : NULL,
                      q->k + q->offset, &s->top, &s->window, &s->behind);
    for (*from = q->offset; !st && again && *from < s->window; ++*from)
        if (candidate_before(&s->cursor->last, &s->top.items[*from]))
            break;
    return st;
}

/* The page [from, from + n) of the order as hits. */
static enum status finish_hits(struct search *s, uint32_t from, uint32_t n)
{
    struct query_result *out = s->out;
    enum status st = STATUS_OK;
    if (s->groups) {
        out->group_total = groups_total(s->groups);
        st = groups_hits(s->groups, &s->group_window, s->top.items + from, n, &out->hits,
                         &out->hit_count);
    } else {
        out->hits = arena_calloc(s->arena, n + RULE_PINS_MAX + 1, sizeof *out->hits);
        if (!out->hits)
            return STATUS_NO_MEMORY;
        for (uint32_t i = 0; i < n; i++)
            out->hits[i] = (struct hit){.docid = s->top.items[from + i].docid,
                                        .score = s->top.items[from + i].keys[0]};
        out->hit_count = n;
        pins_place(s, out->hits, n, &out->hit_count);
    }
    for (uint32_t i = 0; i < out->hit_count; i++)
        snapshot_place_prefetch(s->snap, out->hits[i].docid);
    for (uint32_t i = 0; i < out->hit_count; i++) {
        snapshot_record_prefetch(s->snap, out->hits[i].docid);
        if (s->query->want_times)
            snapshot_stamp_prefetch(s->snap, out->hits[i].docid);
    }
    for (uint32_t i = 0; !st && i < out->hit_count; i++) {
        struct slice id = SLICE_NULL;
        st = pulse_beat(snapshot_pulse(s->snap), 4);
        if (!st)
            st = snapshot_id(s->snap, out->hits[i].docid, &id);
        out->hits[i].id = st ? SLICE_NULL : arena_copy(s->arena, id);
        if (!st && !out->hits[i].id.ptr)
            st = STATUS_NO_MEMORY;
    }
    return st ? st : relax_name_hits(s, out->hits, out->hit_count);
}

/* A cursor when something follows the page. */
static enum status finish_cursor(struct search *s, uint32_t from, uint32_t n)
{
    const struct query *q = s->query;
    bool behind = s->cursor && !s->cursor->in_window;
    uint64_t all = behind      ? collect_behind(s)
                   : s->groups ? s->behind
                               : s->found - s->rules.pin_count;
    uint32_t shown = pins_shown(s) + s->out->hit_count;
    bool pins = pins_before(s, UINT64_MAX) > pins_before(s, shown);
    struct candidate last;
    struct query_place place = {.stages = s->stages,
                                .dropped = s->dropped,
                                .shown = shown,
                                .learnt = s->loose_rule ? s->loose_rule->learnt : NULL,
                                .now_ms = s->now_ms,
                                .last = &last,
                                .window_last =
                                    s->window && from + n <= s->window ? &s->window_last : NULL};
    s->out->index_moved = s->cursor && s->cursor->moved;
    if (!s->out->hit_count || s->out->hit_count < q->k ||
        (!s->inexact && !pins && all <= (uint64_t)from + n))
        return STATUS_OK;
    if (from + n) /* of several pages the last one may have shown pinned products alone */
        last = s->top.items[from + n - 1];
    else if (s->cursor)
        last = s->cursor->last;
    else /* nothing but pinned ones yet: before all others */
        last = (struct candidate){.docid = s->out->hits[0].docid, .keys = {UINT64_MAX, UINT64_MAX}};
    return query_cursor_encode(q, s->snap, &s->sort, &s->plan, &place, &s->searcher->scratch,
                               s->arena, &s->out->cursor);
}

/* Words that stand side by side for one ("bookcase" -> "book case") are marked one by one; where
 * the word is `unfinished`, so is the last of them. */
static uint32_t put_terms(struct slice text, bool unfinished, uint64_t fields,
                          struct highlight_term *out)
{
    uint32_t n = 0;
    while (text.len) {
        const char *blank = memchr(text.ptr, ' ', text.len);
        size_t len = blank ? (size_t)(blank - text.ptr) : text.len;
        if (out && len)
            out[n] =
                (struct highlight_term){slice_make(text.ptr, len), unfinished && !blank, fields};
        n += len > 0;
        text.ptr += len + (blank != NULL);
        text.len -= len + (blank != NULL);
    }
    return n;
}

static enum status finish_terms(struct search *s)
{
    uint32_t n = 0;
    if (!s->query->want_terms)
        return STATUS_OK;
    for (uint32_t i = 0; i < s->plan.group_count; i++)
        for (uint32_t k = 0; k <= s->plan.groups[i].count; k++)
            n += k < s->plan.groups[i].count
                     ? put_terms(s->plan.groups[i].items[k].term, false, 0, NULL)
                     : 1;
    struct highlight_term *terms = arena_calloc(s->arena, n + 1, sizeof *terms);
    if (!terms)
        return STATUS_NO_MEMORY;
    n = 0;
    for (uint32_t i = 0; i < s->plan.group_count; i++) {
        const struct group *g = &s->plan.groups[i];
        for (uint32_t k = 0; k < g->count; k++)
            n += put_terms(g->items[k].term,
                           g->items[k].docs && g->prefix.len && script_unspaced(g->items[k].term),
                           g->fields, terms + n);
        if (g->prefix.len)
            terms[n++] = (struct highlight_term){g->prefix, true, g->fields};
    }
    s->out->terms = terms;
    s->out->term_count = n;
    return STATUS_OK;
}

enum status query_finish(struct search *s)
{
    struct query_result *out = s->out;
    uint32_t from;
    enum status st = finish_order(s, &from);
    if (!st)
        st = relax_name(s);
    if (!st && s->groups)
        st = order_groups(s, &from);
    if (st)
        return st;
    s->inexact |=
        s->early_stop; /* in whichever attempt that was: the next ones rest on its count */
    uint32_t room = s->query->k;
    pins_settle(s);
    uint32_t shown = pins_shown(s), before = pins_before(s, shown);
    room -= pins_before(s, (uint64_t)shown + room) - before;
    if (!s->cursor) /* what a cursor tells of is no pinned product */
        from -= before;
    from = from < s->top.count ? from : s->top.count;
    uint32_t n = s->top.count - from;
    n = n < room ? n : room;
    out->facets = arena_calloc(s->arena, s->query->facet_count + 1, sizeof *out->facets);
    if (!out->facets)
        return STATUS_NO_MEMORY;
    st = finish_hits(s, from, n);
    if (!st)
        st = finish_cursor(s, from, n);
    if (!st)
        st = finish_terms(s);
    if (!st && s->query->explain)
        st = explain_hits(s);
    query_spent(s, &out->work.rank_us);
    for (uint32_t i = 0; !st && i < s->query->facet_count; i++)
        st = facet_finish(s->facets[i], s->snap, s->searcher->folder, s->arena, &out->facets[i]);
    query_spent(s, &out->work.facet_us);
    out->facet_count = s->query->facet_count;
    out->found = s->found;
    out->found_exact = !s->inexact;
    if (s->found >= s->count_to && !collect_counts_all(s)) {
        /* how far beyond it was counted depends on what the page let skip; found must not */
        out->found = s->count_to;
        out->found_exact = false;
    }
    if (s->early_stop)
        out->degraded[out->degraded_count++] = SLICE_LIT("early_stop");
    if (s->plan.capped)
        out->degraded[out->degraded_count++] = SLICE_LIT("expansion_cap");
    out->cut_words = arena_alloc(s->arena, sizeof s->plan.cut);
    if (!out->cut_words)
        return STATUS_NO_MEMORY;
    memcpy(out->cut_words, s->plan.cut, sizeof s->plan.cut);
    out->cut_count = s->plan.cut_count;
    out->work.terms_expanded = s->plan.expanded;
    return st;
}
