/*
 * query_group - matches grouped by the value of a field: variants of a product shown as one.
 *
 * Every product that passes belongs to the group of its value; one without the value is a group of
 * its own. Groups are ordered by their best product, products within a group by the same order, so
 * a page of groups is cut from a total order. Counts are exact: nothing is pruned while grouping.
 * k, offset and the cursor count groups; `found` and facets count products.
 */
#ifndef SOUK_INDEX_QUERY_GROUP_H
#define SOUK_INDEX_QUERY_GROUP_H

#include "index/query.h"
#include "index/sort_key.h"
#include "index/topk.h"

enum { GROUP_SIZE_DEFAULT = 3, GROUP_SIZE_MAX = 99, GROUP_HITS_MAX = 10000 };

struct groups;

/* *out is NULL when the query does not group. UNKNOWN_FIELD, SCHEMA_MISMATCH (a field without one
 * value per product), TOO_LARGE. Lives in the arena. */
enum status groups_create(const struct query *q, struct snapshot *snap,
                          const struct sort_keys *sort, struct arena *arena, struct groups **out,
                          struct fault *fault);
/* Forgets what was taken: a new attempt. */
void groups_reset(struct groups *g);
/* One match; `c` is its place in the order. */
enum status groups_take(struct groups *g, const struct candidate *c, uint32_t score);
/* The best groups behind `after` (NULL = from the first) into `top`, one candidate each, the best
 * of its group. *behind = groups that could have entered. */
void groups_select(const struct groups *g, const struct candidate *after, struct topk *top,
                   uint64_t *behind);
uint64_t groups_total(const struct groups *g);
/* The hits of the chosen groups, best group first: up to group_size each. Ids are left to fill. */
enum status groups_hits(struct groups *g, const struct candidate *chosen, uint32_t count,
                        struct hit **hits, uint32_t *hit_count);

#endif
