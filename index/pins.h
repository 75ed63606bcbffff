/*
 * pins - puts the products that a rule pins into a page of hits, and counts them.
 *
 * Pinned products are taken out of what matches (rules.h) and come in here, once, if they pass the
 * filter; so found, facets and the union of pages are what they are without rules, plus those.
 */
#ifndef SOUK_INDEX_PINS_H
#define SOUK_INDEX_PINS_H

#include "index/query_private.h"

/* After the last attempt: drops pins that are not to be seen, counts the others. */
void pins_settle(struct search *s);
/* How many products earlier pages showed. */
uint32_t pins_shown(const struct search *s);
/* Pins whose place is before `position`. */
uint32_t pins_before(const struct search *s, uint64_t position);
/* Makes the page: `n` hits are there, in order, with room for the pins in [shown, shown + k). */
void pins_place(const struct search *s, struct hit *hits, uint32_t n, uint32_t *count);

#endif
