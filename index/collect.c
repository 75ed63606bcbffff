#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/collect_private.h"

/*
 * Batches of matches pass one sieve after the other (collect_sieve.c), each over the whole batch,
 * and the filter; then they are counted, and what can enter the top is ranked.
 */

/* --- filtering, counting ---------------------------------------------------------------------- */

bool collect_passes(const struct search *s, uint32_t facet, uint32_t docid)
{
    uint32_t asked = facet < s->query->facet_count ? s->facet_clauses[facet] : s->all_clauses;
    if (!s->clauses)
        return filter_match(s->filter, docid);
    for (uint32_t c = asked; c; c &= c - 1)
        if (!filter_match(s->clauses->items[__builtin_ctz(c)].filter, docid))
            return false;
    return true;
}

/* Products of a batch by the terms of the filter, a bit each. */
struct by_clauses {
    const uint32_t *docs, *scores;
    uint32_t count;
    const uint64_t *bits[CLAUSES_MAX];
};

/* Unpacks the products that pass all of `clauses`, with their scores unless that is NULL; returns
 * how many. */
static uint32_t unpack(const struct by_clauses *b, uint32_t clauses, uint32_t *docs,
                       uint32_t *scores)
{
    uint64_t bits[CLAUSES_WORDS];
    uint32_t words = (b->count + 63) / 64;
    memset(bits, 0xff, words * sizeof *bits);
    if (b->count % 64)
        bits[words - 1] = ((uint64_t)1 << b->count % 64) - 1;
    for (uint32_t c = clauses; c; c &= c - 1)
        for (uint32_t w = 0; w < words; w++)
            bits[w] &= b->bits[__builtin_ctz(c)][w];
    return kernels_best()->pick(b->docs, scores ? b->scores : NULL, b->count, bits, docs, scores);
}

/* Counts and ranks by bits; facets that leave out terms of the filter see more products. */
static enum status take_by_clauses(struct search *s, const struct by_clauses *b)
{
    uint32_t docs[CLAUSES_BATCH + KERNEL_SLACK], scores[CLAUSES_BATCH + KERNEL_SLACK];
    const struct query *q = s->query;
    for (uint32_t f = 0; f < q->facet_count; f++)
        if (s->facet_clauses[f] != s->all_clauses) {
            uint32_t n =
                unpack(b, s->facet_clauses[f], docs, s->rules.hidden_count ? scores : NULL);
            facet_count_all(s->facets[f], docs, collect_keep_shown(s, docs, scores, n, NULL));
        }
    struct hidden_batch apart;
    apart.count = 0;
    bool scored = collect_ranks(s) || s->rules.hidden_count;
    uint32_t count = unpack(b, s->all_clauses, docs, scored ? scores : NULL);
    count = collect_keep_shown(s, docs, scores, count, &apart);
    for (uint32_t f = 0; f < q->facet_count; f++)
        if (s->facet_clauses[f] == s->all_clauses)
            facet_count_all(s->facets[f], docs, count);
    if (!s->count_known) {
        s->found += count;
        s->unfiltered += b->count;
    }
    return collect_rank_all(s, docs, scores, count, &apart);
}

static enum status ask_clauses(struct search *s, const uint32_t *docs, const uint32_t *scores,
                               uint32_t count)
{
    uint64_t bits[CLAUSES_MAX][CLAUSES_WORDS];
    struct by_clauses b = {docs, scores, count, {0}};
    for (uint32_t c = 0; c < s->clauses->count; c++) {
        clauses_ask(s->clauses, c, docs, count, bits[c]);
        b.bits[c] = bits[c];
    }
    return take_by_clauses(s, &b);
}

/* Filters, counts and ranks what the words found of one segment. */
static enum status take(struct search *s, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    const struct query *q = s->query;
    if (s->clauses)
        return ask_clauses(s, docs, scores, count);
    if (!s->again)
        s->unfiltered += count;
    if (s->filter)
        count = filter_keep(s->filter, docs, scores, count);
    struct hidden_batch apart;
    apart.count = 0;
    count = collect_keep_shown(s, docs, scores, count, &apart);
    for (uint32_t f = 0; f < q->facet_count && !s->again; f++)
        facet_count_all(s->facets[f], docs, count);
    if (!s->count_known && !s->again)
        s->found += count;
    return collect_rank_all(s, docs, scores, count, &apart);
}

/* Where every match is seen anyway, small batches are put together: filters and facets pay for each
 * batch. They ascend. */
