/*
 * learn - words that are none of the query's, but stand for them where few products hold these.
 *
 * - What the titles of the best products say. Of "outdoor brass faucet" a few products hold all
 *   words; their titles say sillcock, freezeless. Of those that hold some, the ones with such words
 *   are likelier meant than the others. (Two words learn nothing.)
 * - Relatives: what a word begins with, or what begins with it ("plumbing", "plumb", "plumber").
 * - Where next to nothing is found, what the titles say of the best products of each word alone.
 *
 * What is found behind the first places is ordered by them too, and where it is little, they stand
 * for words of the query (relax.h). The last two stand for their own word, where it is lacking.
 *
 * What is learnt depends on the words and the catalog: never on the filter, the rules, the order or
 * the page; nor on how products came, since equal scores are ordered by a hash of the id.
 */
#ifndef SOUK_INDEX_LEARN_H
#define SOUK_INDEX_LEARN_H

#include "index/query_private.h"

/* Has the schema titles that can be read? */
bool learn_possible(const struct search *s);
/* Where learnt words do no more than order what is behind the first, and the page ends before that,
 * they need not be known: *only_first, and the first are told from the others as if they were. A
 * later page learns them (*out has no words then, but says which the first are). */
enum status learn_first(struct search *s, struct learnt **out, bool *only_first);
/* The first two, from the products that the relaxed attempt, the last one made, found. It may be
 * that nothing is learnt: then there are no words. */
enum status learn_words(struct search *s, struct learnt **out);
/* Adds the third; NULL: nothing was learnt before, and relatives are, too. */
enum status learn_by_word(struct search *s, struct learnt **out);

#endif
