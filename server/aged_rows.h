/*
 * aged_rows - rows of the index that are kept for a while: each has another row that is found in
 * the order of time, and a third counts them.
 *
 *   row PREFIX, sequence BE, more  -> accepted_ms u64, what finds the row it tells of
 *   row COUNT                      -> how many there are, u64
 */
#ifndef SOUK_SERVER_AGED_ROWS_H
#define SOUK_SERVER_AGED_ROWS_H

#include "index/index.h"

enum { AGED_PREFIX = 6, AGED_KEY = AGED_PREFIX + 8 + 4 };

struct aged_rows {
    const char *prefix; /* AGED_PREFIX bytes */
    const char *count;
    uint64_t most;
    /* Removes the row that a row of time tells of, unless it was written again since, and the row
     * of time. */
    enum status (*drop)(struct batch *b, struct slice by_time, struct slice value);
};

/* Appends a number of `bytes` bytes, largest first; returns what stands behind it. */
size_t aged_key_put(char *key, size_t len, uint64_t number, int bytes);
/* Once in a batch that `added` some: removes rows accepted before oldest_ms, the oldest first, and
 * those beyond the most there may be; about twice as many as were added. */
enum status aged_rows_prune(struct batch *b, const struct aged_rows *rows, int64_t oldest_ms,
                            uint64_t added);

#endif