static bool gathers(const struct search *s)
{
    return s->all_words && (s->filter || s->query->facet_count || s->groups) &&
           collect_counts_all(s) && !s->recording;
}

/* False: out of memory. */
static bool make_room(struct search *s)
{
    struct gathered *g = &s->gathered;
    g->count = 0;
    if (!gathers(s)) {
        g->docs = NULL;
        return true;
    }
    if (!g->room)
        g->room = arena_alloc(s->arena, (size_t)2 * (GATHERED + KERNEL_SLACK) * sizeof *g->room);
    g->docs = g->room;
    g->scores = g->room ? g->room + GATHERED + KERNEL_SLACK : NULL;
    return g->room != NULL;
}

static enum status take_gathered(struct search *s)
{
    uint32_t count = s->gathered.count;
    s->gathered.count = 0;
    return count ? take(s, s->gathered.docs, s->gathered.scores, count) : STATUS_OK;
}

static enum status gather(struct search *s, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    enum { LARGE = GATHERED / 4 };
    struct gathered *g = &s->gathered;
    enum status st = STATUS_OK;
    if (g->count && (g->count + count > GATHERED || (count && docs[0] <= g->docs[g->count - 1])))
        st = take_gathered(s);
    if (st || count >= LARGE)
        return st ? st : take(s, docs, scores, count);
    memcpy(g->docs + g->count, docs, count * sizeof *docs);
    memcpy(g->scores + g->count, scores, count * sizeof *scores);
    g->count += count;
    return st;
}

/* What is told of batches changes: those gathered are taken as they were told of. */
static void take_before(struct search *s, bool changes)
{
    enum status st = changes && s->gathered.count ? take_gathered(s) : STATUS_OK;
    s->stopped = s->stopped ? s->stopped : st;
}

static enum status on_batch(void *ctx, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    struct search *s = ctx;
    enum status st = s->stopped ? s->stopped : pulse_ask(snapshot_pulse(s->snap));
    if (!st)
        st = collect_sieve(s, docs, scores, &count);
    if (st)
        return st;
    if (s->recording) { /* filtered, counted and ranked when all are there */
        share_put(&s->searcher->share, s->recording, s->segment_place, docs, scores, count);
        return st;
    }
    return s->gathered.docs ? gather(s, docs, scores, count) : take(s, docs, scores, count);
}

/* More read than the query may: the rest is left out, and told. */
static bool spent(struct search *s)
{
    uint64_t most = s->query->postings_max;
    if (!most || s->out->work.postings_read <= most)
        return false;
    s->early_stop = s->inexact = true;
    return true;
}

static enum match_need on_need(void *ctx, uint32_t bound, uint32_t tie)
{
    struct search *s = ctx;
    if (spent(s))
        return MATCH_SKIP;
    if (!s->stopped)
        s->stopped = pulse_beat(snapshot_pulse(s->snap), 8);
    if (s->query->no_pruning || s->sort.count || s->groups || s->stopped || s->recording ||
        (topk_admits(&s->top, bound, tie) && bound >= s->at_least))
        return MATCH_SCORE;
    if (s->again)
        return MATCH_SKIP;
    if (!collect_counted_enough(s))
        return MATCH_COUNT;
    s->inexact |= !s->count_known;
    return MATCH_SKIP;
}

/* Looking for a product in the top is cheap only while the top is small. */
static bool on_again(void *ctx, bool again)
{
    enum { SMALL_TOP = 64 };
    struct search *s = ctx;
    if (s->query->no_pruning || s->sort.count || s->groups || s->cursor || s->clauses ||
        s->recording || s->top.cap > SMALL_TOP)
        return false;
    take_before(s, s->again != again);
    s->apart = true;
    s->again = again;
    return true;
}

static void on_lacking(void *ctx, uint32_t groups)
{
    struct search *s = ctx;
    take_before(s, s->lacks != groups);
    s->lacks = groups;
}

static bool on_counted(void *ctx, const struct match_bits *part)
{
    return collect_count_bits(ctx, part);
}

static uint32_t on_floor(void *ctx, uint32_t tie)
{
    struct search *s = ctx;
    if (spent(s))
        return UINT32_MAX;
    bool full = s->top.count == s->top.cap;
    if (s->query->no_pruning || s->sort.count || s->groups || s->recording ||
        (!full && !s->at_least) || !collect_counted_enough(s))
        return 0;
    s->inexact |= !s->count_known;
    const struct candidate *worst = &s->top.items[0];
    uint32_t floor = !full        ? 0
                     : s->top.cap ? (uint32_t)worst->keys[0] + (tie > worst->tie)
                                  : UINT32_MAX;
    return floor > s->at_least ? floor : s->at_least;
}

