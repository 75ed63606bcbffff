/*
 * query_group - matches grouped by the value of a field: variants of a product shown as one.
 *
 * Every product that passes belongs to the group of its value; one without the value is a group of
 * its own. Groups are ordered by their best product, products within a group by the same order, so
 * a page of groups is cut from a total order, and that is the one of single products: those of the
 * second phase's window first. Counts are exact: nothing is pruned while grouping.
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
/* Matches of a search that the score alone orders, docids ascending. */
enum status groups_take_many(struct groups *g, const uint32_t *docids, const uint32_t *scores,
                             const uint32_t *ties, uint32_t count);
/* One match of a sorted search; `c` is its place in the order. */
enum status groups_take(struct groups *g, const struct candidate *c, uint32_t score);
/* Notes in matches that were taken which group they are of. */
enum status groups_name(struct groups *g, struct candidate *items, uint32_t count);

/* The products that the second phase ordered, in that order: every match that is not behind `last`
 * in the order of the first. */
struct group_window {
    const struct candidate *items;
    uint32_t count;
    const struct candidate *last; /* NULL = no second phase */
};

/* Groups in order, one candidate each, the best of its group: those of the window (their number
 * becomes *in_window), then the `count` best of the others behind `after` (NULL = from the first).
 * *behind = groups that could have entered. In the arena; ready for a cut, not for a push. */
enum status groups_select(struct groups *g, const struct group_window *window,
                          const struct candidate *after, uint32_t count, struct topk *top,
                          uint32_t *in_window, uint64_t *behind);
uint64_t groups_total(const struct groups *g);
/* The hits of the chosen groups, best group first: up to group_size each. Ids are left to fill. */
enum status groups_hits(struct groups *g, const struct group_window *window,
                        const struct candidate *chosen, uint32_t count, struct hit **hits,
                        uint32_t *hit_count);

#endif
