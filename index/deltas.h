/*
 * deltas - up to 128 numbers in groups of 16, each group with a bit width of its own.
 *
 * Documents of one list come in clusters, as catalogs are written category by category: one width
 * for a whole block is that of its largest gap. Of 16 widths a group takes the least that holds its
 * numbers.
 *
 *   widths    4 bits a group, the first in the lower half of a byte: which of deltas_width[]
 *   groups    16 numbers of that width, least significant bits first: 2 x width bytes; the last
 *             group may have fewer
 *
 * Unpacking is a kernel (kernels.h, `groups`).
 */
#ifndef SOUK_INDEX_DELTAS_H
#define SOUK_INDEX_DELTAS_H

#include <stddef.h>
#include <stdint.h>

#include "index/bitpack.h"

enum { DELTAS_GROUP = 16, DELTAS_MOST = 128, DELTAS_WIDTHS = 16, DELTAS_BITS = 23 };
/* Bytes of widths, and most bytes of all. */
enum { DELTAS_HEAD = DELTAS_MOST / DELTAS_GROUP / 2, DELTAS_MAX = DELTAS_HEAD + DELTAS_MOST * 3 };

static const uint8_t deltas_width[DELTAS_WIDTHS] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                    8, 9, 10, 11, 13, 15, 18, DELTAS_BITS};

static inline uint32_t deltas_width_of(const uint8_t *widths, uint32_t group)
{
    return deltas_width[widths[group / 2] >> group % 2 * 4 & 15];
}

/* Bytes of the widths of so many numbers. */
static inline size_t deltas_head(uint32_t count)
{
    return (count + 2 * DELTAS_GROUP - 1) / (2 * DELTAS_GROUP);
}

/* Bytes of the groups. */
static inline size_t deltas_len(const uint8_t *widths, uint32_t count)
{
    size_t len = 0;
    uint32_t whole = count / DELTAS_GROUP;
    for (uint32_t g = 0; g < whole; g++)
        len += 2 * (size_t)deltas_width_of(widths, g);
    if (count % DELTAS_GROUP)
        len += bitpack_len(count % DELTAS_GROUP, deltas_width_of(widths, whole));
    return len;
}

/* Writes widths and groups, at most DELTAS_MAX bytes; returns how many. Numbers below
 * 1 << DELTAS_BITS. */
size_t deltas_encode(const uint32_t *values, uint32_t count, uint8_t out[DELTAS_MAX]);

#endif
