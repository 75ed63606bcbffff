#include "server/deleted.h"

#include <string.h>

#include "protocol/wire.h"
#include "server/aged_rows.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { HASH = 16, ROW_KEY = 5 + HASH, ROW = 16 };

static const char row_prefix[] = "gone/", time_prefix[] = "gonet/";

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

static struct slice time_key(char out[AGED_KEY], uint64_t sequence, uint32_t place)
{
    memcpy(out, time_prefix, AGED_PREFIX);
    size_t len = aged_key_put(out, AGED_PREFIX, sequence, 8);
    return slice_make(out, aged_key_put(out, len, place, 4));
}

enum status deleted_apply(struct batch *b, const struct put_item *item, struct slice id,
                          int64_t accepted_ms, uint64_t sequence, uint32_t place, uint64_t *added)
{
    char key[ROW_KEY], by_time[AGED_KEY], row[ROW], what[8 + HASH];
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
    struct slice found, row;
    if (what.len != 8 + HASH)
        return STATUS_CORRUPT;
    struct slice own = row_key(key, what.ptr + 8);
    enum status st = batch_row_seek(b, own, &found, &row);
    if (st && st != STATUS_END)
        return st;
    bool same =
        !st && slice_equal(found, own) && row.len == ROW && memcmp(row.ptr + 8, what.ptr, 8) == 0;
    st = same ? batch_row_delete(b, own) : STATUS_OK;
    return st ? st : batch_row_delete(b, by_time);
}

enum status deleted_prune(struct batch *b, int64_t oldest_ms, uint64_t added)
{
    static const struct aged_rows rows = {time_prefix, "gonen", DELETED_MOST, drop};
    return aged_rows_prune(b, &rows, oldest_ms, added);
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
