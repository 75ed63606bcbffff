#include "index/facet_values.h"

#include "index/index_private.h"

#include <stdlib.h>

/*
 * Products and facets name the same few values again and again, and a row costs a walk down the
 * tree and a checksum: those seen last are kept where their numbers lead. Rows lie in the map and
 * stay where they are as long as the snapshot is the same.
 */
enum { KEPT_ROWS = 1024 };

struct kept_row {
    uint64_t epoch; /* of the snapshot; 0 = free */
    uint32_t field, ordinal;
    struct facet_row row;
};

struct kept_rows {
    struct kept_row items[KEPT_ROWS];
};

void facet_values_fini(struct snapshot *s)
{
    free(s->rows);
    s->rows = NULL;
}

enum status facet_value_row(struct snapshot *s, uint32_t field, uint32_t ordinal,
                            struct facet_row *out)
{
    if (!s->rows)
        s->rows = calloc(1, sizeof *s->rows);
    if (!s->rows)
        return facet_row_read(s->txn, field, ordinal, out);
    uint32_t hash = (ordinal ^ field << 24) * UINT32_C(0x9e3779b1);
    struct kept_row *k = &s->rows->items[hash >> 16 & (KEPT_ROWS - 1)];
    if (k->epoch == s->epoch && k->ordinal == ordinal && k->field == field) {
        *out = k->row;
        return STATUS_OK;
    }
    enum status st = facet_row_read(s->txn, field, ordinal, out);
    if (!st)
        *k = (struct kept_row){s->epoch, field, ordinal, *out};
    return st;
}

uint32_t facet_value_count(struct snapshot *s, uint32_t field)
{
    return field < META_FIELDS ? s->meta.facet_counts[field] : 0;
}

enum status facet_value_text(struct snapshot *s, uint32_t field, uint32_t ordinal,
                             struct slice *text, enum value_type *type)
{
    struct facet_row row;
    enum status st = facet_value_row(s, field, ordinal, &row);
    if (!st)
        *text = row.text;
    if (!st && type)
        *type = row.type;
    return st;
}

uint32_t facet_value_parent(struct snapshot *s, uint32_t field, uint32_t ordinal)
{
    struct facet_row row;
    return facet_value_row(s, field, ordinal, &row) ? 0 : row.parent;
}

bool facet_value_number(struct snapshot *s, uint32_t field, uint32_t ordinal, double *out)
{
    struct facet_row row;
    if (facet_value_row(s, field, ordinal, &row) || !row.has_number)
        return false;
    *out = row.number;
    return true;
}

enum status facet_value_find(struct snapshot *s, uint32_t field, struct slice text,
                             enum value_type type, uint32_t *ordinal)
{
    return facet_row_find(s->txn, field, text, type, ordinal);
}
