/*
 * relevance - the second phase: orders the best hits of the first phase anew, by what only their
 * positions and columns tell.
 *
 * The first phase scores every match from one byte a word. Here the best `window` of them are read
 * closer: which words the title holds, whether neighbours of the query are neighbours there, how
 * exact they are, what the catalog says of the product. The window belongs to the profile, never to
 * the page, so pages of one query fit together. The tier (words held exactly) stays above it all.
 */
#ifndef SOUK_INDEX_RELEVANCE_H
#define SOUK_INDEX_RELEVANCE_H

#include "index/query_private.h"

/* What each part gave, in 1/2^20 of the score: for --explain. */
struct relevance_parts {
    double base, title, near, lead, missing, inexact, negated, signals;
};

/* Does the search ask for words, in the order of their scores? */
bool relevance_wanted(const struct search *s);
/* Orders the first `count` candidates of `s->top` anew (sorted, the whole order from its beginning;
 * when it takes all of them in any order).
 * keys[0] becomes tier and new score, keys[1] the score of the first phase; s->window and
 * s->window_last tell how far the new order goes. The candidates behind keep their place. Of those
 * ordered anew only the first `upto` are there afterwards: relevance_order() tells more. */
enum status relevance_rank(struct search *s, uint32_t count, uint32_t upto);
/* Makes the first `upto` candidates those of the new order; behind the window, or when there is
 * none, they are. */
enum status relevance_order(struct search *s, uint32_t upto);

#endif