static uint32_t on_takes(void *ctx)
{
    const struct search *s = ctx;
    bool all = collect_may_count_bits(s) && !s->check_live && !s->query->no_pruning &&
               !s->sort.count && !s->groups && !s->query->postings_max;
    return all ? s->top.cap : 0;
}

static void on_at_least(void *ctx, uint32_t score, uint32_t count)
{
    struct search *s = ctx;
    s->at_least = score > s->at_least ? score : s->at_least;
    collect_count_beyond(s, count);
}

/* --- segments --------------------------------------------------------------------------------- */

static enum status browse_segment(struct search *s)
{
    enum { PIECE = 1024 };
    enum status st = STATUS_OK;
    uint32_t n = segment_doc_count(s->segment), docs[PIECE + KERNEL_SLACK],
             scores[PIECE + KERNEL_SLACK];
    for (uint32_t from = 0; !st && from < n; from += PIECE) {
        uint32_t count = n - from < PIECE ? n - from : PIECE;
        for (uint32_t i = 0; i < count; i++) {
            docs[i] = from + i;
            scores[i] = 0;
        }
        st = on_batch(s, docs, scores, count);
    }
    return st;
}

/* --- sharing ---------------------------------------------------------------------------------- */

uint64_t collect_key(const struct search *s, uint64_t more)
{
    const struct query *q = s->query;
    struct buf *b = &s->searcher->scratch;
    if (!s->searcher->share.arena)
        return 0;
    buf_clear(b);
    wire_put_bytes(b, q->text);
    wire_put_varint(b, (uint64_t)q->match << 1 | q->prefix);
    wire_put_zigzag(b, q->typos);
    wire_put_varint(b, q->field_count);
    for (uint32_t i = 0; i < q->field_count; i++)
        wire_put_bytes(b, q->fields[i]);
    wire_put_bytes(b, q->profile);
    wire_put_bytes(b, q->profile_text);
    wire_put_u64(b, q->skip);
    wire_put_zigzag(b, q->max_stale_ms);
    wire_put_u64(b, q->max_stale_ms >= 0 || q->excluded ? (uint64_t)q->now_ms : 0);
    wire_put_u64(b, (uint64_t)(uintptr_t)q->excluded);
    wire_put_u64(b, more);
    return XXH3_64bits(b->ptr, b->len);
}

/* The products of an earlier sub-query stand for the matches of this one. */
static enum status replay(struct search *s, struct share_base *base)
{
    struct by_clauses b = {0};
    uint32_t n = s->clauses ? s->clauses->count : 0;
    enum status st = STATUS_OK;
    for (uint32_t c = 0; c < n; c++)
        if (!(b.bits[c] =
                  share_bits(&s->searcher->share, base, s->clauses, c, snapshot_pulse(s->snap))))
            return STATUS_NO_MEMORY;
    s->count_known = false;
    s->early_stop |= base->early_stop;
    s->inexact |= base->early_stop;
    for (const struct share_piece *p = base->first; p && !st; p = p->next) {
        s->segment = snapshot_segment(s->snap, p->segment);
        s->base = segment_base(s->segment);
        b.docs = p->docids;
        b.scores = p->scores;
        b.count = p->count;
        st = pulse_ask(snapshot_pulse(s->snap));
        if (!st)
            st = take_by_clauses(s, &b);
        for (uint32_t c = 0; c < n; c++)
            b.bits[c] += CLAUSES_WORDS;
    }
    return st;
}

/* Matches that must be seen before any may be skipped. */
static uint64_t to_count(const struct search *s)
{
    if (s->count_known)
        return 0;
    if (collect_counts_all(s) || s->recording)
        return UINT64_MAX;
    return s->found < s->count_to ? s->count_to - s->found : 0;
}

/* A word that all must hold and nobody does: no list need be opened to know. */
static bool lacks_a_word(const struct plan *p)
{
    for (uint32_t i = 0; i < p->group_count; i++) {
        const struct group *g = &p->groups[i];
        if (!g->df && g->count == 1 && !g->items[0].docs && !g->prefix.len)
            return true;
    }
    return false;
}

