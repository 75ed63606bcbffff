/*
 * collect - what happens to the matches of a search: seen or not, filtered, counted, ranked.
 *
 * The hot path of a query. collect_attempt() runs the plan of the search over every segment, from
 * nothing: found, facets (emptied by the caller) and top-k hold that attempt alone afterwards.
 */
#ifndef SOUK_INDEX_COLLECT_H
#define SOUK_INDEX_COLLECT_H

#include "index/query_private.h"

/* A number that is the same for searches of the same words, whatever their filter and page; `more`
 * is mixed in. */
uint64_t collect_key(const struct search *s, uint64_t more);
/* Does the product pass the filter, as far as that facet looks at it? UINT32_MAX: all of it. */
bool collect_passes(const struct search *s, uint32_t facet, uint32_t docid);
/* Is the count exact however many match? Not a matter of the page. */
bool collect_counts_all(const struct search *s);
/* How many products the words of the last attempt find, whatever the filter and the rules: with
 * that number it is decided whether another attempt is made. Exact where it is below the constants
 * of the profile. */
uint64_t collect_by_words(const struct search *s);
/* How many follow the cursor, which is behind the window: where all are counted without looking,
 * those that cannot be on the page are not come to. */
uint64_t collect_behind(const struct search *s);
/* Do hidden products come into the top? Where the second phase orders it, or is to learn from it.
 */
bool collect_ranks_hidden(const struct search *s);
/* Takes them out of the top, which is in order. Returns how many of its first `first` stay. */
uint32_t collect_leave_out_hidden(struct search *s, uint32_t first);
/* `all`: products hold every group of the plan, else any. A plan without groups browses. */
enum status collect_attempt(struct search *s, bool all);

#endif
