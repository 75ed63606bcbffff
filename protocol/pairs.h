/*
 * pairs - the path/value pairs of one value of attributes, while they are gathered.
 *
 * Values of one path may come apart, as an array of objects brings them; they are encoded side by
 * side, so that they are read as one array. Starts as {0}; paths are borrowed until pairs_end().
 */
#ifndef SOUK_PROTOCOL_PAIRS_H
#define SOUK_PROTOCOL_PAIRS_H

#include "protocol/document.h"

struct pairs {
    struct buf values; /* one behind the other */
    struct buf items;
    bool apart; /* pairs of one path may stand apart */
};

/* The next pair; the caller appends one value to the buffer that is returned. */
struct buf *pairs_add(struct pairs *p, struct slice path);
/* Appends the value to `out` and lets go of everything; NO_MEMORY also says so of what came before.
 */
enum status pairs_end(struct pairs *p, struct buf *out);

#endif