static enum status collect_segments(struct search *s, bool all)
{
    if (s->plan.wordless || (all && lacks_a_word(&s->plan)))
        return STATUS_OK;
    const struct match_consumer consumer = {s,           on_batch,     on_need,       on_again,
                                            on_lacking,  on_counted,   on_floor,      on_takes,
                                            on_at_least, collect_both, collect_number};
    struct match_spec spec = {.lut = s->searcher->lut,
                              .lut_name = s->searcher->lut_name,
                              .all = all,
                              .apart = s->completing,
                              .tiers = s->tiers,
                              .edition = snapshot_edition(s->snap),
                              .one_by_one = s->query->postings_max || s->query->no_pruning};
    enum status st = STATUS_OK;
    bool by_df = collect_counted_by_df(s);
    if (!make_room(s))
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; !st && i < snapshot_segment_count(s->snap); i++) {
        s->segment = snapshot_segment(s->snap, i);
        s->segment_place = i;
        s->base = segment_base(s->segment);
        s->check_live = !snapshot_segment_all_live(s->snap, i);
        s->count_known = by_df;
        s->apart = s->again = false;
        s->lacks = 0;
        if (s->plan.group_count == 0)
            st = browse_segment(s);
        else if (s->loose_rule && !s->loose_rule->any) /* any word: nothing to hold against it */
            st = loose_segment(s->searcher->loose, s->segment, &s->plan, s->loose_rule,
                               s->searcher->lut, s->arena, &consumer, &s->out->work);
        else {
            spec.counted = to_count(s);
            spec.by_bits = collect_may_count_bits(s) && !s->count_known;
            st = match_segment(s->searcher->matcher, s->segment, &s->plan, &spec, s->arena,
                               &consumer, &s->out->work);
        }
        st = st ? st : s->stopped;
        st = st ? st : take_gathered(s);
    }
    if (by_df && !st)
        st = collect_count_by_df(s);
    return st;
}

static enum status collect_shared(struct search *s, bool all)
{
    struct share *share = &s->searcher->share;
    uint64_t key =
        collect_key(s, (uint64_t)s->stages << 2 | (uint64_t)all << 1 | (s->loose_rule != NULL));
    struct share_base *base = share_find(share, key);
    if (base)
        return replay(s, base);
    base = s->recording = share_add(share, key);
    bool before = s->early_stop, stopped;
    s->early_stop = false;
    enum status st = base ? collect_segments(s, all) : STATUS_NO_MEMORY;
    s->recording = NULL;
    stopped = s->early_stop;
    s->early_stop |= before;
    if (st)
        return st;
    base->complete = base->product_count <= SHARE_MOST;
    base->early_stop = stopped;
    s->found = s->unfiltered = 0;
    return base->complete ? replay(s, base) : collect_segments(s, all); /* too many to keep */
}

uint64_t collect_by_words(const struct search *s)
{
    bool all_seen = s->filter || s->rules.hidden_count; /* else some are counted unseen */
    return all_seen ? s->unfiltered : s->found;
}

/* Everything that holds both of two words is in the top, and nothing but the words counts: then
 * those that hold one are added to it. */
static bool completes(const struct search *s)
{
    return s->loose_rule && s->loose_rule->any && s->plan.group_count == 2 && s->all_words &&
           s->top.count == s->found && !s->inexact && !s->searcher->share.arena &&
           !s->query->postings_max && !s->query->no_pruning && !s->query->facet_count &&
           !s->sort.count && !s->groups && collect_may_count_bits(s);
}

enum status collect_attempt(struct search *s, bool all)
{
    s->completing = !all && completes(s);
    if (s->completing && collect_keep_both(s))
        return STATUS_NO_MEMORY;
    s->all_words = all;
    s->found = s->unfiltered = 0;
    s->behind = 0;
    s->at_least = 0;
    if (!s->completing)
        s->top.count = 0;
    /* Page or no page: what a relaxed search does without is told by its best product, and what
     * cannot enter the top is left out of the count alike. */
    s->top.cap = s->query->k || s->loose_rule || !collect_counts_exactly(s) ? s->top_room : 0;
    if (s->groups)
        groups_reset(s->groups);
    s->inexact = false;
    bool sharing = s->searcher->share.arena && !s->weighed;
    enum status st = collect_begin_ranking(s);
    if (!st)
        st = sharing ? collect_shared(s, all) : collect_segments(s, all);
    return st ? st : collect_end_ranking(s);
}
