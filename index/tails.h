/*
 * tails - the terms of a segment by their last four bytes, to find terms by how they end.
 *
 * The dictionary is ordered by beginnings; compounds are asked for by their last word. One thread
 * keeps a hash table for each segment it has looked at (8 to 12 bytes a term). Segments never
 * change; those not looked at for long make room.
 */
#ifndef SOUK_INDEX_TAILS_H
#define SOUK_INDEX_TAILS_H

#include "index/segment.h"

enum { TAIL_BYTES = 4 };

struct tails;

enum status tails_create(struct tails **out);
void tails_destroy(struct tails **t);
/* Calls back for each term that ends with `word` (TAIL_BYTES bytes or more) and is longer, in
 * order; END from the callback stops. The term points into the snapshot. */
enum status tails_find(struct tails *t, const struct segment *s, struct slice word,
                       enum status (*found)(void *ctx, struct slice term), void *ctx);

#endif
