/* facet_private - one counter, shared by facet.c (what is asked), facet_count.c (the matches) and
 * facet_top.c (the reply). */
#ifndef SOUK_INDEX_FACET_PRIVATE_H
#define SOUK_INDEX_FACET_PRIVATE_H

#include "index/facet.h"
#include "index/value_index.h"

struct facet_range {
    struct slice text;
    double from, to;
    uint64_t count;
};

struct facet_number { /* a number as a value */
    uint64_t bits;
    uint32_t count; /* 0 = free place */
};

struct facet_counter {
    const struct facet_request *request;
    uint32_t field_id;
    enum field_type type;
    struct column *column;
    /* Values with ordinals: counts by ordinal, or of one attribute key by place. */
    uint32_t *counts;
    uint32_t count_end; /* counts[0 .. count_end) */
    uint32_t *more;     /* further tables, one behind the other; NULL = none needed yet */
    const struct value_index *values; /* PATH, ATTRIBUTES */
    const struct value_key *key;      /* "attrs.key"; NULL = all of the field */
    uint32_t key_number;              /* 0 with a key asked for that no product has */
    struct slice path;                /* the attribute, keyed */
    bool keyed;
    uint32_t *stamps, stamp; /* by the places of `counts`: the long list that held it last */
    /* Numbers: as values by hash, or ranges and statistics. */
    struct facet_number *numbers;
    uint32_t number_count, number_cap;
    struct arena *arena;
    struct pulse *pulse;
    bool short_of_memory; /* or the search ended */
    struct facet_range *ranges;
    uint32_t range_count;
    uint64_t with_value;
    double min, max, sum;
};

/* Tables for few values and many products of them. */
enum { FACET_TABLES = 4, FACET_TABLES_VALUES = 2048, FACET_TABLES_PRODUCTS = 512 };

/* All matches were counted: the tables become one. */
void facet_count_end(struct facet_counter *c);
/* A number for statistics and ranges, `times` products. */
void facet_note_number(struct facet_counter *c, double v, uint64_t times);
enum status facet_finish_values(struct facet_counter *c, struct snapshot *snap,
                                struct folder *folder, struct arena *arena,
                                struct facet_result *out);

#endif
