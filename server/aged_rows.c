#include "server/aged_rows.h"

#include <string.h>

#include "protocol/wire.h"

enum { PRUNE_LEAST = 64 };

size_t aged_key_put(char *key, size_t len, uint64_t number, int bytes)
{
    while (bytes-- > 0)
        key[len++] = (char)(number >> (8 * bytes));
    return len;
}

static enum status read_count(struct batch *b, struct slice name, uint64_t *count)
{
    struct slice key, value;
    *count = 0;
    enum status st = batch_row_seek(b, name, &key, &value);
    if (!st && slice_equal(key, name) && value.len == 8)
        *count = wire_load64(value.ptr);
    return st == STATUS_END ? STATUS_OK : st;
}

enum status aged_rows_prune(struct batch *b, const struct aged_rows *rows, int64_t oldest_ms,
                            uint64_t added)
{
    char from[AGED_KEY + 1], bytes[8];
    struct slice key, value, prefix = slice_make(rows->prefix, AGED_PREFIX);
    uint64_t count, budget = added * 2 + PRUNE_LEAST;
    size_t len = AGED_PREFIX;
    if (!added)
        return STATUS_OK;
    enum status st = read_count(b, slice_str(rows->count), &count);
    memcpy(from, prefix.ptr, len);
    count += added;
    for (; !st && budget; budget--) {
        st = batch_row_seek(b, slice_make(from, len), &key, &value);
        if (st || !slice_starts(key, prefix))
            break;
        if (key.len > AGED_KEY || value.len < 8)
            return STATUS_CORRUPT;
        if ((int64_t)wire_load64(value.ptr) >= oldest_ms && count <= rows->most)
            break;
        memcpy(from, key.ptr, key.len); /* on behind this one */
        from[key.len] = 0;
        len = key.len + 1;
        st = rows->drop(b, key, value);
        count -= count > 0;
    }
    if (st && st != STATUS_END)
        return st;
    wire_store64(bytes, count);
    return batch_row_put(b, slice_str(rows->count), slice_make(bytes, sizeof bytes));
}
