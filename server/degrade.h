/*
 * degrade - what the ladder's level takes away from one search, and what is said about it.
 */
#ifndef SOUK_SERVER_DEGRADE_H
#define SOUK_SERVER_DEGRADE_H

#include "index/query.h"
#include "protocol/request.h"
#include "server/ladder.h"

enum { DEGRADE_DEEPEST = 100, DEGRADE_POSTINGS = 50000 };

/* What was taken out of a request, and what stood there. */
struct left_out {
    uint32_t bits; /* 1 << feature, of what made a difference */
    enum search_match match;
    uint32_t typos;
};

/* Of a request that is whole. */
struct left_out degrade_nothing(const struct search_request *in);
/* Takes out of the request what is off; returns what that made a difference to. Synonyms and whole
 * lists count as different only when the query says so later. */
struct left_out degrade_request(const struct ladder *l, struct search_request *in);
/* The same for what only the engine knows. */
void degrade_query(const struct ladder *l, struct query *q);
/* The words of the bits; returns how many. */
uint32_t degrade_words(uint32_t bits, struct slice words[LADDER_FEATURE_COUNT]);

#endif
