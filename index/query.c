#include "index/query.h"
#include "index/collect.h"
#include "index/expand.h"
#include "index/explain.h"
#include "index/field_limit.h"
#include "index/highlight.h"
#include "index/pins.h"
#include "index/relax.h"
#include "index/relevance.h"
#include "index/synonyms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * One search: words -> groups -> exact matches are counted; are there fewer than a constant of the
 * profile, typos are tried; are there none, words are dropped. Each attempt runs over all segments
 * with its own top-k. What is tried depends on the count of exact matches only, never on k or
 * offset, so that found, facets and pages of one query belong together.
 */

/* Pages by offset end at OFFSET_WINDOW; behind it, a cursor goes on. */
enum { QUERY_WINDOW = 10000, OFFSET_WINDOW = 1000 };

enum status searcher_create(struct searcher **out)
{
    struct searcher *s = calloc(1, sizeof *s);
    *out = s;
    if (!s)
        return STATUS_NO_MEMORY;
    enum status st = analyser_create(&s->analyser);
    if (!st)
        st = matcher_create(&s->matcher);
    if (!st)
        st = loose_create(&s->loose);
    if (!st)
        st = forms_create(&s->forms);
    if (!st)
        st = tails_create(&s->tails);
    if (!st)
        st = word_cache_create(&s->words);
    if (!st)
        st = sort_texts_create(&s->texts);
    if (!st)
        st = folder_create(&s->folder);
    if (st)
        searcher_destroy(out);
    return st;
}

void searcher_destroy(struct searcher **s)
{
    if (!*s)
        return;
    analyser_destroy(&(*s)->analyser);
    matcher_destroy(&(*s)->matcher);
    loose_destroy(&(*s)->loose);
    forms_destroy(&(*s)->forms);
    tails_destroy(&(*s)->tails);
    word_cache_destroy(&(*s)->words);
    sort_texts_destroy(&(*s)->texts);
    folder_destroy(&(*s)->folder);
    buf_fini(&(*s)->scratch);
    free(*s);
    *s = NULL;
}

void search_share_begin(struct searcher *s, struct arena *arena)
{
    s->share = (struct share){.arena = arena};
}

void search_share_end(struct searcher *s)
{
    s->share = (struct share){0};
}

struct analyser *searcher_analyser(struct searcher *s)
{
    return s->analyser;
}

/* Score of an evidence byte: weights of the classes it names, the best by its impact, 1..1023.
 * Made anew only when a number that it depends on is another. */
static void make_lut(struct searcher *sr, const struct schema *schema, const double *n)
{
    double floor = n[PROFILE_impact_floor], further = n[PROFILE_more_classes];
    double most = 0, raw[256], from[LUT_NUMBERS] = {floor, further};
    for (int c = 0; c < 4; c++)
        from[2 + c] = n[PROFILE_class_0 + c] *
                      (schema->class_weight[c] > 0 ? (double)schema->class_weight[c] : 1);
    if (sr->lut[0] && !memcmp(sr->lut_from, from, sizeof from))
        return;
    memcpy(sr->lut_from, from, sizeof from);
    for (int e = 0; e < 256; e++) {
        int mask = e >> 4, best = mask ? __builtin_ctz((unsigned)mask) : 0;
        raw[e] = 0;
        for (int c = 0; mask && c < 4; c++)
            if (mask >> c & 1)
                raw[e] +=
                    from[2 + c] * (c == best ? floor + (1 - floor) * (e & 15) / 15.0 : further);
        most = raw[e] > most ? raw[e] : most;
    }
    for (int e = 0; e < 256; e++) {
        uint32_t v = (uint32_t)(most > 0 ? raw[e] / most * 1023 + 0.5 : 0);
        sr->lut[e] = v ? v : 1; /* a match is never worth nothing */
    }
}

/* --- attempts --------------------------------------------------------------------------------- */

static enum status reset_facets(struct search *s)
{
    for (uint32_t i = 0; i < s->query->facet_count; i++) {
        enum status st =
            facet_counter_create(&s->query->facets[i], s->snap, s->arena, &s->facets[i], s->fault);
        if (st)
            return st;
    }
    return STATUS_OK;
}

