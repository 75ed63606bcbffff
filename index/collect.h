/*
 * collect - what happens to the matches of a search: seen or not, filtered, counted, ranked.
 *
 * The hot path of a query. collect_attempt() runs the plan of the search over every segment, from
 * nothing: found, facets (emptied by the caller) and top-k hold that attempt alone afterwards.
 */
#ifndef SOUK_INDEX_COLLECT_H
#define SOUK_INDEX_COLLECT_H

#include "index/query_private.h"

/* `all`: products hold every group of the plan, else any. A plan without groups browses. */
enum status collect_attempt(struct search *s, bool all);

#endif
