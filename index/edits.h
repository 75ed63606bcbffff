/*
 * edits - which beginnings of a word the terms of a sorted dictionary have come to, and by how many
 * edits: all of them at once, a bit each (Wu & Manber 1992, with swaps).
 *
 * For words and terms that begin with the same letter; distances are those of lev.h, which count
 * the first letter double. Walks like lev_walk: what neighbours share is kept, and a beginning
 * from which nothing can come within reach is named.
 */
#ifndef SOUK_INDEX_EDITS_H
#define SOUK_INDEX_EDITS_H

#include "index/lev.h"

enum { EDITS_MAX = 2, EDITS_WORD = 60, EDITS_DEPTH = EDITS_WORD + EDITS_MAX + 2 };

struct edits_state {
    /* within[d] bit j: the first j letters of the word (its first left out) by d edits */
    uint64_t within[EDITS_MAX + 1];
    uint64_t places; /* where the letter that led here stands in the word */
    uint32_t bytes;  /* of the term so far */
};

struct edits {
    uint64_t ascii[128]; /* places of each letter */
    uint32_t others[EDITS_WORD], other_count;
    uint64_t other_places[EDITS_WORD];
    struct edits_state states[EDITS_DEPTH];
    uint32_t depth; /* states that hold for the last term */
    uint32_t word_len, max;
    char last[EDITS_DEPTH * 4];
};

/* False when the word is too long, or more edits are asked for. */
bool edits_init(struct edits *e, struct slice word, uint32_t max);
/* As lev_walk_term(); the term begins with the word's first letter. */
bool edits_term(struct edits *e, struct slice term, uint32_t *distance, struct slice *skip);

#endif
