/*
 * sort_key - what hits are ordered by: numbers of columns as 64-bit keys, larger ranks first.
 *
 * Prepared once per query from its sort requests; products without the value come last either way.
 */
#ifndef SOUK_INDEX_SORT_KEY_H
#define SOUK_INDEX_SORT_KEY_H

#include "index/query.h"
#include "index/topk.h"

struct sort_keys {
    uint32_t count; /* 0 = by score */
    struct {
        struct column *column; /* NULL = the score */
        bool descending;
    } items[TOPK_KEYS];
};

/* TOO_LARGE, UNKNOWN_FIELD, SCHEMA_MISMATCH with a sentence in `fault`. */
enum status sort_keys_prepare(struct sort_keys *k, const struct query *q, struct snapshot *snap,
                              struct fault *fault);
/* Fills the keys of a candidate; those not asked for stay as they are. */
void sort_keys_fill(const struct sort_keys *k, uint32_t docid, uint32_t score,
                    uint64_t keys[TOPK_KEYS]);

#endif