/* Ends a stage of the work: its time goes to `us`. */
static void spent(struct search *s, uint32_t *us)
{
    if (!s->query->clock_us)
        return;
    int64_t now = s->query->clock_us();
    *us += (uint32_t)(now - s->stage_us);
    s->stage_us = now;
}

/* Whether a stage is run: decided on the first page, repeated on those behind a cursor. */
static bool stage(struct search *s, enum query_stage which, bool wanted)
{
    if (s->cursor)
        wanted = s->cursor->stages & which;
    if (wanted)
        s->stages |= (uint8_t)which;
    return wanted;
}

static enum status expand_words(struct search *s, uint32_t typos, bool parts)
{
    struct expansion_request r = {.snap = s->snap,
                                  .arena = s->arena,
                                  .profile = &s->profile,
                                  .tails = s->searcher->tails,
                                  .words = s->words,
                                  .forms = s->plain ? NULL : s->searcher->forms,
                                  .parts = parts && !s->plain,
                                  .typos = typos,
                                  .prefix = s->query->prefix};
    struct share *share = &s->searcher->share;
    uint64_t key = collect_key(s, (uint64_t)typos << 1 | parts);
    if (share->arena && share_plan_get(share, key, &s->plan))
        return STATUS_OK;
    enum status st = expand_plan(&s->plan, &r);
    if (!st && share->arena)
        share_plan_put(share, key, &s->plan);
    return st;
}

static enum status expand(struct search *s, uint32_t typos, bool parts)
{
    spent(s, &s->out->work.retrieve_us);
    enum status st = expand_words(s, typos, parts);
    spent(s, &s->out->work.analyse_us);
    return !st && s->cursor && s->cursor->moved ? query_cursor_weigh(s->cursor, s->arena, &s->plan)
                                                : st;
}

/* Typos and words written otherwise: tried together, each when fewer products than its constant
 * match exactly. */
static enum status run_closer(struct search *s, uint32_t typos, bool all)
{
    const struct query *q = s->query;
    const double *n = s->profile.n;
    bool words = s->plan.group_count > 0;
    bool typing = stage(s, STAGE_TYPOS,
                        q->typos == QUERY_TYPOS_AUTO && s->found < n[PROFILE_typo_below] && words);
    bool parts =
        stage(s, STAGE_PARTS, !s->plain && q->typos && s->found < n[PROFILE_parts_below] && words);
    if (!typing && !parts)
        return STATUS_OK;
    typos = !typing ? typos : q->skip & QUERY_SKIP_TYPO_STEP ? 1 : 2;
    enum status st = expand(s, typos, parts);
    if (!st)
        st = reset_facets(s);
    return st ? st : collect_attempt(s, all);
}

static enum status run_words(struct search *s)
{
    const struct query *q = s->query;
    bool all = q->match != QUERY_ANY;
    uint32_t forced = q->typos > 0 ? (uint32_t)q->typos : 0, words = s->plan.group_count;
    s->tiers = !s->plain || all; /* the plain sum of BM25 knows no tiers */
    enum status st = expand(s, forced, false);
    if (!st)
        st = collect_attempt(s, all);
    if (!st)
        st = run_closer(s, forced, all);
    if (!st && stage(s, STAGE_RELAXED,
                     q->match == QUERY_RELAXED && s->found < s->profile.n[PROFILE_relax_below] &&
                         words > 1)) {
        st = relax_words(s);
        if (!st)
            st = reset_facets(s);
        if (!st)
            st = collect_attempt(s, false);
    }
    return st;
}

/* --- preparing and finishing ------------------------------------------------------------------ */

