/*
 * search_trace - what the span of a search tells: whether the cache had the page, what the engine
 * did, what the page says of its hits. Every function takes NULL for a search that is not traced.
 */
#ifndef SOUK_SERVER_SEARCH_TRACE_H
#define SOUK_SERVER_SEARCH_TRACE_H

#include "index/query.h"
#include "server/freshness.h"
#include "server/span.h"

/* The result cache was asked; `outcome`: a row of cached_search.def. */
void search_trace_cache(struct span *span, const char *outcome, int64_t start_us, int64_t end_us);
/* The engine ran, whatever came of it; `left_out`: bits of ladder features. */
void search_trace_ran(struct span *span, const struct query_result *r, uint32_t left_out,
                      int64_t start_us, int64_t end_us);
/* The page is made; `counts` of its hits by enum freshness. */
void search_trace_page(struct span *span, uint64_t found, const uint64_t counts[FRESHNESS_COUNT],
                       const struct moment *m, int64_t searched_us);
/* The same of a page of the cache. */
void search_trace_labels(struct span *span, uint64_t found, const uint64_t counts[FRESHNESS_COUNT],
                         const struct moment *m);

#endif
