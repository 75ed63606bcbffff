/*
 * suggest_keys - sorted texts with weights: ranges by their beginning, the heaviest of a range.
 */
#ifndef SOUK_INDEX_SUGGEST_KEYS_H
#define SOUK_INDEX_SUGGEST_KEYS_H

#include "protocol/slice.h"
#include "protocol/status.h"

struct suggest_key {
    struct slice text;
    uint32_t entry; /* of the owner */
    float weight;
};

struct suggest_keys {
    struct suggest_key *items;
    uint32_t count, cap;
    uint32_t *heaviest; /* tree of maxima over items: node n has children 2n, 2n + 1 */
    uint32_t leaves;
};

struct suggest_range {
    uint32_t from, to, distance;
};

void suggest_keys_fini(struct suggest_keys *k);
enum status suggest_keys_add(struct suggest_keys *k, struct slice text, uint32_t entry,
                             float weight);
/* Sorts and builds the tree; no adding afterwards. */
enum status suggest_keys_build(struct suggest_keys *k);
struct suggest_range suggest_keys_range(const struct suggest_keys *k, struct slice prefix);
/* The heaviest item of [from, to), not empty. Of equal ones the first. */
uint32_t suggest_keys_heaviest(const struct suggest_keys *k, uint32_t from, uint32_t to);
/* Ranges of texts whose beginning is 1..max edits from `typed`; returns how many, at most `cap`. */
uint32_t suggest_keys_near(const struct suggest_keys *k, struct slice typed, uint32_t max,
                           struct suggest_range *out, uint32_t cap);

#endif
