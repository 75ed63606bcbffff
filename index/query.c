#include "index/query.h"
#include "index/collect.h"
#include "index/field_limit.h"
#include "index/query_stages.h"
#include "index/synonyms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * One search: it is prepared here (words, filter, order, what the catalog says of words), found by
 * attempts (query_attempts), ordered and made into a page (query_finish).
 */

/* Pages by offset end at OFFSET_WINDOW; behind it, a cursor goes on. */
enum { QUERY_WINDOW = 10000, OFFSET_WINDOW = 1000 };

/* --- preparing -------------------------------------------------------------------------------- */

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
                                  ? clauses_not_only(s->clauses, facet_field(s->facets[i]),
                                                     facet_attribute(s->facets[i]))
                                  : s->all_clauses;
    return STATUS_OK;
}

static enum status parse_filter(struct search *s)
{
    struct share *share = &s->searcher->share;
    if (!share->arena)
        return filter_parse(s->query->filter, s->snap, s->arena, &s->filter, s->fault);
    share_of(share, s->snap);
    return filter_parse_known(s->query->filter, s->snap, s->arena, &share->terms, &s->filter,
                              s->fault);
}

static enum status prepare_facets(struct search *s)
{
    s->facets = arena_calloc(s->arena, s->query->facet_count + 1, sizeof *s->facets);
    if (!s->facets)
        return STATUS_NO_MEMORY;
    enum status st = query_reset_facets(s);
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

enum status query_read_as_pasted(struct search *s)
{
    s->plan = (struct plan){0};
    enum status st = plan_words(s->searcher->analyser, s->query->text, true,
                                snapshot_schema(s->snap), s->arena, &s->plan, s->fault);
    if (!st)
        st = field_limit_prepare(s);
    if (!st && s->words)
        plan_drop_stops(&s->plan, is_stop, s->words);
    return st;
}

/* Stop words go; synonyms are noted, or told when load leaves them out. */
static enum status apply_words(struct search *s)
{
    enum status st =
        word_settings_of(s->searcher->words, s->snap, s->searcher->analyser, &s->words);
    struct slice wanted = SLICE_NULL;
    if (!st && s->words)
        st = plan_wanted_text(s->query->text, snapshot_schema(s->snap), s->arena, &wanted);
    if (!st && s->words)
        st = rules_of(word_settings_rules(s->words), s->snap, s->searcher->analyser, wanted,
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

/* Room for the page and the window, and for what is ranked there to be left out at the end. */
static enum status make_top(struct search *s)
{
    const struct query *q = s->query;
    uint32_t window = q->sort_count ? 0 : (uint32_t)s->profile.n[PROFILE_window];
    if (s->cursor)
        s->top.cap = q->k + (s->cursor->in_window ? window : 0);
    else
        s->top.cap = q->k + q->offset > window ? q->k + q->offset : window;
    if (s->top.cap && collect_ranks_hidden(s))
        s->top.cap += s->rules.hidden_count;
    s->top_room = s->top.cap += !s->top.cap;
    s->top.items = arena_alloc(s->arena, (s->top.cap + 1) * sizeof *s->top.items);
    return s->top.items ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status prepare(struct search *s)
{
    const struct query *q = s->query;
    if (q->offset && (uint64_t)q->k + q->offset > OFFSET_WINDOW)
        return fault_set(s->fault, STATUS_TOO_LARGE, "offset",
                         "offset + k is at most %d; go on with the cursor", OFFSET_WINDOW);
    if (q->k > QUERY_WINDOW)
        return fault_set(s->fault, STATUS_TOO_LARGE, "k", "k is at most %d", QUERY_WINDOW);
    if (q->facet_count > FACETS_MAX)
        return fault_set(s->fault, STATUS_TOO_LARGE, "facet", "at most %d facets of one search",
                         FACETS_MAX);
    s->plain = slice_equal(q->profile, SLICE_LIT("bm25"));
    enum status st = s->plain ? STATUS_OK : forms_begin(s->searcher->forms, s->snap);
    if (!st)
        st = find_profile(s);
    if (!st) {
        searcher_weigh(s->searcher, snapshot_schema(s->snap), s->profile.n);
        st = plan_words(s->searcher->analyser, q->text, false, snapshot_schema(s->snap), s->arena,
                        &s->plan, s->fault);
    }
    if (!st)
        st = field_limit_prepare(s);
    if (!st)
        st = parse_filter(s);
    if (!st)
        st = sort_keys_prepare(&s->sort, q, s->snap, s->searcher->texts, s->fault);
    if (!st)
        st = query_cursor_decode(q, s->snap, &s->sort, &s->searcher->scratch, s->arena, &s->cursor,
                                 s->fault);
    if (!st)
        st = groups_create(q, s->snap, &s->sort, s->arena, &s->groups, s->fault);
    if (!st)
        st = prepare_facets(s);
    s->weighed = s->cursor != NULL;
    s->now_ms = s->cursor ? s->cursor->now_ms : q->now_ms;
    s->out->dropped_words = arena_calloc(s->arena, PLAN_WORDS_MAX, sizeof *s->out->dropped_words);
    s->out->degraded = arena_calloc(s->arena, 5, sizeof *s->out->degraded);
    if (!st && (!s->out->dropped_words || !s->out->degraded))
        st = STATUS_NO_MEMORY;
    if (!st && !s->plain)
        st = apply_words(s);
    if (q->sort_count || s->groups)
        rules_drop_pins(&s->rules);
    if (!st)
        st = make_top(s);
    bool exact = q->facet_count || s->plan.group_count == 0 || q->count_to == QUERY_COUNT_ALL;
    /* whether typos are tried and words dropped is decided by the count: never stop before it is
     * known */
    uint64_t asked = exact || q->count_to < 0 ? UINT64_MAX : (uint64_t)q->count_to;
    const double *n = s->profile.n;
    double relax = fmax(n[PROFILE_relax_below], n[PROFILE_bare_below]);
    uint64_t least = (uint64_t)fmax(n[PROFILE_typo_below], fmax(relax, n[PROFILE_parts_below]));
    s->count_to = asked < least ? least : asked;
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
    snapshot_trouble(snap);
    pulse_begin(snapshot_pulse(snap), q->check, q->check_ctx, q->check_work);
    enum status st = prepare(s);
    query_spent(s, &out->work.analyse_us);
    if (!st)
        st = query_attempts(s);
    query_spent(s, &out->work.retrieve_us);
    st = st ? st : query_finish(s);
    if (snapshot_pulse(snap)->stopped) /* whatever else that led to */
        st = snapshot_pulse(snap)->stopped;
    pulse_begin(snapshot_pulse(snap), NULL, NULL, 0);
    return st ? st : snapshot_trouble(snap);
}

enum status search_scan(struct searcher *sr, struct snapshot *snap, struct slice filter,
                        uint32_t from_docid, struct arena *arena,
                        bool (*each)(void *ctx, uint32_t docid), void *ctx, struct fault *fault)
{
    struct filter *f;
    (void)sr;
    snapshot_trouble(snap);
    enum status st = filter_parse(filter, snap, arena, &f, fault);
    for (uint32_t d = from_docid; !st && d < snapshot_docid_end(snap); d++)
        if (snapshot_is_live(snap, d) && filter_match(f, d) && !each(ctx, d))
            break;
    return st ? st : snapshot_trouble(snap);
}
