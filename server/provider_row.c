#include "server/provider_row.h"

enum { KEY_MAX = 511, VALIDATOR_MAX = 256 };

/* Empty when it is too long for a key. */
static struct slice row_key(char out[KEY_MAX], struct slice kind, struct slice name)
{
    size_t len = kind.len;
    if (len + name.len > KEY_MAX)
        return SLICE_NULL;
    memcpy(out, kind.ptr, len);
    if (name.len)
        memcpy(out + len, name.ptr, name.len);
    return slice_make(out, len + name.len);
}

enum status provider_row_put_cursor(struct batch *b, struct slice provider, struct slice cursor)
{
    char key[KEY_MAX];
    struct slice k = row_key(key, SLICE_LIT("cursor/"), provider);
    return k.len ? batch_row_put(b, k, cursor) : STATUS_TOO_LARGE;
}

enum status provider_row_cursor(struct index *ix, struct slice provider, struct buf *out)
{
    char key[KEY_MAX];
    struct slice k = row_key(key, SLICE_LIT("cursor/"), provider);
    return k.len ? index_row_get(ix, k, out) : STATUS_TOO_LARGE;
}

enum status provider_row_put_item(struct batch *b, struct slice id, const struct put_item *item)
{
    char key[KEY_MAX];
    struct slice k = row_key(key, SLICE_LIT("validator/"), id);
    if (!item->origin || !k.len)
        return STATUS_OK;
    bool known = item->validator.len && item->validator.len <= VALIDATOR_MAX;
    if (!known) /* what a validator stood for is gone with its content */
        return item->op == PUT_UPSERT || item->op == PUT_DELETE ? batch_row_delete(b, k)
                                                                : STATUS_OK;
    struct buf value = BUF_INIT;
    wire_put_varint(&value, item->origin);
    buf_put_slice(&value, item->validator);
    enum status st = value.failed ? STATUS_NO_MEMORY : batch_row_put(b, k, buf_slice(&value));
    buf_fini(&value);
    return st;
}

enum status provider_row_validator(struct index *ix, struct slice id, uint64_t origin,
                                   struct buf *out)
{
    char key[KEY_MAX];
    struct slice k = row_key(key, SLICE_LIT("validator/"), id);
    struct buf row = BUF_INIT;
    enum status st = k.len ? index_row_get(ix, k, &row) : STATUS_NOT_FOUND;
    struct wire_reader r = wire_reader_of(buf_slice(&row));
    if (!st && wire_varint(&r) != origin)
        st = STATUS_NOT_FOUND;
    if (!st)
        buf_put(out, r.at, wire_left(&r));
    buf_fini(&row);
    return st;
}
