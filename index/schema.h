/*
 * schema - the fields of a catalog: types, how each is searched, filtered, sorted, and defaults.
 *
 * Built from a `struct schema_spec` (protocol/schema_spec.h), which is also its stored form. Field
 * ids are positions in the field list and never change; alter may append fields and change weights,
 * flags and languages. Immutable once built; shared by const pointer.
 */
#ifndef SOUK_INDEX_SCHEMA_H
#define SOUK_INDEX_SCHEMA_H

#include "protocol/schema_spec.h"
#include "protocol/status.h"

struct field {
    uint32_t id;
    char name[SCHEMA_NAME_MAX + 1];
    enum field_type type;
    bool searchable, filter, facet, sort, stored;
    bool has_column;      /* derived: every type but text has one when filter, facet or sort */
    uint8_t weight_class; /* 0..3, searchable fields */
    float weight;         /* of the field's class at query time */
    float reference_len;  /* tokens; BM25 length normalisation */
    char language[8];     /* ISO 639-1, "" = none */
    int64_t max_age_ms;   /* volatile: withheld of products confirmed longer ago; 0 = never */
    uint32_t search_idx;  /* ordinal among searchable fields (positions), UINT32_MAX if not */
};

struct schema {
    uint32_t field_count;
    struct field *fields;
    uint32_t search_count;            /* F */
    uint32_t version;                 /* counts alterations from 1 */
    int64_t ttl_ms, swr_ms, sie_ms;   /* defaults; ttl 0 = never stale */
    uint64_t max_products, max_bytes; /* 0 = no limit */
    float class_weight[4];            /* heaviest weight among the class's fields */
};

void schema_destroy(struct schema **s);
/* NULL when there is none. */
const struct field *schema_find(const struct schema *s, struct slice name);
/* Stored / wire form (the encoding of struct schema_spec). */
enum status schema_decode(struct slice bytes, struct schema **out, struct fault *fault);
void schema_encode(const struct schema *s, struct buf *out);
/* What a schema that is made or altered today may not say beside that, for nothing would come of
 * it; catalogs of earlier days may, and open. INVALID. */
enum status schema_check_new(const struct schema *s, struct fault *fault);

#endif
