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
#include "index/segment_format.h"
#include "index/segment_image.h"

enum { MERGE_FACTOR = 8, MERGE_SMALL = 4096, MERGE_TIERS = 11, MERGE_INPUTS_MAX = 64 };
#define MERGE_BYTES_MAX ((uint64_t)2 << 30)

struct merge_run {
    uint32_t first, count; /* rows of meta.segments; count 0 = nothing to do */
};

/* May the two stand in one segment? */
bool merge_compatible(const struct segment *a, const struct segment *b);
/*
 * One merge: chosen and switched to in the writing thread, built in any other meanwhile. Batches
 * may be committed in between; they leave the task's segments alone.
 */
struct merge_task {
    struct index *ix;
    struct snapshot *from; /* the state it was chosen in, until it is built */
    struct merge_run run;  /* rows of from->meta */
    uint32_t numbers[MERGE_INPUTS_MAX];
    uint64_t bytes;   /* of the inputs */
    uint32_t number;  /* the new segment's */
    uint32_t dead;    /* docids of the range that were not live when it was built */
    uint32_t written; /* extents of the image that are in the store */
    bool switched;
    struct segment_image image;
    uint32_t docs; /* records of the inputs */
    struct record_reader *reader;
    struct record_writer *writer;
    struct buf dictionary; /* learned from them; empty = the edition's goes on */
};
/* As index_merge_begin(), with a choice of the caller's. */
enum status merge_task_create(struct index *ix,
                              struct merge_run (*choose)(const struct snapshot *s),
                              struct merge_task **out);

/* The run of at least MERGE_FACTOR neighbours of the lowest tier that has one, its docids below
 * `most`. `segments` are those of the rows; those of `busy` (may be NULL) are left out. */
struct merge_run merge_find(const struct meta *m, const struct segment *const *segments,
                            uint64_t most, const struct merge_task *busy);
/* A segment more than a quarter dead. */
struct merge_run merge_find_dead(const struct meta *m);
/* What is worth it while nothing else is to be done: the longest tail whose first segment is at
 * most eight times the rest, so that each is more than eight times what follows. */
struct merge_run merge_find_idle(const struct meta *m, const struct segment *const *segments);
/* Puts one row where the run was. */
void merge_replace(struct meta *m, struct merge_run run, struct segment_row row);

#endif
