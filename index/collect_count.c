#include "index/collect_private.h"

/* How many match, where that can be known without looking at each of them. */

bool collect_counts_exactly(const struct search *s)
{
    return s->query->facet_count || s->count_to == UINT64_MAX;
}

bool collect_counted_enough(const struct search *s)
{
    return !s->query->facet_count && (s->count_known || s->found >= s->count_to);
}

/* Nothing but its words decides whether a product is found. */
static bool by_words_alone(const struct search *s)
{
    return !s->limited && !s->rules.hidden_count && !s->filter && !s->plan.phrase_count &&
           s->query->max_stale_ms < 0;
}

bool collect_counted_by_df(const struct search *s)
{
    const struct plan *p = &s->plan;
    return p->group_count == 1 && p->groups[0].count == 1 && !p->groups[0].prefix.len &&
           by_words_alone(s);
}

bool collect_counts_all(const struct search *s)
{
    return collect_counts_exactly(s) || s->sort.count || s->groups || s->query->no_pruning ||
           collect_counted_by_df(s);
}

enum status collect_count_by_df(struct search *s)
{
    const struct group *g = &s->plan.groups[0];
    enum status st = STATUS_OK;
    s->found = g->df;
    for (uint32_t i = 0; !st && s->query->excluded && i < snapshot_segment_count(s->snap); i++) {
        uint64_t out;
        st = excluded_count(&s->searcher->excluded, s->query, s->snap, snapshot_segment(s->snap, i),
                            g->items[0].term, &out);
        s->found -= st || out > s->found ? 0 : out;
    }
    return st;
}

uint64_t collect_behind(const struct search *s)
{
    const struct query_cursor *c = s->cursor;
    if (s->groups || s->sort.count || !collect_counted_by_df(s))
        return s->behind;
    uint64_t left = c->moved ? UINT64_MAX : s->found > c->shown ? s->found - c->shown : 0;
    return left > s->behind ? left : s->behind;
}

/* --- by bitmaps ------------------------------------------------------------------------------- */

/* The live bits of 64 docids from any on. */
static uint64_t live_word(const struct search *s, uint32_t docid)
{
    const uint64_t *words = snapshot_live_chunk(s->snap, docid / COLUMN_CHUNK);
    return words ? words[docid % COLUMN_CHUNK / 64] : UINT64_MAX;
}

static uint64_t live_from(const struct search *s, uint32_t docid)
{
    uint32_t shift = docid % 64;
    uint64_t low = live_word(s, docid);
    return shift ? low >> shift | live_word(s, docid + 64 - shift) << (64 - shift) : low;
}

bool collect_may_count_bits(const struct search *s)
{
    return by_words_alone(s) && !s->query->excluded && !s->recording && !s->cursor;
}

/* So many that neither the count nor the page depends on how many more there are. */
static bool counted_beyond(const struct search *s)
{
    return !collect_counts_all(s) && s->found >= s->count_to && s->found > s->top_room;
}

void collect_count_beyond(struct search *s, uint32_t count)
{
    uint64_t before = s->found;
    if (s->count_known)
        return;
    s->found += count;
    s->count_known = counted_beyond(s);
    s->inexact |= s->count_known;
    if (!s->count_known)
        s->found = before;
}

bool collect_count_bits(struct search *s, const struct match_bits *part)
{
    uint64_t count = 0;
    if (!collect_may_count_bits(s) || s->count_known)
        return false;
    if (!s->check_live)
        count = kernels_best()->count_bits(part->bits, part->words);
    for (uint32_t w = 0; s->check_live && w < part->words; w++)
        if (part->bits[w])
            count += (uint64_t)__builtin_popcountll(part->bits[w] &
                                                    live_from(s, s->base + (part->first + w) * 64));
    s->found += count;
    s->count_known = part->last || counted_beyond(s);
    s->inexact |= s->count_known && !part->last;
    return !s->count_known;
}

/* --- both of two words ------------------------------------------------------------------------ */

enum status collect_keep_both(struct search *s)
{
    s->both = arena_alloc(s->arena, (s->top.count + 1) * sizeof *s->both);
    s->both_count = s->both ? s->top.count : 0;
    for (uint32_t i = 0; i < s->both_count; i++)
        s->both[i] = s->top.items[i].docid;
    return s->both ? STATUS_OK : STATUS_NO_MEMORY;
}

bool collect_both(void *ctx, uint64_t *bits, uint32_t *count)
{
    const struct search *s = ctx;
    uint32_t docs = segment_doc_count(s->segment);
    *count = 0;
    for (uint32_t i = 0; i < s->both_count; i++) {
        uint32_t doc = s->both[i] - s->base; /* of a segment before this one it is beyond the end */
        if (doc < docs) {
            bits[doc >> 6] |= (uint64_t)1 << (doc & 63);
            ++*count;
        }
    }
    return s->completing && !s->check_live;
}

void collect_number(void *ctx, uint32_t count)
{
    struct search *s = ctx;
    s->found += count;
    s->count_known = true;
}
