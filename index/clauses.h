/*
 * clauses - a filter as what it is at its top: terms that all must hold, each asked once.
 *
 * A disjunctive facet counts as if the terms on its own field were off, and the sub-queries of a
 * storefront differ by one term each. So terms are asked apart, over a whole batch of products, and
 * give a bit each; what a facet or a sub-query wants is the intersection of some of the bits.
 */
#ifndef SOUK_INDEX_CLAUSES_H
#define SOUK_INDEX_CLAUSES_H

#include "index/filter.h"

enum { CLAUSES_MAX = 32, CLAUSES_BATCH = 4096, CLAUSES_WORDS = CLAUSES_BATCH / 64 };

struct clause {
    const struct filter *filter;
    struct slice text; /* as it was written; says whether two clauses are the same */
};

struct clauses {
    struct clause items[CLAUSES_MAX];
    uint32_t count;
    /* Scratch of clauses_ask(). */
    uint32_t *docs, *places;
};

/* Of more terms than CLAUSES_MAX those on one field become one clause. Lives in the arena. */
enum status clauses_split(const struct filter *f, struct arena *arena, struct clauses **out);
/* Clauses, as a bitmap, that look at other fields or attributes too (all but those on `field`, and
 * `path` of it where it holds attributes, alone). */
uint32_t clauses_not_only(const struct clauses *c, uint32_t field, struct slice path);
/* Sets bit i of `bits` for each of the ascending docids (at most CLAUSES_BATCH) that passes. */
void clauses_ask(struct clauses *c, uint32_t clause, const uint32_t *docids, uint32_t count,
                 uint64_t bits[CLAUSES_WORDS]);

#endif
