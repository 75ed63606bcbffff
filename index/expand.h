/*
 * expand - looks up the alternatives of each word of a plan in the dictionaries.
 *
 * Run again for each attempt of a query: first exact words, their forms and beginnings, then also
 * typos. What it adds is the arena's; idf of forms of one word is shared, so they are one word.
 */
#ifndef SOUK_INDEX_EXPAND_H
#define SOUK_INDEX_EXPAND_H

#include "index/forms.h"
#include "index/plan.h"
#include "index/recall.h"
#include "index/word_settings.h"

struct query_cursor;

struct expansion_request {
    struct snapshot *snap;
    struct arena *arena;
    const struct profile *profile;
    const struct word_settings *words; /* synonyms; NULL = none */
    struct forms *forms;               /* NULL = only the words as they stand */
    struct recall *recall;             /* NULL = nothing is remembered */
    uint32_t typos;                    /* 0 = none, else most edits */
    bool prefix;                       /* of the last word */
    bool parts;                        /* words written together or apart */
    /* Words of which nothing was known on the first page, as in a plan; NULL = looked up. */
    const struct query_cursor *first;
};

enum status expand_plan(struct plan *plan, const struct expansion_request *r);
/* Live documents that hold a term. */
uint64_t expand_live_df(struct snapshot *snap, struct slice term);
/* ln(1 + (N - df + 0.5) / (df + 0.5)) x 64 (Robertson & Zaragoza 2009), at least 1. */
uint32_t expand_idf(uint64_t live, uint64_t df);
/* A share of it, at least 1. */
uint32_t expand_scaled(uint32_t idf, double factor);

#endif
