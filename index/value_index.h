/*
 * value_index - what the values of a path or attributes field are to each other, by ordinal.
 *
 * Paths: the parent of each node. Attributes: the key of each value, its place among the values of
 * that key, and its number. Read once from the value dictionary and kept with the snapshot; values
 * are only ever added within an edition, so later ones are read when they come. Filters on paths
 * and attributes and their facets then walk arrays instead of rows.
 */
#ifndef SOUK_INDEX_VALUE_INDEX_H
#define SOUK_INDEX_VALUE_INDEX_H

#include "index/edition.h"
#include "protocol/slice.h"
#include "protocol/status.h"

struct snapshot;

struct value_key { /* one key of an attributes field */
    struct slice name;
    uint32_t *ordinals; /* its values in the order they came: place -> ordinal */
    uint32_t count, cap;
};

struct value_index {
    struct edition edition;
    uint32_t count;    /* ordinals 1 .. count are in */
    uint32_t *parents; /* PATH: 0 = top */
    uint32_t *keys;    /* ATTRIBUTES: index + 1 into `items`, 0 = none */
    uint32_t *places;  /* ATTRIBUTES: among the values of the key */
    double *numbers;   /* ATTRIBUTES: NaN = not a number */
    uint32_t cap;
    struct value_key *items;
    uint32_t key_count, key_cap;
    uint32_t *slots; /* hash of the name -> index + 1 */
    uint32_t slot_count;
};

/* The values of a field up to those of the snapshot; lives until the snapshot is begun anew. */
enum status value_index_get(struct snapshot *s, uint32_t field, const struct value_index **out);
void value_index_free(struct value_index **v);
/* NULL when no value has this key. */
const struct value_key *value_index_key(const struct value_index *v, struct slice name);
/* Number of a key for `keys`, 0 for none. */
uint32_t value_index_key_number(const struct value_index *v, struct slice name);

#endif
