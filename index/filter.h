/*
 * filter - the filter language: parsed against a schema and snapshot, then asked per product.
 *
 *   filter    := or
 *   or        := and ( "or" and )*
 *   and       := unary ( "and" unary )*
 *   unary     := "not" unary | "(" or ")" | "exists" "(" field ")" | comparison
 *   comparison:= field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
 *              | field number ".." number | field "in" "[" value ( "," value )* "]"
 *              | field "under" value                       (path fields: the node and all below)
 *   field     := letters, digits, _ - and dots (attrs.key), or `quoted` in back quotes
 *   value     := "text" | 'text' | bare word | number | true | false
 * Words of the language are case-insensitive. At most 100 operators, depth 200, 4,096 set values.
 * A product without the field matches no comparison but "!=" and "not". Errors carry the byte
 * position.
 */
#ifndef SOUK_INDEX_FILTER_H
#define SOUK_INDEX_FILTER_H

#include "index/snapshot.h"
#include "protocol/arena.h"

enum { FILTER_MAX_OPERATORS = 100, FILTER_MAX_DEPTH = 200, FILTER_MAX_VALUES = 4096 };

struct filter;

/* Is there nothing but blanks: a filter that matches everything? */
bool filter_is_blank(struct slice text);
/* Blank text gives NULL, which matches everything. SYNTAX, UNKNOWN_FIELD, SCHEMA_MISMATCH,
 * TOO_LARGE, TOO_DEEP with fault.column. The filter lives in the arena and the snapshot. */
enum status filter_parse(struct slice text, struct snapshot *snap, struct arena *arena,
                         struct filter **out, struct fault *fault);
/* A term of an earlier filter, that the same words need not be looked up again: the sub-queries of
 * a storefront have most of theirs in common. */
struct filter_term {
    struct slice text;
    const struct filter *filter;
    uint32_t operators, values;
    struct filter_term *next;
};
/* The same; terms joined at the top of `text` that are among `known` are taken from there, and the
 * others are added. They are of the same snapshot, and live in the same arena. */
enum status filter_parse_known(struct slice text, struct snapshot *snap, struct arena *arena,
                               struct filter_term **known, struct filter **out,
                               struct fault *fault);
bool filter_match(const struct filter *f, uint32_t docid);
/* Sets bit i % 64 of bits[i / 64] for each of the ascending docids that passes, where there is a
 * quicker way than filter_keep(): a set of values of a field with one value. False: there is none.
 */
bool filter_bits(const struct filter *f, const uint32_t *docids, uint32_t count, uint64_t *bits);
/* Keeps, in place and in order, the ascending docids that pass, with what stands beside them;
 * returns how many. Batches of numbers in one range go through a kernel. */
uint32_t filter_keep(const struct filter *f, uint32_t *docs, uint32_t *scores, uint32_t count);
#endif
