#include "index/expiry_moves.h"

#include "protocol/wire.h"

enum { HEAD = 2, ROW = 16, ROOM = HEAD + ROW * EXPIRY_MOVES };

static const struct slice row_key = {"expiry", 6};

static enum status load(struct store_txn *t, struct slice *rows, uint32_t *count)
{
    struct slice v;
    *count = 0;
    enum status st = store_get(t, STORE_META, row_key, &v);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    *count = v.len >= HEAD ? wire_load16(v.ptr) : EXPIRY_MOVES + 1;
    if (*count > EXPIRY_MOVES || v.len != HEAD + (size_t)*count * ROW)
        return STATUS_CORRUPT;
    *rows = slice_make(v.ptr + HEAD, v.len - HEAD);
    return STATUS_OK;
}

enum status expiry_moves_add(struct store_txn *t, uint64_t generation, int64_t least)
{
    uint8_t out[ROOM];
    struct slice rows = SLICE_NULL;
    uint32_t count;
    enum status st = load(t, &rows, &count);
    if (st)
        return st;
    uint32_t drop = count == EXPIRY_MOVES, keep = count - drop;
    if (keep)
        memcpy(out + HEAD, rows.ptr + (size_t)drop * ROW, (size_t)keep * ROW);
    wire_store64(out + HEAD + (size_t)keep * ROW, generation);
    wire_store64(out + HEAD + (size_t)keep * ROW + 8, (uint64_t)least);
    wire_store16(out, (uint16_t)(keep + 1));
    return store_put(t, STORE_META, row_key, slice_make(out, HEAD + (size_t)(keep + 1) * ROW));
}

enum status expiry_moves_since(struct store_txn *t, uint64_t since, int64_t *least)
{
    struct slice rows = SLICE_NULL;
    uint32_t count;
    *least = INT64_MAX;
    enum status st = load(t, &rows, &count);
    if (st)
        return st;
    /* a full list may have lost commits from before its first one */
    if (count == EXPIRY_MOVES && wire_load64(rows.ptr) > since)
        *least = INT64_MIN;
    for (uint32_t i = 0; i < count; i++) {
        const char *row = rows.ptr + (size_t)i * ROW;
        int64_t limit = (int64_t)wire_load64(row + 8);
        if (wire_load64(row) > since && limit < *least)
            *least = limit;
    }
    return STATUS_OK;
}
