/*
 * known - forms and typos of a word as forms.h and typo.h find them, from memory where they were
 * asked for before (recall.h).
 */
#ifndef SOUK_INDEX_KNOWN_H
#define SOUK_INDEX_KNOWN_H

#include "index/expand.h"
#include "index/typo.h"

enum status known_forms(const struct expansion_request *r, struct slice original, struct slice word,
                        struct form_list *out);
/* No more of them than one behind what a plan takes. */
enum status known_typos(const struct expansion_request *r, struct slice word, uint32_t edits,
                        struct typo_list *out);

#endif
