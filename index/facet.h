/*
 * facet - exact counts of a field's values over the matches of a query.
 *
 * One counter per facet request, in the arena; facet_count_all() for the matches, facet_finish() at
 * the end: values by count, largest first, equal counts by value. A product counts once for a value
 * that its list holds twice; a path counts for all its parents too; numbers and booleans are values
 * as well, in their shortest text; "attrs.key" is one key of an attributes field. Ranges and
 * statistics are of numbers, those of an attribute included.
 */
#ifndef SOUK_INDEX_FACET_H
#define SOUK_INDEX_FACET_H

#include "index/fold.h"
#include "index/query.h"

enum { FACET_DEFAULT_LIMIT = 10, FACET_MAX_LIMIT = 1000, FACET_MAX_RANGES = 100 };

struct facet_counter;

/* UNKNOWN_FIELD, SCHEMA_MISMATCH (no column), SYNTAX (ranges), TOO_LARGE. */
enum status facet_counter_create(const struct facet_request *r, struct snapshot *snap,
                                 struct arena *arena, struct facet_counter **out,
                                 struct fault *fault);
/* Nothing is counted yet: for another attempt, in the same memory. */
enum status facet_counter_reset(struct facet_counter *c);
/* Ascending docids. */
void facet_count_all(struct facet_counter *c, const uint32_t *docids, uint32_t count);
uint32_t facet_field(const struct facet_counter *c);
/* The key of an attributes field; empty for other fields. */
struct slice facet_attribute(const struct facet_counter *c);
/* `folder` serves the search inside values. */
enum status facet_finish(struct facet_counter *c, struct snapshot *snap, struct folder *folder,
                         struct arena *arena, struct facet_result *out);

#endif
