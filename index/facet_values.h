/*
 * facet_values - the distinct values of a keyword, path or attributes field and their ordinals.
 *
 *   LMDB `facets`:
 *     key = 'v', field u16 BE, ordinal u32 BE -> parent u32, type u8, number f64 (or NaN), text
 *     key = 'o', field u16 BE, XXH3-64 of the text u64 BE -> ordinals u32 each (one but for
 *           texts of several types and colliding hashes)
 *
 * Ordinals start at 1 and are never reused within an edition. A path value's text is its nodes
 * joined by " > " ("Shoes > Running"); its parent is the ordinal of the path without the last node
 * (0 at top). An attributes value's text is "path\x1fvalue" (value in text form: numbers in their
 * shortest decimal form, "true", "false"; `number` set when it is a number). Text, boolean and
 * number of one text are different values; integers and fractions are all numbers.
 */
#ifndef SOUK_INDEX_FACET_VALUES_H
#define SOUK_INDEX_FACET_VALUES_H

#include "protocol/document.h"
#include "protocol/status.h"

struct snapshot;

uint32_t facet_value_count(struct snapshot *s, uint32_t field); /* highest ordinal */
/* Text of an ordinal (points into the snapshot); `type` (may be NULL) of an attributes value. */
enum status facet_value_text(struct snapshot *s, uint32_t field, uint32_t ordinal,
                             struct slice *text, enum value_type *type);
uint32_t facet_value_parent(struct snapshot *s, uint32_t field, uint32_t ordinal);
/* Numeric reading of an attributes value; false when it is not a number. */
bool facet_value_number(struct snapshot *s, uint32_t field, uint32_t ordinal, double *out);
/* Ordinal of a value, NOT_FOUND. `type` is TEXT but for attributes. */
enum status facet_value_find(struct snapshot *s, uint32_t field, struct slice text,
                             enum value_type type, uint32_t *ordinal);

#endif
