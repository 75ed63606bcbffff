/*
 * loose - products that hold enough of the words, where not all are asked for.
 *
 * Which words are enough is a table over sets of words, made by relax. A product is offered when
 * the set of words it holds (in any of their alternatives) is marked. Frequent words that are not
 * enough by themselves are only looked up in the products that hold some other word.
 *
 * Learnt words open no product. They are looked up in those that hold words of the query, order
 * what stands behind the first places, and may stand for words that are lacking: then behind all
 * that needs none.
 */
#ifndef SOUK_INDEX_LOOSE_H
#define SOUK_INDEX_LOOSE_H

#include "index/match.h"

struct loose; /* scratch memory of one thread */

enum {
    LEARNT_MAX = 250, /* its number is one byte */
    LOOSE_NEVER = 255,
    LOOSE_LEARNT_BEHIND = 2, /* up to this tier they count */
    LOOSE_LEARNT_FIRST = 3,  /* products that keep their places */
    LOOSE_LEARNT_ALL = 4,    /* with all words in some way */
    LOOSE_LEARNT_TIERS = 4   /* learnt words raise the tier of products with all words exactly */
};

/* Words that are none of the query's, but stand for them (learn.h). */
struct learnt_word {
    struct slice term;
    uint32_t weight; /* quantised like an idf */
    uint16_t of;     /* 0: of any word; else the group it stands for, a bit: it counts where that is
                      * lacking, and once, however many stand for it */
};

struct learnt {
    struct learnt_word words[LEARNT_MAX];
    uint32_t count;
    uint32_t head; /* products that score so much without them keep their places in front */
};

struct loose_rule {
    bool enough[1U << PLAN_WORDS_MAX];    /* by bitmap of groups; a superset of enough is enough */
    bool most[1U << PLAN_WORDS_MAX];      /* when bare: sets that come before what is only enough */
    uint32_t words;                       /* groups in all */
    uint32_t lift;                        /* added for each word held exactly, when some are not */
    bool bare;                            /* three words or more, rare ones alone are enough */
    bool any;                             /* every word is enough by itself */
    const struct learnt *learnt;          /* NULL = none */
    uint32_t learnt_lift;                 /* stands for `lift` where they count */
    uint8_t stands[1U << PLAN_WORDS_MAX]; /* how many learnt words make the set enough; LOOSE_NEVER
                                           */
};

enum status loose_create(struct loose **out);
void loose_destroy(struct loose **l);

/* Batches to the consumer like match_segment(); nothing is skipped. */
enum status loose_segment(struct loose *l, const struct segment *s, const struct plan *plan,
                          const struct loose_rule *rule, const uint32_t lut[256],
                          struct arena *arena, const struct match_consumer *out,
                          struct query_work *work);

#endif
