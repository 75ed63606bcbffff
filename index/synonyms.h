/*
 * synonyms - gives the words of a plan what the catalog says they also mean.
 *
 * Left sides are looked up as typed, in their other forms ("sofas") and as what a misspelt word was
 * corrected to; what they mean is looked for exactly: no forms, no typos. A meaning of several
 * words counts where they stand side by side. It stands in each group its left side takes up.
 */
#ifndef SOUK_INDEX_SYNONYMS_H
#define SOUK_INDEX_SYNONYMS_H

#include "index/plan.h"
#include "index/word_settings.h"

struct synonyms_request {
    struct snapshot *snap;
    struct arena *arena;
    const struct profile *profile;
    const struct word_settings *words;
};

/* After the words, their forms and corrections are expanded. */
enum status synonyms_expand(struct plan *plan, const struct synonyms_request *r);
/* True when one of the words as typed has any. */
bool synonyms_any(const struct plan *plan, const struct word_settings *words);

#endif
