/*
 * merge - which neighbouring segments become one, and doing it.
 *
 * Tiers of a factor of 8 by documents: eight neighbours of a tier (or below) make one of the next.
 * Small results are made inside the batch that calls for them, larger ones by index_merge_step().
 * Segments with another field count or record dictionary stay apart until a rebuild.
 */
#ifndef SOUK_INDEX_MERGE_H
#define SOUK_INDEX_MERGE_H

#include "index/index_private.h"

enum { MERGE_FACTOR = 8, MERGE_SMALL = 4096, MERGE_TIERS = 11 };

struct merge_run {
    uint32_t first, count; /* rows of meta.segments; count 0 = nothing to do */
};

/* May the two stand in one segment? */
bool merge_compatible(const struct segment *a, const struct segment *b);
/* The run of at least MERGE_FACTOR neighbours of the lowest tier that has one, its docids below
 * `most`. `segments` are those of the rows. */
struct merge_run merge_find(const struct meta *m, const struct segment *const *segments,
                            uint64_t most);
/* A segment more than a quarter dead. */
struct merge_run merge_find_dead(const struct meta *m);
/* Puts one row where the run was. */
void merge_replace(struct meta *m, struct merge_run run, struct segment_row row);

#endif
