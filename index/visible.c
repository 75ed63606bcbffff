#include "index/visible.h"

#include "protocol/wire.h"

enum { ROW = 16 };

static const struct slice row_key = {"visible", 7};

enum status visible_of(struct store_txn *t, uint64_t generation, uint64_t *visible)
{
    struct slice v;
    *visible = generation;
    enum status st = store_get(t, STORE_META, row_key, &v);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    if (v.len != ROW)
        return STATUS_CORRUPT;
    if (wire_load64(v.ptr) == generation)
        *visible = wire_load64(v.ptr + 8);
    return STATUS_OK;
}

enum status visible_keep(struct store_txn *t, uint64_t before, uint64_t generation)
{
    uint8_t out[ROW];
    uint64_t visible;
    enum status st = visible_of(t, before, &visible);
    if (st)
        return st;
    wire_store64(out, generation);
    wire_store64(out + 8, visible);
    return store_put(t, STORE_META, row_key, slice_make(out, ROW));
}
