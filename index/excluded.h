/*
 * excluded - the products a query may not see because they are past their limit (query.excluded),
 * as a sieve over matches and as a number to take from a count that is known beforehand.
 */
#ifndef SOUK_INDEX_EXCLUDED_H
#define SOUK_INDEX_EXCLUDED_H

#include "index/query.h"
#include "index/snapshot.h"

/* Takes excluded docids, ascending, and their scores out, in place; returns how many are left. */
uint32_t excluded_drop(const struct query *q, uint32_t *docs, uint32_t *scores, uint32_t count);
/* Counts remembered while neither the generation nor what is excluded changes: during an outage
 * many products may be held past their limit, and words are asked for again and again. */
enum { EXCLUDED_MEMO = 1024 };
struct excluded_memo {
    struct excluded_slot {
        struct excluded_name {
            struct edition edition;
            uint64_t generation, version; /* of the bits; 0 = free */
            uint32_t segment, ordinal;    /* first docid of the one, number of the term there */
        } name;
        uint64_t count;
    } slots[EXCLUDED_MEMO];
};

/* How many living products with the word in a segment are excluded. Reads only those blocks of the
 * word's list in whose range one is. */
enum status excluded_count(struct excluded_memo *memo, const struct query *q,
                           const struct snapshot *s, const struct segment *segment,
                           struct slice term, uint64_t *count);

#endif
