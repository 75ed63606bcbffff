/* relevance_private - what the second phase has seen of its candidates, for relevance and explain.
 */
#ifndef SOUK_INDEX_RELEVANCE_PRIVATE_H
#define SOUK_INDEX_RELEVANCE_PRIVATE_H

#include "index/relevance.h"

enum { SEEN_POSITIONS = 8 };

struct sighting;

struct seen {
    uint8_t kind; /* enum alternative_kind + 1, 0 = not there or only as a beginning */
    uint8_t classes;
    uint8_t count;               /* of positions that were read */
    uint32_t at[SEEN_POSITIONS]; /* position * F + field */
    struct sighting *first;      /* where its positions are; NULL = read, or none */
};

struct ranked {
    struct candidate candidate; /* its keys are a bound until it is scored */
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
    /* relevance_order.c */
    struct ranked **bounds, **scored;
    uint32_t next, scored_count, known;
    uint32_t sorted; /* of bounds: up to here they are in order */
    bool bounded;    /* candidates are scored as they are asked for; else all are, from the first */
    uint8_t field_class[256];
    double weight[PLAN_WORDS_MAX], total; /* rarity of each word, and of all */
};

/* Which words the candidates hold (relevance_read.c), and where one of them stands. */
enum status relevance_look(struct ranking *r);
enum status relevance_places(struct seen *seen);
/* It will be asked where the word stands; only a hint. */
void relevance_prefetch(const struct seen *seen);
/* The bounds of all are there. */
enum status ranking_begin(struct ranking *r);
/* Reads what is left to know of a candidate: its keys are no longer a bound. */
enum status relevance_score(struct ranking *r, struct ranked *x);

/* What was seen of a candidate; NULL when it was none, or there is no ranking. */
const struct ranked *ranking_find(const struct ranking *r, uint32_t docid);

#endif
