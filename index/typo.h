/*
 * typo - terms of the dictionaries that are a few edits away from a word.
 *
 * Each sorted dictionary is walked like a trie: what edits.h knows is kept for the beginning that
 * neighbours share, and all terms that begin hopelessly are stepped over by their shared lengths
 * alone (segment_step_over).
 */
#ifndef SOUK_INDEX_TYPO_H
#define SOUK_INDEX_TYPO_H

#include "index/snapshot.h"
#include "protocol/arena.h"

struct typo {
    struct slice term; /* in the snapshot */
    uint64_t df;       /* live products with it, over all segments */
    uint32_t distance; /* 1..max */
};

struct typo_list {
    struct typo *items; /* nearest first, then the most frequent, then by term */
    uint32_t count;
};

/* Only terms that live products hold; the word itself is none of them. */
enum status typo_find(struct snapshot *snap, struct slice word, uint32_t max, struct arena *arena,
                      struct typo_list *out);

#endif
