/* typo - slips of the finger: one edit in a query, as people make them. */
#ifndef SOUK_LOADTEST_TYPO_H
#define SOUK_LOADTEST_TYPO_H

#include "protocol/buf.h"

/* `text` with one slip: two letters swapped, one left out, doubled or replaced by its neighbour on
 * the keyboard. Only within a word of 4 or more ASCII letters; without one, `text` as it is. */
void typo_make(struct slice text, uint64_t *random, struct buf *out);
/* A word of the text, drawn evenly; borrowed from it. */
struct slice typo_word(struct slice text, uint64_t *random);

#endif
