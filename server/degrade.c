#include "server/degrade.h"

static uint32_t without(const struct ladder *l, enum ladder_feature f, bool asked)
{
    return asked && ladder_off(l, f) ? 1u << f : 0;
}

struct left_out degrade_nothing(const struct search_request *in)
{
    return (struct left_out){0, in->match, in->typos};
}

static uint32_t take_out(const struct ladder *l, struct search_request *in)
{
    uint32_t bits = 0;
    bool words = in->text.len > 0;
    if (!l->off)
        return 0;
    if ((bits |= without(l, LADDER_HIGHLIGHTS, in->highlight_count)) & 1u << LADDER_HIGHLIGHTS)
        in->highlight_count = 0;
    if ((bits |= without(l, LADDER_FACETS, in->facet_count)) & 1u << LADDER_FACETS)
        in->facet_count = 0;
    bits |= without(l, LADDER_DEEP_PAGES, in->offset + (uint64_t)in->k > DEGRADE_DEEPEST);
    if (bits & 1u << LADDER_DEEP_PAGES)
        in->k = in->offset < DEGRADE_DEEPEST ? DEGRADE_DEEPEST - in->offset : 0;
    if (ladder_off(l, LADDER_TYPOS)) {
        bits |= without(l, LADDER_TYPOS, words && in->typos);
        in->typos = 0;
    } else if (ladder_off(l, LADDER_TYPO_STEP) && in->typos) {
        bits |= without(l, LADDER_TYPO_STEP, words);
        if (in->typos != SEARCH_TYPOS_AUTO)
            in->typos--;
    }
    if ((bits |= without(l, LADDER_RELAXING, words && in->match == SEARCH_RELAXED)) &
        1u << LADDER_RELAXING)
        in->match = SEARCH_ALL;
    return bits;
}

struct left_out degrade_request(const struct ladder *l, struct search_request *in)
{
    struct left_out left = degrade_nothing(in);
    left.bits = take_out(l, in);
    return left;
}

void degrade_query(const struct ladder *l, struct query *q)
{
    if (ladder_off(l, LADDER_TYPO_STEP))
        q->skip |= QUERY_SKIP_TYPO_STEP;
    if (ladder_off(l, LADDER_SYNONYMS))
        q->skip |= QUERY_SKIP_SYNONYMS;
    if (ladder_off(l, LADDER_WHOLE_LISTS))
        q->postings_max = DEGRADE_POSTINGS;
}

uint32_t degrade_words(uint32_t bits, struct slice words[LADDER_FEATURE_COUNT])
{
    uint32_t n = 0;
    for (int i = 0; i < LADDER_FEATURE_COUNT; i++)
        if (bits >> i & 1)
            words[n++] = ladder_word((enum ladder_feature)i);
    return n;
}