/* The filter by its terms, when some facets leave terms out or sub-queries share them. */
static enum status prepare_clauses(struct search *s)
{
    uint32_t n = s->query->facet_count;
    bool wanted = s->searcher->share.arena != NULL;
    for (uint32_t i = 0; i < n; i++)
        wanted |= s->query->facets[i].disjunctive;
    s->facet_clauses = arena_calloc(s->arena, n + 1, sizeof *s->facet_clauses);
    if (!s->facet_clauses)
        return STATUS_NO_MEMORY;
    if (!s->filter || !wanted)
        return STATUS_OK;
    enum status st = clauses_split(s->filter, s->arena, &s->clauses);
    if (st)
        return st;
    s->all_clauses = (uint32_t)(((uint64_t)1 << s->clauses->count) - 1);
    for (uint32_t i = 0; i < n; i++)
        s->facet_clauses[i] = s->query->facets[i].disjunctive
                                  ? clauses_not_only(s->clauses, facet_field(s->facets[i]))
                                  : s->all_clauses;
    return STATUS_OK;
}

static enum status prepare_facets(struct search *s)
{
    s->facets = arena_calloc(s->arena, s->query->facet_count + 1, sizeof *s->facets);
    if (!s->facets)
        return STATUS_NO_MEMORY;
    enum status st = reset_facets(s);
    return st ? st : prepare_clauses(s);
}

static enum status find_profile(struct search *s)
{
    struct slice name = s->query->profile, text = s->query->profile_text;
    if (text.len)
        return profile_parse(text, &s->profile, s->fault);
    if (snapshot_setting(s->snap, SLICE_LIT("profile"), name.len ? name : SLICE_LIT("default"),
                         &text) == STATUS_OK)
        return profile_parse(text, &s->profile, s->fault);
    if (profile_built_in(name, &s->profile))
        return STATUS_OK;
    return fault_set(s->fault, STATUS_NOT_FOUND, "profile", "the catalog has no profile '%.*s'",
                     (int)(name.len < 64 ? name.len : 64), name.ptr);
}

static bool is_stop(const void *ctx, struct slice word)
{
    return word_settings_stop(ctx, word);
}

/* Stop words go; synonyms are noted, or told when load leaves them out. */
static enum status apply_words(struct search *s)
{
    enum status st =
        word_settings_of(s->searcher->words, s->snap, s->searcher->analyser, &s->words);
    if (!st && s->words)
        st = rules_of(word_settings_rules(s->words), s->snap, s->searcher->analyser, s->query->text,
                      s->arena, &s->rules);
    if (st || !s->words)
        return st;
    plan_drop_stops(&s->plan, is_stop, s->words);
    if (!(s->query->skip & QUERY_SKIP_SYNONYMS))
        return STATUS_OK;
    if (synonyms_any(&s->plan, s->words))
        s->out->degraded[s->out->degraded_count++] = SLICE_LIT("synonyms");
    s->words = NULL;
    return STATUS_OK;
}

