/*
 * explain - why a hit stands where it does, as text for people.
 *
 *   sofa: exact, title 2, brand 0; leater: corrected to leather, title 1; tier 1
 *   score 0.914 = text 0.561 + title 0.130 + near 0.160 + lead 0.063
 *
 * First each word: how it was found (exact, form, synonym, joined, typo, beginning, missing) and
 * where, field and position. Then the learnt words (learn.h) that the product holds, where they
 * count for its place: "learnt: sillcock brass". Then what each part of the profile gave. Hits
 * behind the window of the second phase have the score of the first alone.
 */
#ifndef SOUK_INDEX_EXPLAIN_H
#define SOUK_INDEX_EXPLAIN_H

#include "index/query_private.h"

/* Fills `explain` of the hits of the result, in the arena. */
enum status explain_hits(struct search *s);

#endif
