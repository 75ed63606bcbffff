/*
 * variants - other spellings of one query word, tried at query time beside the word itself.
 *
 * Folding drops diacritics, so "Kühlschrank" and "kuhlschrank" meet in the index already. What is
 * left are the spellings by two letters: a word typed with an umlaut also looks for "kuehlschrank",
 * and one typed "kuehlschrank" also for "kuhlschrank". The same for Nordic letters (o with stroke
 * as "oe", a with ring as "aa").
 */
#ifndef SOUK_INDEX_VARIANTS_H
#define SOUK_INDEX_VARIANTS_H

#include "protocol/slice.h"

enum { VARIANTS_MAX = 1, VARIANT_BYTES = 64 };

struct variants {
    uint32_t count;
    struct slice items[VARIANTS_MAX]; /* folded; in `bytes` */
    char bytes[VARIANTS_MAX][VARIANT_BYTES];
};

/* `original` is what was typed, `folded` what analyse made of it. None is an ordinary outcome. The
 * result points into *out, which must stay where it is. */
void variants_of(struct slice original, struct slice folded, struct variants *out);

#endif
