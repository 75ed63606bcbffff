/*
 * sort_key - what hits are ordered by: columns as 64-bit keys, larger ranks first.
 *
 * Prepared once per query from its sort requests. Numbers by value, keywords and paths by the
 * alphabet (sort_text.h); products without the value come last either way.
 */
#ifndef SOUK_INDEX_SORT_KEY_H
#define SOUK_INDEX_SORT_KEY_H

#include "index/query.h"
#include "index/sort_text.h"
#include "index/topk.h"
#include "protocol/wire.h"

struct sort_keys {
    uint32_t count; /* 0 = by score */
    struct sort_texts *texts;
    struct snapshot *snap;
    struct {
        struct column *column;  /* NULL = the score */
        struct sort_text *text; /* of a keyword: the order of its values */
        uint32_t field;
        bool descending;
    } items[TOPK_KEYS];
};

/* TOO_LARGE, UNKNOWN_FIELD, SCHEMA_MISMATCH with a sentence in `fault`. */
enum status sort_keys_prepare(struct sort_keys *k, const struct query *q, struct snapshot *snap,
                              struct sort_texts *texts, struct fault *fault);
/* Fills the keys of a candidate; those not asked for stay as they are. */
void sort_keys_fill(const struct sort_keys *k, uint32_t docid, uint32_t score,
                    uint64_t keys[TOPK_KEYS]);

/* The first key alone, of ascending docids. */
void sort_keys_first(const struct sort_keys *k, const uint32_t *docids, const uint32_t *scores,
                     uint32_t count, uint64_t *keys);

/* Keys as they are carried to a later page, when values may have come in between: u8 count, then
 * numbers as they are and keywords as their text. Reading fails the reader on damage. */
void sort_keys_encode(const struct sort_keys *k, const uint64_t keys[TOPK_KEYS], struct buf *out);
enum status sort_keys_decode(const struct sort_keys *k, struct wire_reader *r,
                             uint64_t keys[TOPK_KEYS]);

#endif
