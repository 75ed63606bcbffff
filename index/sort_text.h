/*
 * sort_text - the alphabetical order of a field's values, for sorting hits by a keyword.
 *
 * Value ordinals are numbered as values came, so their order is worked out here: folded text first
 * (case, accents), then the bytes. The table of a field is made at its first use and kept by the
 * searcher; values are only ever added within an edition, so later ones are merged in. Tables of
 * the few fields used last are kept.
 */
#ifndef SOUK_INDEX_SORT_TEXT_H
#define SOUK_INDEX_SORT_TEXT_H

#include "index/snapshot.h"

struct sort_texts; /* the cache of one searcher */
struct sort_text;  /* one field; valid until the next sort_texts_get() */

enum { SORT_TEXTS_KEPT = 16 };

enum status sort_texts_create(struct sort_texts **out);
void sort_texts_destroy(struct sort_texts **t);
enum status sort_texts_get(struct sort_texts *all, struct snapshot *snap, uint32_t field,
                           struct sort_text **out);

/* Place of an ordinal in the order, from 0; UINT32_MAX for none. */
uint32_t sort_text_rank(const struct sort_text *t, uint32_t ordinal);
/* The ordinal at a place, 0 behind the end. */
uint32_t sort_text_ordinal(const struct sort_text *t, uint32_t rank);
/* First place whose value is not before `text`; *same tells whether it is the text itself. */
enum status sort_text_place(struct sort_texts *all, const struct sort_text *t, struct slice text,
                            uint32_t *rank, bool *same);

#endif
