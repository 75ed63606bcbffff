#include "index/collect_private.h"

/*
 * What passed every sieve is ranked. Where nothing but the score orders what is found, numbers
 * stand for the candidates until all segments are read.
 */

/* Does the second phase order anything? Behind it groups alone count. */
static bool windowed(const struct search *s)
{
    return !s->cursor || s->cursor->in_window;
}

static enum status rank_one(struct search *s, uint32_t docid, uint32_t score)
{
    struct candidate c = {.docid = docid, .tie = segment_tie(s->segment, docid - s->base)};
    sort_keys_fill(&s->sort, docid, score, c.keys);
    if (s->groups) {
        enum status st = groups_take(s->groups, &c, score);
        if (st || !windowed(s) ||
            (s->top.count == s->top.cap && s->top.cap && c.keys[0] < s->top.items[0].keys[0]))
            return st;
    } else if (!windowed(s)) { /* what earlier pages showed */
        if (!candidate_before(&s->cursor->last, &c))
            return STATUS_OK;
        s->behind++;
    }
    topk_push(&s->top, &c);
    return STATUS_OK;
}

enum { TIES = 256 }; /* read at once */

/* Ties of documents from `docs` on, up to TIES of them; returns how many. */
static uint32_t ties_of(const struct search *s, const uint32_t *docs, uint32_t count,
                        uint32_t *ties)
{
    uint32_t n = count < TIES ? count : TIES;
    for (uint32_t i = 0; i < n; i++)
        ties[i] = docs[i] - s->base;
    segment_ties(s->segment, ties, n, ties);
    return n;
}

/* By score alone: numbers instead of candidates. */
static void rank_numbers(struct search *s, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    struct best *b = &s->best;
    uint32_t i = 0, ties[TIES], n;
    for (; i < count && b->count < b->cap; i += n) {
        uint32_t room = b->cap - b->count;
        n = ties_of(s, docs + i, count - i < room ? count - i : room, ties);
        for (uint32_t k = 0; k < n; k++)
            best_push(b, best_number_of(scores[i + k], ties[k], docs[i + k], s->lacks), s->apart);
    }
    count = i == count ? 0 : kernels_best()->keep(docs + i, scores + i, count - i, best_floor(b));
    for (uint32_t end = i + count; i < end; i += n) {
        n = ties_of(s, docs + i, end - i, ties);
        for (uint32_t k = 0; k < n; k++) /* most of those with the least score end here */
            if (best_high(scores[i + k], ties[k]) >= (uint64_t)(b->heap[0] >> 64)) {
                best_number it = best_number_of(scores[i + k], ties[k], docs[i + k], s->lacks);
                if (it > b->heap[0])
                    best_push(b, it, s->apart);
            }
    }
    best_tell(b, &s->top);
}

bool collect_ranks(const struct search *s)
{
    return s->top.cap || s->groups || s->cursor;
}

static enum status group_all(struct search *s, const uint32_t *docs, const uint32_t *scores,
                             uint32_t count)
{
    uint32_t ties[TIES];
    enum status st = STATUS_OK;
    for (uint32_t i = 0, n; !st && i < count; i += n) {
        n = ties_of(s, docs + i, count - i, ties);
        st = groups_take_many(s->groups, docs + i, scores + i, ties, n);
    }
    return st;
}

/* Sorted ones, one after the other: what the first key leaves behind the top needs no other. */
static enum status rank_sorted(struct search *s, const uint32_t *docs, const uint32_t *scores,
                               uint32_t count)
{
    uint64_t keys[TIES];
    enum status st = STATUS_OK;
    for (uint32_t i = 0, n; !st && i < count; i += n) {
        n = count - i < TIES ? count - i : TIES;
        sort_keys_first(&s->sort, docs + i, scores + i, n, keys);
        for (uint32_t k = 0; !st && k < n; k++) {
            bool full = !s->groups && s->top.cap && s->top.count == s->top.cap;
            if (full && keys[k] < s->top.items[0].keys[0])
                s->behind++; /* a cursor, too */
            else
                st = rank_one(s, docs[i + k], scores[i + k]);
        }
    }
    return st;
}

/* Leaves what earlier pages showed; returns how many are behind it. */
static uint32_t drop_shown(const struct search *s, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    const struct candidate *last = &s->cursor->last;
    uint32_t kept = 0, behind = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t doc = docs[i], score = scores[i];
        docs[kept] = doc;
        scores[kept] = score;
        kept += score <= last->keys[0];
    }
    for (uint32_t i = 0, n; i < kept; i += n) {
        uint32_t ties[TIES];
        n = ties_of(s, docs + i, kept - i, ties);
        for (uint32_t k = 0; k < n; k++) {
            uint32_t doc = docs[i + k], score = scores[i + k];
            bool before = last->tie != ties[k] ? last->tie < ties[k] : last->docid < doc;
            docs[behind] = doc;
            scores[behind] = score;
            behind += before | (score < last->keys[0]);
        }
    }
    return behind;
}

static enum status rank_shown(struct search *s, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    enum status st = STATUS_OK;
    if (!collect_ranks(s))
        return st;
    if (s->sort.count)
        return rank_sorted(s, docs, scores, count);
    if (s->groups) {
        st = group_all(s, docs, scores, count);
        if (st || !windowed(s))
            return st;
    } else if (!windowed(s)) {
        count = drop_shown(s, docs, scores, count);
        s->behind += count;
    }
    if (s->top.cap)
        rank_numbers(s, docs, scores, count);
    return st;
}

/* Hidden ones alone: into the top, where it takes them, and nothing else. */
static void rank_hidden(struct search *s, struct hidden_batch *b)
{
    if (s->by_score && collect_ranks_hidden(s))
        rank_numbers(s, b->docs, b->scores, b->count);
}

enum status collect_rank_all(struct search *s, uint32_t *docs, uint32_t *scores, uint32_t count,
                             struct hidden_batch *apart)
{
    enum status st = rank_shown(s, docs, scores, count);
    if (!st && apart->count)
        rank_hidden(s, apart);
    return st;
}

enum status collect_begin_ranking(struct search *s)
{
    s->by_score = !s->sort.count && s->top.cap;
    if (!s->by_score)
        return STATUS_OK;
    if (s->best.cap < s->top.cap)
        s->best.heap = arena_alloc(s->arena, s->top.cap * sizeof *s->best.heap);
    s->best.cap = s->top.cap;
    if (!s->best.heap)
        return STATUS_NO_MEMORY;
    best_from(&s->best, &s->top);
    return STATUS_OK;
}

enum status collect_end_ranking(struct search *s)
{
    if (s->by_score)
        best_to(&s->best, &s->top);
    return s->groups ? groups_name(s->groups, s->top.items, s->top.count) : STATUS_OK;
}
