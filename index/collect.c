#include "index/collect.h"

/* Stale for longer than the query puts up with? A product without times to read is not shown. */
static bool too_stale(const struct search *s, uint32_t docid)
{
    struct product_times t;
    if (s->query->max_stale_ms < 0)
        return false;
    return snapshot_times(s->snap, docid, SLICE_NULL, &t) ||
           (s->query->now_ms > t.stale_ms &&
            s->query->now_ms - t.stale_ms > s->query->max_stale_ms);
}

static bool visible(const struct search *s, uint32_t docid)
{
    if (s->check_live && !snapshot_is_live(s->snap, docid))
        return false;
    const struct query *q = s->query;
    if (q->excluded && docid < q->excluded_bits && q->excluded[docid >> 6] >> (docid & 63) & 1)
        return false;
    return !too_stale(s, docid);
}

static enum status phrases_hold(struct search *s, uint32_t doc, bool *yes)
{
    *yes = true;
    for (uint32_t i = 0; i < s->plan.phrase_count && *yes; i++) {
        const struct phrase *p = &s->plan.phrases[i];
        bool there;
        enum status st = match_phrase(s->segment, doc, s->plan.words + p->first, p->count, &there);
        if (st)
            return st;
        *yes = there != p->excluded;
    }
    return STATUS_OK;
}

static enum status take(struct search *s, uint32_t doc, uint32_t score)
{
    uint32_t docid = s->base + doc;
    if (!visible(s, docid))
        return STATUS_OK;
    if (s->plan.phrase_count) {
        bool yes;
        enum status st = phrases_hold(s, doc, &yes);
        if (st || !yes)
            return st;
    }
    bool passes = filter_match(s->filter, docid);
    for (uint32_t i = 0; i < s->query->facet_count; i++)
        if (s->facet_filters[i] != s->filter ? filter_match(s->facet_filters[i], docid) : passes)
            facet_count(s->facets[i], docid);
    if (!passes)
        return STATUS_OK;
    if (!s->count_known)
        s->found++;
    struct candidate c = {.docid = docid, .tie = segment_tie(s->segment, doc)};
    sort_keys_fill(&s->sort, docid, score, c.keys);
    if (s->groups)
        return groups_take(s->groups, &c, score);
    if (s->cursor) { /* what earlier pages showed */
        if (!candidate_before(&s->cursor->last, &c))
            return STATUS_OK;
        s->behind++;
    }
    topk_push(&s->top, &c);
    return STATUS_OK;
}

static enum status on_batch(void *ctx, const uint32_t *docs, const uint32_t *scores, uint32_t count)
{
    struct search *s = ctx;
    enum status st = s->query->check ? s->query->check(s->query->check_ctx) : STATUS_OK;
    for (uint32_t i = 0; !st && i < count; i++)
        st = take(s, docs[i], scores[i]);
    return st;
}

static bool on_skip(void *ctx, uint32_t bound, uint32_t tie)
{
    struct search *s = ctx;
    if (s->query->no_pruning || s->query->facet_count || s->query->sort_count || s->groups)
        return false;
    if (!s->count_known && s->found < s->count_to)
        return false;
    if (topk_admits(&s->top, bound, tie))
        return false;
    s->inexact |= !s->count_known;
    return true;
}

/* --- segments --------------------------------------------------------------------------------- */

static enum status browse_segment(struct search *s)
{
    enum status st = STATUS_OK;
    uint32_t n = segment_doc_count(s->segment);
    for (uint32_t d = 0; !st && d < n; d++) {
        if (d % 1024 == 0 && s->query->check)
            st = s->query->check(s->query->check_ctx);
        if (!st && snapshot_is_live(s->snap, s->base + d))
            st = take(s, d, 0);
    }
    return st;
}

/* A single word needs no counting where nothing can be left out: its live frequency is the count.
 */
static bool counted_by_df(const struct search *s)
{
    const struct plan *p = &s->plan;
    return p->group_count == 1 && p->groups[0].count == 1 && !p->groups[0].prefix.len &&
           !p->groups[0].fields && !s->filter && !s->query->excluded && !p->phrase_count &&
           s->query->max_stale_ms < 0;
}

enum status collect_attempt(struct search *s, bool all)
{
    struct match_consumer consumer = {s, on_batch, on_skip};
    enum status st = STATUS_OK;
    s->found = 0;
    s->behind = 0;
    s->top.count = 0;
    if (s->groups)
        groups_reset(s->groups);
    s->inexact = false;
    bool by_df = counted_by_df(s);
    for (uint32_t i = 0; !st && i < snapshot_segment_count(s->snap); i++) {
        s->segment = snapshot_segment(s->snap, i);
        s->base = segment_base(s->segment);
        s->check_live = !snapshot_segment_all_live(s->snap, i);
        s->count_known = by_df;
        if (s->plan.group_count == 0)
            st = browse_segment(s);
        else if (s->loose_rule)
            st = loose_segment(s->searcher->loose, s->segment, &s->plan, s->loose_rule, s->lut,
                               &consumer, &s->out->work);
        else
            st = match_segment(s->searcher->matcher, s->segment, &s->plan, all, s->lut, s->arena,
                               &consumer, &s->out->work);
    }
    if (by_df)
        s->found = s->plan.groups[0].df;
    if (!st && s->groups)
        groups_select(s->groups, s->cursor ? &s->cursor->last : NULL, &s->top, &s->behind);
    return st;
}
