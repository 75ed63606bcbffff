/* segment_prefixes - the ready unions of terms under short prefixes, for those who write segments.
 */
#ifndef SOUK_INDEX_SEGMENT_PREFIXES_H
#define SOUK_INDEX_SEGMENT_PREFIXES_H

#include "index/segment_write.h"

/* The terms of a prefix are neighbours: [from, to) of the terms written. Those set apart are not
 * meant. */
struct prefix_run {
    char prefix[PREFIX_MAX_LEN + 1]; /* padded with zeros */
    uint32_t len, from, to;
    uint32_t apart[PREFIX_APART_MOST], apart_count; /* ascending */
    struct slice term[PREFIX_APART_MOST];           /* their texts */
    bool one; /* only the one at `from` is meant, whose text is the first of `term` */
};

/* Gives the lists under a run to prefix_union_add(). */
struct prefix_union;
typedef enum status (*prefix_lists)(void *ctx, const struct prefix_run *run,
                                    struct prefix_union *u);
void prefix_union_add(struct prefix_union *u, const uint32_t *docs, const uint8_t *evidence,
                      uint32_t count);

/* Writes the lists of all prefixes that have enough terms and postings, in the order of their
 * bytes; call when all terms are written. Small segments get none. NO_MEMORY, or what `lists`
 * returned. */
enum status segment_write_prefixes(struct segment_writer *w, prefix_lists lists, void *ctx);

#endif
