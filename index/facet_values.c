#include "index/facet_values.h"

#include "index/index_private.h"

uint32_t facet_value_count(struct snapshot *s, uint32_t field)
{
    return field < META_FIELDS ? s->meta.facet_counts[field] : 0;
}

enum status facet_value_text(struct snapshot *s, uint32_t field, uint32_t ordinal,
                             struct slice *text, enum value_type *type)
{
    struct facet_row row;
    enum status st = facet_row_read(s->txn, field, ordinal, &row);
    if (!st)
        *text = row.text;
    if (!st && type)
        *type = row.type;
    return st;
}

uint32_t facet_value_parent(struct snapshot *s, uint32_t field, uint32_t ordinal)
{
    struct facet_row row;
    return facet_row_read(s->txn, field, ordinal, &row) ? 0 : row.parent;
}

bool facet_value_number(struct snapshot *s, uint32_t field, uint32_t ordinal, double *out)
{
    struct facet_row row;
    if (facet_row_read(s->txn, field, ordinal, &row) || !row.has_number)
        return false;
    *out = row.number;
    return true;
}

enum status facet_value_find(struct snapshot *s, uint32_t field, struct slice text,
                             enum value_type type, uint32_t *ordinal)
{
    return facet_row_find(s->txn, field, text, type, ordinal);
}
