/*
 * learn - words that the best products of a query have in their titles, where few hold its own.
 *
 * Of "outdoor faucet" a few products hold both words; their titles say sillcock, freezeless, brass.
 * Of those that hold one word, the ones with such words are likelier meant than the others. So
 * what is found behind the first places is ordered by learnt words too, and where it is little, a
 * learnt word stands for a word of the query (relax.h).
 *
 * What is learnt depends on the words and the catalog: never on the filter, the order or the page;
 * nor on how products came, since equal scores are ordered by a hash of the id.
 */
#ifndef SOUK_INDEX_LEARN_H
#define SOUK_INDEX_LEARN_H

#include "index/query_private.h"

/* From the products that the relaxed attempt, the last one made, found. *out is NULL when their
 * titles say nothing beyond the words. */
enum status learn_words(struct search *s, struct learnt **out);

#endif
