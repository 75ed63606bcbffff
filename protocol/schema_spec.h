/*
 * schema_spec - a catalog's schema as it is sent and stored.
 *
 *   schema := format u8 (1), ttl_ms varint, swr_ms varint, sie_ms varint, max_products varint,
 *             max_bytes varint, version varint, field_count varint, field*
 *   field  := name text, type u8, flags u8, weight f64, weight_class u8, reference_len f64,
 *             language text, extra_len varint, extra*
 *   extra  := tag varint, value bytes (length varint before them); unknown tags are skipped
 *             55 max_age_ms varint
 */
#ifndef SOUK_PROTOCOL_SCHEMA_SPEC_H
#define SOUK_PROTOCOL_SCHEMA_SPEC_H

#include "protocol/wire.h"

enum field_type {
    FIELD_TEXT,
    FIELD_KEYWORD,
    FIELD_INTEGER,
    FIELD_FLOAT,
    FIELD_BOOLEAN,
    FIELD_TIMESTAMP,
    FIELD_KEYWORD_LIST,
    FIELD_PATH,
    FIELD_ATTRIBUTES,
    FIELD_TYPE_COUNT
};

enum field_flag {
    FIELD_SEARCHABLE = 1,
    FIELD_FILTER = 2,
    FIELD_FACET = 4,
    FIELD_SORT = 8,
    FIELD_STORED = 16
};

enum { SCHEMA_MAX_FIELDS = 255, SCHEMA_NAME_MAX = 64 };

struct field_spec {
    struct slice name;
    enum field_type type;
    uint8_t flags;         /* enum field_flag */
    double weight;         /* searchable fields; 0 = 1 */
    uint8_t weight_class;  /* 0 (heaviest) .. 3 */
    double reference_len;  /* tokens a typical value has; 0 = 8 for class 0 and 1, 40 otherwise */
    struct slice language; /* ISO 639-1, empty = none */
    int64_t max_age_ms;    /* volatile: withheld of products confirmed longer ago; 0 = never */
};

struct schema_spec {
    int64_t ttl_ms, swr_ms, sie_ms; /* ttl 0 = never stale */
    uint64_t max_products, max_bytes;
    uint32_t version;
    uint32_t field_count;
    struct field_spec fields[SCHEMA_MAX_FIELDS];
};

void schema_spec_encode(const struct schema_spec *s, struct buf *out);
/* Slices point into `bytes`. INVALID (with fault) on damage, doubled or empty names, unknown types.
 */
enum status schema_spec_decode(struct slice bytes, struct schema_spec *out, struct fault *fault);

/* "text", "keyword", ...; NULL for an unknown number. */
const char *field_type_name(enum field_type t);
/* false when the word is none. */
bool field_type_parse(struct slice word, enum field_type *out);

#endif
