#include "index/query_stages.h"
#include "index/collect.h"
#include "index/expand.h"
#include "index/learn.h"
#include "index/relax.h"

#include <math.h>

/*
 * Exact matches are counted; are there fewer than a constant of the profile, typos and words
 * written otherwise are tried; are there too few still, words may be missing. Each attempt runs
 * over all segments with its own top-k. What is tried depends on the count of exact matches only,
 * never on k or offset, so that found, facets and pages of one query belong together; nor on the
 * filter, so that a value of a facet finds as many as were counted for it.
 */

enum status query_reset_facets(struct search *s)
{
    for (uint32_t i = 0; i < s->query->facet_count; i++) {
        enum status st = s->facets[i] ? facet_counter_reset(s->facets[i])
                                      : facet_counter_create(&s->query->facets[i], s->snap,
                                                             s->arena, &s->facets[i], s->fault);
        if (st)
            return st;
    }
    return STATUS_OK;
}

/* Ends a stage of the work: its time goes to `us`. */
void query_spent(struct search *s, uint32_t *us)
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
                                  .words = s->words,
                                  .forms = s->plain ? NULL : s->searcher->forms,
                                  .recall = s->searcher->recall,
                                  .parts = parts && !s->plain,
                                  .typos = typos,
                                  .first = s->cursor,
                                  .prefix = s->query->prefix};
    struct share *share = &s->searcher->share;
    bool shares = share->arena && !s->weighed; /* a cursor says what was not known then */
    uint64_t key =
        collect_key(s, (uint64_t)(s->stages & STAGE_PASTED) << 8 | (uint64_t)typos << 1 | parts);
    if (shares && share_plan_get(share, key, &s->plan))
        return STATUS_OK;
    enum status st = expand_plan(&s->plan, &r);
    if (!st && shares)
        share_plan_put(share, key, &s->plan);
    return st;
}

static enum status expand(struct search *s, uint32_t typos, bool parts)
{
    query_spent(s, &s->out->work.retrieve_us);
    enum status st = expand_words(s, typos, parts);
    query_spent(s, &s->out->work.analyse_us);
    /* also where nothing moved since the last page: its weights may be those of an earlier one */
    return !st && s->cursor ? query_cursor_weigh(s->cursor, s->arena, &s->plan) : st;
}

/* What a group was before it was expanded anew. */
struct earlier {
    const struct alternative *items;
    uint32_t count, idf;
};

static bool same_alternatives(const struct earlier *was, const struct group *g)
{
    bool same = was->count == g->count && was->idf == g->idf;
    for (uint32_t i = 0; same && i < g->count && was->items != g->items; i++) {
        const struct alternative *a = &was->items[i], *b = &g->items[i];
        same = !a->docs && !b->docs && a->kind == b->kind && a->idf == b->idf &&
               a->tier == b->tier && slice_equal(a->term, b->term);
    }
    return same;
}

/* Expands the words anew; *same: nothing came of it, and what was found stands. */
static enum status expand_closer(struct search *s, uint32_t typos, bool parts, bool *same)
{
    struct earlier was[PLAN_WORDS_MAX];
    uint32_t n = s->plan.group_count;
    for (uint32_t i = 0; i < n; i++) {
        const struct group *g = &s->plan.groups[i];
        was[i] = (struct earlier){g->items, g->count, g->idf};
    }
    enum status st = expand(s, typos, parts);
    *same = n == s->plan.group_count;
    for (uint32_t i = 0; !st && *same && i < n; i++)
        *same = same_alternatives(&was[i], &s->plan.groups[i]);
    return st;
}

/* Typos and words written otherwise: tried together, each when fewer products than its constant
 * match exactly. */
static enum status run_closer(struct search *s, uint32_t typos, bool all)
{
    const struct query *q = s->query;
    const double *n = s->profile.n;
    double found = (double)collect_by_words(s);
    bool words = s->plan.group_count > 0;
    bool typing = stage(s, STAGE_TYPOS,
                        q->typos == QUERY_TYPOS_AUTO && found < n[PROFILE_typo_below] && words);
    bool parts =
        stage(s, STAGE_PARTS, !s->plain && q->typos && found < n[PROFILE_parts_below] && words);
    if (!typing && !parts)
        return STATUS_OK;
    typos = !typing ? typos : q->skip & QUERY_SKIP_TYPO_STEP ? 1 : 2;
    bool same;
    enum status st = expand_closer(s, typos, parts, &same);
    if (st || same)
        return st;
    st = query_reset_facets(s);
    return st ? st : collect_attempt(s, all);
}

/* Products that hold only some of the words. */
static enum status run_relaxed(struct search *s, const struct relax_more *more)
{
    enum status st = relax_words(s, more);
    if (!st)
        st = relax_make_room(s);
    if (!st)
        st = query_reset_facets(s);
    return st ? st : collect_attempt(s, false);
}

