/*
 * begun - what the last word of a query begins: terms by prefix, in both spellings of an umlaut and
 * as one word with the word before it, and the other forms of what it may become.
 *
 * Beginnings of one to three plain letters have precomputed lists in large segments and are always
 * exact. Of others, and where fields are asked for, the first BEGUN_TERMS_MAX terms that products
 * hold are looked up, in the order of the dictionary: which those are does not depend on how
 * products are spread over segments. Plan.capped tells that there were more.
 */
#ifndef SOUK_INDEX_BEGUN_H
#define SOUK_INDEX_BEGUN_H

#include "index/expand.h"

enum { BEGUN_TERMS_MAX = 1000 };

/* Terms of the group's last alternative by prefix; sets what the group's prefix is. */
enum status begun_prefix(struct group *g, struct slice prefix, struct plan *plan,
                         const struct expansion_request *r);
/* Adds to the last group, and to those it is written as one word with, what else it begins. */
enum status begun_expand(struct plan *plan, const struct expansion_request *r);
/* Takes out what are forms of a word only because it is not finished: "flashli" is no "flash". */
enum status begun_forms(const struct group *g, struct form_list *list,
                        const struct expansion_request *r);
/* Up to `most` terms that begin with `way`, itself left out, in the order of the dictionary. */
enum status begun_by(const struct expansion_request *r, struct slice way, struct slice *terms,
                     uint32_t most, uint32_t *n);
/* Ordinals [*lo, *hi) of the terms that the group's prefix stands for in a segment. */
enum status begun_range(const struct segment *s, const struct group *g, uint32_t *lo, uint32_t *hi);

#endif
