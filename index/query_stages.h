/*
 * query_stages - the parts of one search in the order they run, for the files query*.c.
 */
#ifndef SOUK_INDEX_QUERY_STAGES_H
#define SOUK_INDEX_QUERY_STAGES_H

#include "index/query_private.h"

/* Scores of evidence bytes for a profile's numbers (searcher.c). */
void searcher_weigh(struct searcher *sr, const struct schema *schema, const double *n);
/* Exact words, then whatever else the profile tries when too few match. */
enum status query_attempts(struct search *s);
/* Orders, cuts the page, fills the result. */
enum status query_finish(struct search *s);

/* Reads the words anew, hyphens before them as nothing more. */
enum status query_read_as_pasted(struct search *s);
/* Empties the facets for another attempt. */
enum status query_reset_facets(struct search *s);
/* Adds the time since the last call to a stage. */
void query_spent(struct search *s, uint32_t *us);

#endif
