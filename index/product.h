/*
 * product - one product taken apart for storage and put together again.
 *
 * Fields with a column live in columns only, other fields in the record. Parsing checks types
 * against the schema; putting together yields the canonical document: fields in id order, no NULL,
 * a list of one attribute value as the plain value, numbers of FLOAT fields as FLOAT.
 */
#ifndef SOUK_INDEX_PRODUCT_H
#define SOUK_INDEX_PRODUCT_H

#include "index/column_edit.h"
#include "index/facet_intern.h"
#include "index/schema.h"
#include "protocol/document.h"

enum { NUMBER_TEXT_MAX = 40 };
/* The shortest text that reads back as the number. */
struct slice product_number_text(double v, char text[NUMBER_TEXT_MAX]);

/* Values by field id; slices point into the document. */
struct product {
    struct slice id;
    bool given[SCHEMA_MAX_FIELDS + 1]; /* NULL values are given too */
    struct value values[SCHEMA_MAX_FIELDS + 1];
};

/* SCHEMA_MISMATCH, UNKNOWN_FIELD, BAD_UTF8, INVALID. */
enum status product_parse(const struct schema *schema, struct slice document, struct product *p);
static inline bool product_has(const struct product *p, uint32_t field)
{
    return p->given[field] && p->values[field].type != VALUE_NULL;
}

enum column_kind product_column_kind(const struct field *f);
/* The column value of a field of a parsed product; ordinals come from `intern`. Lists are appended
 * to `items` (u32 each): value->ordinal is the index of the first and product_fix_list() makes the
 * pointers once all fields are in. */
enum status product_column_value(const struct field *f, const struct product *p,
                                 struct facet_intern *intern, struct buf *items,
                                 struct column_value *out);
static inline void product_fix_list(struct column_value *v, const struct buf *items)
{
    v->items = (const uint32_t *)(const void *)items->ptr + v->ordinal;
}
/* Appends the record: the document of the fields that no column holds. */
void product_put_record(const struct schema *schema, const struct product *p, struct buf *out);

/* Where put-together reads from: a snapshot or a batch. */
struct product_source {
    void *ctx;
    enum status (*column)(void *ctx, uint32_t column, enum column_kind kind, uint32_t docid,
                          struct column_value *out);
    enum status (*facet)(void *ctx, uint32_t field, uint32_t ordinal, struct facet_row *out);
};

/* Appends the document of `docid`, nothing on failure. wanted = bitmap over field ids, NULL = all;
 * `hidden` includes fields that are kept for analysis but not `stored`. */
enum status product_assemble(const struct schema *schema, struct slice id, struct slice record,
                             uint32_t docid, const struct product_source *from,
                             const uint64_t *wanted, bool hidden, struct buf *out);

#endif
