#include "index/collect_private.h"

/*
 * What passed every sieve is ranked. Where nothing but the score orders what is found, from the
 * first page on, numbers stand for the candidates until all segments are read.
 */

static enum status rank_one(struct search *s, uint32_t docid, uint32_t score)
{
    struct candidate c = {.docid = docid, .tie = segment_tie(s->segment, docid - s->base)};
    sort_keys_fill(&s->sort, docid, score, c.keys);
    if (s->groups) {
        enum status st = groups_take(s->groups, &c, score);
        bool windowed = !s->cursor || s->cursor->in_window; /* behind it groups alone count */
        if (st || !windowed ||
            (s->top.count == s->top.cap && s->top.cap && c.keys[0] < s->top.items[0].keys[0]))
            return st;
    } else if (s->cursor && !s->cursor->in_window) { /* what earlier pages showed */
        if (!candidate_before(&s->cursor->last, &c))
            return STATUS_OK;
        s->behind++;
    }
    if (s->apart)
        topk_push_once(&s->top, &c);
    else
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

static enum status rank_shown(struct search *s, uint32_t *docs, uint32_t *scores, uint32_t count)
{
    enum status st = STATUS_OK;
    if (!collect_ranks(s))
        return st;
    uint32_t i = 0;
    bool by_score = !s->sort.count && !s->groups;
    if (s->by_score) {
        rank_numbers(s, docs, scores, count);
        return st;
    }
    for (; !st && i < count && !(by_score && s->top.count == s->top.cap); i++)
        st = rank_one(s, docs[i], scores[i]);
    if (st || i == count)
        return st;
    /* The top is full: only what scores no less than its worst. The rest is behind any cursor. */
    uint32_t left = count - i, kept = 0;
    if (s->top.cap)
        kept = kernels_best()->keep(docs + i, scores + i, left, (uint32_t)s->top.items[0].keys[0]);
    s->behind += left - kept;
    for (uint32_t k = i; !st && k < i + kept; k++) {
        if (scores[k] < s->top.items[0].keys[0]) /* the worst is better by now */
            s->behind++;
        else
            st = rank_one(s, docs[k], scores[k]);
    }
    return st;
}

/* Hidden ones alone: into the top, where it takes them, and nothing else. */
static void rank_hidden(struct search *s, struct hidden_batch *b)
{
    if (!collect_ranks_hidden(s))
        return;
    if (s->by_score)
        rank_numbers(s, b->docs, b->scores, b->count);
    for (uint32_t i = 0; !s->by_score && i < b->count; i++) {
        struct candidate c = {.docid = b->docs[i],
                              .tie = segment_tie(s->segment, b->docs[i] - s->base)};
        sort_keys_fill(&s->sort, b->docs[i], b->scores[i], c.keys);
        topk_push(&s->top, &c);
    }
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
    s->by_score = !s->sort.count && !s->groups && !s->cursor && s->top.cap;
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

void collect_end_ranking(struct search *s)
{
    if (s->by_score)
        best_to(&s->best, &s->top);
}
