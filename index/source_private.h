/*
 * source_private - what the files source*.c share: runs.
 *
 * source.c finds and settles, source_run.c makes runs, source_read.c reads windows and probes,
 * source_few.c does without settling, source_best.c reads what may enter the top.
 */
#ifndef SOUK_INDEX_SOURCE_PRIVATE_H
#define SOUK_INDEX_SOURCE_PRIVATE_H

#include "index/source.h"

/* Sorts (document << 32 | value) by document; either array holds the result. */
uint64_t *source_sort_pairs(uint64_t *pairs, uint64_t *room, uint32_t n);
/* Makes sorted pairs a run; `part`: values are evidence. */
void source_fill_run(const uint64_t *pairs, uint32_t n, bool part, struct run *out);
/* Merges the found lists that are marked (all without marks) and are parts or not, into one run. */
enum status source_make_run(struct source *x, const bool *marked, uint32_t total, bool part,
                            struct run *out);
/* Evidence of which nothing is missing becomes scores. */
void source_score_run(const struct source *x, struct run *r);
/* First place at or behind r->at with a document >= from; moves there. */
uint32_t source_run_seek(struct run *r, uint32_t from);

#endif
