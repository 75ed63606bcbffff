#include "server/deleted.h"

#include <string.h>

#include "protocol/wire.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { HASH = 16, ROW_KEY = 5 + HASH, TIME_KEY = 6 + 8 + 4, ROW = 16, PRUNE_LEAST = 64 };

static const char row_prefix[] = "gone/", time_prefix[] = "gonet/", count_name[] = "gonen";

static struct slice row_key(char out[ROW_KEY], const void *hash)
{
    struct slice prefix = slice_str(row_prefix);
    memcpy(out, prefix.ptr, prefix.len);
    memcpy(out + prefix.len, hash, HASH);
    return slice_make(out, ROW_KEY);
}

static struct slice row_key_of(char out[ROW_KEY], struct slice id)
{
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, XXH3_128bits(id.ptr, id.len));
    return row_key(out, c.digest);
}

static struct slice time_key(char out[TIME_KEY], uint64_t sequence, uint32_t place)
{
    struct slice prefix = slice_str(time_prefix);
    memcpy(out, prefix.ptr, prefix.len);
    for (int i = 0; i < 8; i++)
        out[6 + i] = (char)(sequence >> (56 - 8 * i));
    for (int i = 0; i < 4; i++)
        out[14 + i] = (char)(place >> (24 - 8 * i));
    return slice_make(out, TIME_KEY);
}

enum status deleted_apply(struct batch *b, const struct put_item *item, struct slice id,
                          int64_t accepted_ms, uint64_t sequence, uint32_t place, uint64_t *added)
{
    char key[ROW_KEY], by_time[TIME_KEY], row[ROW], what[8 + HASH];
    if (item->op != PUT_DELETE)
        return STATUS_OK;
    struct slice own = row_key_of(key, id);
    if (!item->version)
        return batch_row_delete(b, own);
    wire_store64(row, item->version);
    wire_store64(row + 8, (uint64_t)accepted_ms);
    wire_store64(what, (uint64_t)accepted_ms);
    memcpy(what + 8, key + 5, HASH);
    enum status st = batch_row_put(b, own, slice_make(row, ROW));
    ++*added;
    return st ? st
              : batch_row_put(b, time_key(by_time, sequence, place), slice_make(what, sizeof what));
}

/* Removes the row that a time row tells of, unless the product was deleted again since. */
static enum status drop(struct batch *b, struct slice by_time, struct slice what)
{
    char key[ROW_KEY];
    struct slice found, row, own = row_key(key, what.ptr + 8);
    enum status st = batch_row_seek(b, own, &found, &row);
    if (st && st != STATUS_END)
        return st;
    bool same =
        !st && slice_equal(found, own) && row.len == ROW && memcmp(row.ptr + 8, what.ptr, 8) == 0;
    st = same ? batch_row_delete(b, own) : STATUS_OK;
    return st ? st : batch_row_delete(b, by_time);
}

static enum status read_count(struct batch *b, uint64_t *count)
{
    struct slice key, value;
    *count = 0;
    enum status st = batch_row_seek(b, slice_str(count_name), &key, &value);
    if (!st && slice_equal(key, slice_str(count_name)) && value.len == 8)
        *count = wire_load64(value.ptr);
    return st == STATUS_END ? STATUS_OK : st;
}

enum status deleted_prune(struct batch *b, int64_t oldest_ms, uint64_t added)
{
    char from[TIME_KEY + 1], bytes[8];
    uint64_t count, budget = added * 2 + PRUNE_LEAST;
    struct slice key, what;
    if (!added)
        return STATUS_OK;
    enum status st = read_count(b, &count);
    size_t len = time_key(from, 0, 0).len;
    count += added;
    for (; !st && budget; budget--) {
        st = batch_row_seek(b, slice_make(from, len), &key, &what);
        if (st || !slice_starts(key, slice_str(time_prefix)))
            break;
        if (key.len != TIME_KEY || what.len != 8 + HASH)
            return STATUS_CORRUPT;
        if ((int64_t)wire_load64(what.ptr) >= oldest_ms && count <= DELETED_MOST)
            break;
        memcpy(from, key.ptr, TIME_KEY); /* on behind this one */
        from[TIME_KEY] = 0;
        len = TIME_KEY + 1;
        st = drop(b, key, what);
        count -= count > 0;
    }
    if (st && st != STATUS_END)
        return st;
    wire_store64(bytes, count);
    return batch_row_put(b, slice_str(count_name), slice_make(bytes, sizeof bytes));
}

enum status deleted_version(struct index *ix, struct slice id, int64_t oldest_ms, uint64_t *version)
{
    char key[ROW_KEY];
    struct buf row = BUF_INIT;
    *version = 0;
    enum status st = index_row_get(ix, row_key_of(key, id), &row);
    if (!st && row.len != ROW)
        st = STATUS_CORRUPT;
    if (!st && (int64_t)wire_load64(row.ptr + 8) >= oldest_ms)
        *version = wire_load64(row.ptr);
    buf_fini(&row);
    return st == STATUS_NOT_FOUND ? STATUS_OK : st;
}