static enum status prepare(struct search *s)
{
    const struct query *q = s->query;
    if ((uint64_t)q->k + q->offset > QUERY_WINDOW)
        return fault_set(s->fault, STATUS_TOO_LARGE, "offset", "offset + k is at most %d",
                         QUERY_WINDOW);
    if (q->offset && q->k + q->offset > OFFSET_WINDOW)
        return fault_set(s->fault, STATUS_TOO_LARGE, "offset",
                         "offset + k is at most %d; go on with the cursor", OFFSET_WINDOW);
    s->plain = slice_equal(q->profile, SLICE_LIT("bm25"));
    enum status st = find_profile(s);
    if (!st) {
        make_lut(s->searcher, snapshot_schema(s->snap), s->profile.n);
        st = plan_words(s->searcher->analyser, q->text, snapshot_schema(s->snap), s->arena,
                        &s->plan, s->fault);
    }
    if (!st)
        st = field_limit_prepare(s);
    if (!st)
        st = filter_parse(q->filter, s->snap, s->arena, &s->filter, s->fault);
    if (!st)
        st = sort_keys_prepare(&s->sort, q, s->snap, s->searcher->texts, s->fault);
    if (!st)
        st = query_cursor_decode(q, s->snap, &s->sort, &s->searcher->scratch, s->arena, &s->cursor,
                                 s->fault);
    if (!st)
        st = groups_create(q, s->snap, &s->sort, s->arena, &s->groups, s->fault);
    if (!st)
        st = prepare_facets(s);
    s->now_ms = s->cursor ? s->cursor->now_ms : q->now_ms;
    uint32_t window = q->sort_count ? 0 : (uint32_t)s->profile.n[PROFILE_window];
    if (s->searcher->share.arena)
        share_of(&s->searcher->share, snapshot_uuid(s->snap), snapshot_generation(s->snap));
    if (s->cursor)
        s->top.cap = q->k + (s->cursor->in_window ? window : 0);
    else
        s->top.cap = q->k + q->offset > window ? q->k + q->offset : window;
    s->top_room = s->top.cap;
    s->top.items = arena_alloc(s->arena, (s->top.cap + 1) * sizeof *s->top.items);
    s->out->dropped_words = arena_calloc(s->arena, PLAN_WORDS_MAX, sizeof *s->out->dropped_words);
    s->out->degraded = arena_calloc(s->arena, 4, sizeof *s->out->degraded);
    if (!st && (!s->top.items || !s->out->dropped_words || !s->out->degraded))
        st = STATUS_NO_MEMORY;
    if (!st && !s->plain)
        st = apply_words(s);
    if (q->sort_count || s->groups)
        rules_drop_pins(&s->rules);
    bool exact = q->facet_count || s->plan.group_count == 0 || q->count_to == QUERY_COUNT_ALL;
    /* whether typos are tried and words dropped is decided by the count: never stop before it is
     * known */
    uint64_t asked = exact || q->count_to < 0 ? UINT64_MAX : (uint64_t)q->count_to;
    const double *n = s->profile.n;
    uint64_t least =
        (uint64_t)fmax(n[PROFILE_typo_below], fmax(n[PROFILE_relax_below], n[PROFILE_parts_below]));
    s->count_to = asked < least ? least : asked;
    return st;
}

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
    uint32_t n;
    enum status st = STATUS_OK;
    while ((n = window_of_cursor(s)), s->top.count == s->top.cap && s->top.cap - n < s->query->k) {
        s->top_room = s->top.cap *= 2;
        s->top.items = arena_alloc(s->arena, (s->top.cap + 1) * sizeof *s->top.items);
        if (!s->top.items)
            return STATUS_NO_MEMORY;
        st = reset_facets(s);
        if (!st)
            st = collect_attempt(s, s->all_words);
        if (st)
            return st;
        topk_sort(&s->top);
    }
    st = relevance_rank(s, n);
    s->window_last = s->cursor->window_last;
    for (*from = 0; *from < n && !candidate_before(&s->cursor->last, &s->top.items[*from]);)
        ++*from;
    return st;
}

/* Sorts the candidates, the second phase included; the page begins at *from. */
static enum status finish_order(struct search *s, uint32_t *from)
{
    *from = s->cursor ? 0 : s->query->offset;
    topk_sort(&s->top);
    if (s->cursor && s->cursor->in_window)
        return rank_again(s, from);
    if (s->cursor || (!s->query->k && !s->loose_rule))
        return STATUS_OK; /* nothing is shown that the second phase would move */
    return relevance_rank(s, (uint32_t)s->profile.n[PROFILE_window]);
}

/* The page [from, from + n) of the order as hits. */
static enum status finish_hits(struct search *s, uint32_t from, uint32_t n)
{
    struct query_result *out = s->out;
    enum status st = STATUS_OK;
    if (s->groups) {
        out->group_total = groups_total(s->groups);
        st = groups_hits(s->groups, s->top.items + from, n, &out->hits, &out->hit_count);
    } else {
        out->hits = arena_calloc(s->arena, n + RULE_PINS_MAX + 1, sizeof *out->hits);
        if (!out->hits)
            return STATUS_NO_MEMORY;
        for (uint32_t i = 0; i < n; i++)
            out->hits[i] = (struct hit){.docid = s->top.items[from + i].docid,
                                        .score = s->top.items[from + i].keys[0]};
        out->hit_count = n;
        if (!s->cursor)
            pins_place(s, out->hits, n, &out->hit_count);
    }
    for (uint32_t i = 0; !st && i < out->hit_count; i++)
        st = snapshot_id(s->snap, out->hits[i].docid, &out->hits[i].id);
    return st;
}

