#include "index/sort_key.h"

#include <string.h>

static uint64_t key_of(struct column *c, bool descending, uint32_t docid)
{
    double v;
    if (column_float(c, docid, &v))
        return 0;
    uint64_t bits;
    v = v == 0 ? 0 : v;
    memcpy(&bits, &v, sizeof bits);
    bits = bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
    bits = descending ? bits : ~bits;
    return bits ? bits : 1;
}

void sort_keys_fill(const struct sort_keys *k, uint32_t docid, uint32_t score,
                    uint64_t keys[TOPK_KEYS])
{
    if (k->count == 0)
        keys[0] = score;
    for (uint32_t i = 0; i < k->count; i++)
        keys[i] =
            k->items[i].column ? key_of(k->items[i].column, k->items[i].descending, docid) : score;
}

static enum status prepare_column(struct slice name, struct snapshot *snap, struct column **out,
                                  struct fault *fault)
{
    const struct field *f = schema_find(snapshot_schema(snap), name);
    if (!f)
        return fault_set(fault, STATUS_UNKNOWN_FIELD, "sort", "the schema has no field '%.*s'",
                         (int)name.len, name.ptr);
    *out = snapshot_column(snap, f->id);
    if (!f->sort || f->type == FIELD_KEYWORD || f->type == FIELD_PATH)
        return fault_set(fault, STATUS_SCHEMA_MISMATCH, "sort",
                         "field '%s' is not declared for sorting by number", f->name);
    return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status sort_keys_prepare(struct sort_keys *k, const struct query *q, struct snapshot *snap,
                              struct fault *fault)
{
    enum status st = STATUS_OK;
    *k = (struct sort_keys){0};
    if (q->sort_count > TOPK_KEYS)
        return fault_set(fault, STATUS_TOO_LARGE, "sort", "at most %d sort fields", TOPK_KEYS);
    for (uint32_t i = 0; !st && i < q->sort_count; i++) {
        k->items[i].descending = q->sorts[i].descending;
        if (!slice_equal(q->sorts[i].field, SLICE_LIT("_score")))
            st = prepare_column(q->sorts[i].field, snap, &k->items[i].column, fault);
    }
    k->count = q->sort_count;
    return st;
}
