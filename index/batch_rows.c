/* Rows that a batch puts or deletes at its commit: settings and the bookkeeping of the caller. */
#include <stdlib.h>

#include "index/batch_private.h"

enum status batch_note_row(struct batch *b, enum store_table table, struct slice key,
                           struct slice value, bool remove)
{
    struct row_changes *r = &b->rows;
    if (r->count == r->cap) {
        uint32_t cap = r->cap ? r->cap * 2 : 64;
        struct row_change *p = realloc(r->items, cap * sizeof *p);
        if (!p)
            return STATUS_NO_MEMORY;
        r->items = p;
        r->cap = cap;
    }
    struct row_change c = {table, r->count, remove, arena_copy(&b->arena, key),
                           arena_copy(&b->arena, value)};
    if (!c.key.ptr || !c.value.ptr)
        return STATUS_NO_MEMORY;
    r->items[r->count++] = c;
    return STATUS_OK;
}

enum status batch_setting(struct batch *b, struct slice kind, struct slice name, struct slice value)
{
    enum status st = setting_key(&b->scratch, kind, name);
    if (st)
        return st;
    b->settings_changed = true;
    return batch_note_row(b, STORE_SETTINGS, buf_slice(&b->scratch), value, value.len == 0);
}

enum status batch_row_put(struct batch *b, struct slice key, struct slice value)
{
    if (!key.len || key.len > 500)
        return STATUS_INVALID;
    return batch_note_row(b, STORE_ROWS, key, value, false);
}

enum status batch_row_delete(struct batch *b, struct slice key)
{
    return batch_note_row(b, STORE_ROWS, key, SLICE_NULL, true);
}

enum status batch_row_seek(struct batch *b, struct slice from, struct slice *key,
                           struct slice *value)
{
    struct store_cursor *c;
    struct slice raw;
    enum status st = store_cursor_open(b->base->txn, STORE_ROWS, &c);
    if (st)
        return st;
    st = store_seek(c, from, key, &raw);
    st = st ? st : store_unwrap(*key, raw, value);
    store_cursor_close(&c);
    return st;
}
