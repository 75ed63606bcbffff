/*
 * recall - what the dictionaries of a catalog said of words, remembered between the searches of one
 * thread.
 *
 * Shoppers use few words, again and again. What a word's forms are, which words are a typo away,
 * what ends with it, where its halves stand side by side: all of that follows from the segments of
 * a snapshot and its schema, which snapshot_dictionary() tells from any others. Answers are kept as
 * bytes under the question, in a ring of RECALL_BYTES: the newest takes the place of the oldest,
 * and what is larger than RECALL_MOST is not kept. Prices change nothing of it, another segment
 * all.
 */
#ifndef SOUK_INDEX_RECALL_H
#define SOUK_INDEX_RECALL_H

#include "index/typo.h"

enum { RECALL_BYTES = 1 << 20, RECALL_MOST = 1 << 14, RECALL_SLOTS = 1 << 13, RECALL_KEY = 256 };

enum recall_kind { RECALL_FORMS, RECALL_BEYOND, RECALL_INSIDE, RECALL_TYPOS, RECALL_APART };

struct recall;
enum status recall_create(struct recall **out);
void recall_destroy(struct recall **r);

/* A question: its kind, a number and two texts. Too long a one is answered anew each time. */
struct recall_question {
    uint64_t hash;
    uint32_t len;
    char bytes[RECALL_KEY];
};
void recall_ask(struct recall_question *q, const struct snapshot *snap, enum recall_kind kind,
                uint64_t number, struct slice a, struct slice b);

/* The answer, until the next one is kept. Without a recall (NULL) nothing is known or kept. */
bool recall_get(const struct recall *r, const struct recall_question *q, struct slice *answer);
void recall_keep(struct recall *r, const struct recall_question *q, struct slice answer);

/* An empty buffer to write an answer into, up to a little more than RECALL_MOST. */
struct buf *recall_scratch(struct recall *r);

/* Answers that are terms, with two numbers each. *known: it is there, its terms are copied to the
 * arena. */
enum status recall_get_terms(const struct recall *r, const struct recall_question *q,
                             struct arena *arena, struct typo_list *terms, bool *known);
void recall_keep_terms(struct recall *r, const struct recall_question *q,
                       const struct typo_list *terms);

#endif