enum { LEARN_FEW = 10 }; /* where fewer are found, each word is looked at for itself */

/* What the best products teach, in another attempt: behind the first that order what is found, and
 * where it is `few`, stand for words. */
static enum status run_learnt(struct search *s, struct relax_more *more, struct learnt **learnt,
                              bool few)
{
    bool only_first = false;
    enum status st = STATUS_OK;
    more->standing = stage(s, STAGE_STANDING, few);
    if (!more->standing)
        st = learn_first(s, learnt, &only_first);
    if (!st && !only_first && (!*learnt || !(*learnt)->count)) {
        if (s->cursor)
            s->cursor->window_open = true;
        st = learn_words(s, learnt);
    }
    more->learnt = *learnt;
    if (st || only_first || (!(*learnt)->count && (s->loose_rule->any || !(*learnt)->head)))
        return st; /* every product keeps its place */
    return run_relaxed(s, more);
}

/* Fewer words, then the words of the best products beside them. Of two words one is half: what a
 * learnt word could make up for is found. */
static enum status run_fewer_words(struct search *s)
{
    const double *n = s->profile.n;
    struct relax_more more = {0};
    struct learnt *learnt = s->cursor ? s->cursor->learnt : NULL;
    bool learns = !s->limited && !s->plain && s->plan.group_count > 2 && learn_possible(s);
    uint64_t least = (uint64_t)fmax(n[PROFILE_learn_below], n[PROFILE_learn_order]);
    if (learns && s->count_to < least)
        s->count_to = least;
    enum status st = run_relaxed(s, &more);
    double found = (double)collect_by_words(s);
    bool few = found < n[PROFILE_learn_below], orders = found < n[PROFILE_learn_order];
    if (!st && stage(s, STAGE_LEARNT, learns && found > 0 && (few || orders)))
        st = run_learnt(s, &more, &learnt, few);
    if (!st && stage(s, STAGE_ALONE, learns && few && collect_by_words(s) < LEARN_FEW)) {
        uint32_t before = learnt && !s->cursor ? learnt->count : 0;
        if (!s->cursor)
            st = learn_by_word(s, &learnt);
        more.standing = true;
        more.learnt = learnt;
        if (!st && learnt && learnt->count > before)
            st = run_relaxed(s, &more);
    }
    more.bare = true;
    if (!s->loose_rule || !s->loose_rule->learnt) { /* there was nothing to learn */
        more.learnt = NULL;
        s->stages &= (uint8_t) ~(STAGE_LEARNT | STAGE_STANDING | STAGE_ALONE);
    }
    if (!st &&
        stage(s, STAGE_BARE,
              s->plan.group_count > 2 && (double)collect_by_words(s) < n[PROFILE_bare_below]))
        st = run_relaxed(s, &more);
    return st;
}

/*
 * A title that was pasted may hold " -word", and what was looked for is excluded. Where so many
 * words are asked for that they name one thing, nothing holds them without the excluded ones, and
 * something holds all of them, the hyphen was no more than one.
 */
static enum status run_pasted(struct search *s, uint32_t typos)
{
    enum { WORDS_OF_A_TITLE = 3 };
    if (!stage(s, STAGE_PASTED,
               s->query->match == QUERY_RELAXED && !s->plain && s->plan.hyphens &&
                   s->plan.group_count >= WORDS_OF_A_TITLE && collect_by_words(s) == 0))
        return STATUS_OK;
    struct plan *excluding = arena_alloc(s->arena, sizeof *excluding);
    if (!excluding)
        return STATUS_NO_MEMORY;
    *excluding = s->plan;
    enum status st = query_read_as_pasted(s);
    if (!st)
        st = expand(s, typos, false);
    if (!st)
        st = query_reset_facets(s);
    if (!st)
        st = collect_attempt(s, true);
    if (st)
        return st;
    if (!s->cursor && collect_by_words(s) == 0) {
        s->stages &= (uint8_t)~STAGE_PASTED;
        s->plan = *excluding;
        return STATUS_OK;
    }
    s->out->degraded[s->out->degraded_count++] = SLICE_LIT("exclusions");
    return STATUS_OK;
}

enum status query_attempts(struct search *s)
{
    const struct query *q = s->query;
    bool all = q->match != QUERY_ANY;
    uint32_t forced = q->typos > 0 ? (uint32_t)q->typos : 0, words = s->plan.group_count;
    s->tiers = !s->plain || all; /* the plain sum of BM25 knows no tiers */
    enum status st = expand(s, forced, false);
    if (!st)
        st = collect_attempt(s, all);
    if (!st)
        st = run_pasted(s, forced);
    if (!st)
        st = run_closer(s, forced, all);
    if (!st && stage(s, STAGE_RELAXED,
                     q->match == QUERY_RELAXED && words > 1 &&
                         (double)collect_by_words(s) < s->profile.n[PROFILE_relax_below]))
        st = run_fewer_words(s);
    return st;
}
