/* segment_tails - the terms of a segment in the order of their endings, written (tails.h reads). */
#ifndef SOUK_INDEX_SEGMENT_TAILS_H
#define SOUK_INDEX_SEGMENT_TAILS_H

#include "index/segment_write.h"

/* Appends the ordinals of the terms longer than TAIL_BYTES, ordered by tails_compare(). All terms
 * are given. */
void segment_writer_tails(struct segment_writer *w);

#endif
