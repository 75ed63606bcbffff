/*
 * field_limit - words that must stand in certain fields: "brand:lego", or a query's list of fields.
 *
 * Lists are of all fields together; where a word stands is told by its positions, so what matched
 * is looked at again, word by word, for the products of a batch.
 */
#ifndef SOUK_INDEX_FIELD_LIMIT_H
#define SOUK_INDEX_FIELD_LIMIT_H

#include "index/probe.h"
#include "index/query_private.h"

/* Reads the query's list of fields into the groups and phrases of the plan; s->limited tells
 * whether any word is limited. UNKNOWN_FIELD. */
enum status field_limit_prepare(struct search *s);
/* probe_seek(), and does the word stand in one of these fields? 0 = in any. A list with positions;
 * documents ascend. */
enum status field_limit_seek(struct probe *p, const struct segment *s, uint64_t fields,
                             uint32_t doc, bool *there);
/* Keeps the products (docids, ascending, of the open segment) that hold enough words where they may
 * stand: all of them, enough of a relaxed query, or any. */
enum status field_limit_keep(struct search *s, uint32_t *docs, uint32_t *scores, uint32_t *count);

#endif
