/* relevance_private - what the second phase has seen of its candidates, for relevance and explain.
 */
#ifndef SOUK_INDEX_RELEVANCE_PRIVATE_H
#define SOUK_INDEX_RELEVANCE_PRIVATE_H

#include "index/relevance.h"

enum { SEEN_POSITIONS = 8 };

struct seen {
    uint8_t kind; /* enum alternative_kind + 1, 0 = not there or only as a beginning */
    uint8_t classes;
    uint8_t count;
    uint32_t at[SEEN_POSITIONS]; /* position * F + field */
};

struct ranked {
    struct candidate *candidate; /* until the new order is made */
    uint32_t docid, lacks;
    struct seen *seen; /* [group_count] */
    double score;
    struct relevance_parts parts;
};

struct ranking {
    struct search *s;
    const struct profile *p;
    struct ranked *items;    /* by docid */
    uint32_t *docs, *places; /* of the items at hand: from their segment's first on; in `items` */
    uint32_t count, words, fields;
    uint8_t field_class[256];
    double weight[PLAN_WORDS_MAX], total; /* rarity of each word, and of all */
};

/* What was seen of a candidate; NULL when it was none, or there is no ranking. */
const struct ranked *ranking_find(const struct ranking *r, uint32_t docid);

#endif
