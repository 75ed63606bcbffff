/*
 * tails - the terms of a segment by how they end.
 *
 * The dictionary is ordered by beginnings; compounds are asked for by their last word. A segment
 * holds the ordinals of its terms in the order of their letters read backwards, so that all terms
 * with one ending stand side by side. Segments written before there was that order are walked from
 * end to end, until a merge takes them in.
 */
#ifndef SOUK_INDEX_TAILS_H
#define SOUK_INDEX_TAILS_H

#include "index/segment.h"

enum { TAIL_BYTES = 4 }; /* shorter endings are not looked for */

/* -1, 0, 1: the order of two terms read backwards, bytewise; one that ends the other comes first.
 */
int tails_compare(struct slice a, struct slice b);
/* Whether the segment holds that order. */
bool tails_ordered(const struct segment *s);
/*
 * Calls back for each term that ends with `word` (TAIL_BYTES bytes or more) and is longer, in the
 * order of tails_compare() (of old segments: of the dictionary). END from the callback stops, any
 * other status is passed on. CORRUPT. The term points into the snapshot.
 */
enum status tails_find(const struct segment *s, struct slice word,
                       enum status (*found)(void *ctx, struct slice term), void *ctx);

#endif
