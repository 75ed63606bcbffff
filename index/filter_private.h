/* filter_private - the parsed filter, for filter.c and filter_leaf.c (which make it) and
 * filter_eval.c (which asks it). */
#ifndef SOUK_INDEX_FILTER_PRIVATE_H
#define SOUK_INDEX_FILTER_PRIVATE_H

#include "index/filter.h"

enum node_kind { NODE_AND, NODE_OR, NODE_NOT, NODE_EXISTS, NODE_RANGE, NODE_ORDINALS, NODE_DOCS };

struct filter {
    enum node_kind kind;
    uint32_t field_id;
    struct slice path; /* of an attributes field: the key, empty where all of it is looked at */
    struct column *column;
    enum column_kind column_kind;
    /* AND, OR: children linked; NOT: one child */
    struct filter *child, *next;
    /* RANGE: numbers, low <= v <= high with open ends by flags */
    double low, high;
    bool low_open, high_open;
    /* ORDINALS: a bit for each value that passes */
    uint64_t *ordinal_bits;
    uint32_t ordinal_count, ordinal_most; /* how many, the largest */
    uint32_t *docs, doc_count;            /* DOCS: docids, ascending */
    struct slice text;                    /* as it was written, of terms joined by "and" */
};

/* True when the filter looks at no other field, nor at another attribute. */
bool filter_only_field(const struct filter *f, uint32_t field_id, struct slice path);

#endif
