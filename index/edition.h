/*
 * edition - the name of one, which no other has: 16 random bytes.
 *
 * Whatever is remembered of an edition is remembered under all of it: numbers of segments, docids
 * and generations of another edition mean other things.
 */
#ifndef SOUK_INDEX_EDITION_H
#define SOUK_INDEX_EDITION_H

#include <stdbool.h>
#include <stdint.h>

struct edition {
    uint64_t first, second;
};

static inline bool edition_same(struct edition a, struct edition b)
{
    return a.first == b.first && a.second == b.second;
}

#endif
