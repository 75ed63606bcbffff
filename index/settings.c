#include "index/index_private.h"

/* LMDB `settings`: key = kind, NUL, name -> bytes. Kinds hold no NUL, so a kind is a key range. */
enum status setting_key(struct buf *key, struct slice kind, struct slice name)
{
    buf_clear(key);
    if (!kind.len || kind.len + name.len + 1 > SETTING_KEY_MAX || memchr(kind.ptr, 0, kind.len))
        return STATUS_INVALID;
    buf_put_slice(key, kind);
    buf_put_u8(key, 0);
    buf_put_slice(key, name);
    return key->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status settings_any(struct store_txn *t, bool *yes)
{
    struct store_cursor *c;
    struct slice key, raw;
    enum status st = store_cursor_open(t, STORE_SETTINGS, &c);
    if (st)
        return st;
    st = store_seek(c, SLICE_NULL, &key, &raw);
    store_cursor_close(&c);
    *yes = st == STATUS_OK;
    return st == STATUS_END ? STATUS_OK : st;
}

enum status snapshot_setting(struct snapshot *s, struct slice kind, struct slice name,
                             struct slice *value)
{
    enum status st = s->has_settings ? setting_key(&s->scratch, kind, name) : STATUS_NOT_FOUND;
    if (st)
        return st == STATUS_INVALID ? STATUS_NOT_FOUND : st;
    return store_get(s->txn, STORE_SETTINGS, buf_slice(&s->scratch), value);
}

enum status snapshot_next_setting(struct snapshot *s, struct slice kind, struct slice *name,
                                  struct slice *value)
{
    struct store_cursor *c;
    struct slice key, raw;
    enum status st = s->has_settings ? setting_key(&s->scratch, kind, *name) : STATUS_END;
    if (st)
        return st == STATUS_INVALID ? STATUS_END : st;
    struct slice from = buf_slice(&s->scratch);
    st = store_cursor_open(s->txn, STORE_SETTINGS, &c);
    if (st)
        return st;
    st = store_seek(c, from, &key, &raw);
    if (!st && name->ptr && slice_equal(key, from))
        st = store_next(c, &key, &raw);
    if (!st && !slice_starts(key, slice_make(from.ptr, kind.len + 1)))
        st = STATUS_END;
    if (!st)
        st = store_unwrap(key, raw, value);
    if (!st)
        *name = slice_make(key.ptr + kind.len + 1, key.len - kind.len - 1);
    store_cursor_close(&c);
    return st;
}
