/* term_ahead - has what look-ups of several terms of a segment will read fetched from memory, for
 * all of them at once. Only a hint: nothing of it is remembered. */
#ifndef SOUK_INDEX_TERM_AHEAD_H
#define SOUK_INDEX_TERM_AHEAD_H

#include "index/segment.h"

void term_ahead(const struct segment *s, const struct slice *terms, uint32_t count);

#endif