/* A cursor when something follows the page. */
static enum status finish_cursor(struct search *s, uint32_t from, uint32_t n)
{
    const struct query *q = s->query;
    uint64_t all = s->groups || (s->cursor && !s->cursor->in_window)
                       ? s->behind
                       : s->found - s->rules.pin_count;
    struct query_place place = {.stages = s->stages,
                                .dropped = s->dropped,
                                .now_ms = s->now_ms,
                                .last = &s->top.items[from + n - 1],
                                .window_last = from + n <= s->window ? &s->window_last : NULL};
    s->out->index_moved = s->cursor && s->cursor->moved;
    if (!n || s->out->hit_count < q->k || (!s->inexact && all <= (uint64_t)from + n))
        return STATUS_OK;
    return query_cursor_encode(q, s->snap, &s->sort, &s->plan, &place, &s->searcher->scratch,
                               s->arena, &s->out->cursor);
}

static enum status finish_terms(struct search *s)
{
    uint32_t n = 0;
    if (!s->query->want_terms)
        return STATUS_OK;
    for (uint32_t i = 0; i < s->plan.group_count; i++)
        n += s->plan.groups[i].count + 1;
    struct highlight_term *terms = arena_calloc(s->arena, n + 1, sizeof *terms);
    if (!terms)
        return STATUS_NO_MEMORY;
    n = 0;
    for (uint32_t i = 0; i < s->plan.group_count; i++) {
        const struct group *g = &s->plan.groups[i];
        for (uint32_t k = 0; k < g->count; k++)
            terms[n++] = (struct highlight_term){g->items[k].term, false};
        if (g->prefix.len)
            terms[n++] = (struct highlight_term){g->prefix, true};
    }
    s->out->terms = terms;
    s->out->term_count = n;
    return STATUS_OK;
}

static enum status finish(struct search *s)
{
    struct query_result *out = s->out;
    uint32_t from;
    enum status st = finish_order(s, &from);
    if (!st)
        st = relax_name(s);
    if (st)
        return st;
    uint32_t room = s->query->k;
    pins_settle(s);
    if (!s->cursor) {
        uint32_t before = pins_before(s, from), until = pins_before(s, (uint64_t)from + room);
        from -= before;
        room -= until - before;
    }
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
    spent(s, &out->work.rank_us);
    for (uint32_t i = 0; !st && i < s->query->facet_count; i++)
        st = facet_finish(s->facets[i], s->snap, s->searcher->folder, s->arena, &out->facets[i]);
    spent(s, &out->work.facet_us);
    out->facet_count = s->query->facet_count;
    out->found = s->found;
    out->found_exact = !s->inexact;
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

enum status search_run(struct searcher *sr, struct snapshot *snap, const struct query *q,
                       struct arena *arena, struct query_result *out, struct fault *fault)
{
    struct search *s = arena_calloc(arena, 1, sizeof *s);
    if (!s)
        return STATUS_NO_MEMORY;
    *out = (struct query_result){0};
    s->searcher = sr;
    s->snap = snap;
    s->query = q;
    s->arena = arena;
    s->fault = fault;
    s->out = out;
    s->stage_us = q->clock_us ? q->clock_us() : 0;
    enum status st = prepare(s);
    spent(s, &out->work.analyse_us);
    if (!st)
        st = run_words(s);
    spent(s, &out->work.retrieve_us);
    return st ? st : finish(s);
}

enum status search_scan(struct searcher *sr, struct snapshot *snap, struct slice filter,
                        uint32_t from_docid, struct arena *arena,
                        bool (*each)(void *ctx, uint32_t docid), void *ctx, struct fault *fault)
{
    struct filter *f;
    (void)sr;
    enum status st = filter_parse(filter, snap, arena, &f, fault);
    for (uint32_t d = from_docid; !st && d < snapshot_docid_end(snap); d++)
        if (snapshot_is_live(snap, d) && filter_match(f, d) && !each(ctx, d))
            break;
    return st;
}
