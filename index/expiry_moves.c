#include "index/expiry_moves.h"

#include <stdlib.h>

#include "protocol/wire.h"

/* SOON_MS: how much later than it was confirmed a product may be committed and looked for. */
enum { HEAD = 2, ROW = 16, ROOM = HEAD + ROW * EXPIRY_MOVES, NAME_LEN = 6, KEY_LEN = 14 };
enum { SOON_MS = 10000 };

static const struct slice row_key = {"expiry", NAME_LEN};

/* --- a batch ---------------------------------------------------------------------------------- */

void expiry_move_init(struct expiry_move *m)
{
    *m = (struct expiry_move){.least = INT64_MAX, .untold = INT64_MAX, .soon = INT64_MIN};
}

void expiry_move_fini(struct expiry_move *m)
{
    free(m->docids);
    expiry_move_init(m);
}

void expiry_move_confirmed(struct expiry_move *m, int64_t validated_ms)
{
    int64_t soon = validated_ms > INT64_MAX - SOON_MS ? INT64_MAX : validated_ms + SOON_MS;
    m->soon = soon > m->soon ? soon : m->soon;
}

void expiry_move_unnamed(struct expiry_move *m, int64_t limit_ms)
{
    m->least = limit_ms < m->least ? limit_ms : m->least;
    m->untold = limit_ms < m->untold ? limit_ms : m->untold;
}

static bool grow(struct expiry_move *m)
{
    if (m->count < m->cap)
        return true;
    if (m->count == EXPIRY_NAMED)
        return false;
    uint32_t cap = m->cap ? m->cap * 2 : 64;
    uint32_t *p = realloc(m->docids, cap * sizeof *p);
    if (!p)
        return false;
    m->docids = p;
    m->cap = cap;
    return true;
}

void expiry_move_note(struct expiry_move *m, int64_t limit_ms, uint32_t docid)
{
    if (limit_ms > m->soon || !grow(m)) {
        expiry_move_unnamed(m, limit_ms);
        return;
    }
    m->least = limit_ms < m->least ? limit_ms : m->least;
    m->docids[m->count++] = docid;
}

/* --- rows ------------------------------------------------------------------------------------- */

static struct slice names_key(char key[KEY_LEN], uint64_t generation)
{
    memcpy(key, row_key.ptr, NAME_LEN);
    for (int i = 0; i < 8; i++)
        key[NAME_LEN + i] = (char)(generation >> (56 - 8 * i));
    return slice_make(key, KEY_LEN);
}

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

/* Of commits that are not remembered any more. */
static enum status forget_names(struct store_txn *t, uint64_t last)
{
    char first[KEY_LEN], end[KEY_LEN];
    struct slice upto = names_key(end, last), key, value;
    struct store_cursor *c;
    enum status st = store_cursor_open(t, STORE_META, &c);
    if (st)
        return st;
    while (!(st = store_seek(c, names_key(first, 0), &key, &value)) && key.len == KEY_LEN &&
           memcmp(key.ptr, upto.ptr, KEY_LEN) <= 0)
        if ((st = store_cursor_delete(c)))
            break;
    store_cursor_close(&c);
    return st == STATUS_END ? STATUS_OK : st;
}

static enum status put_names(struct store_txn *t, uint64_t generation, const struct expiry_move *m)
{
    char key[KEY_LEN];
    size_t len = 8 + (size_t)m->count * 4;
    char *row = malloc(len);
    if (!row)
        return STATUS_NO_MEMORY;
    wire_store64(row, (uint64_t)m->untold);
    for (uint32_t i = 0; i < m->count; i++)
        wire_store32(row + 8 + (size_t)i * 4, m->docids[i]);
    enum status st = store_put(t, STORE_META, names_key(key, generation), slice_make(row, len));
    free(row);
    return st;
}

enum status expiry_moves_add(struct store_txn *t, uint64_t generation, const struct expiry_move *m)
{
    uint8_t out[ROOM];
    struct slice rows = SLICE_NULL;
    uint32_t count;
    enum status st = load(t, &rows, &count);
    if (st)
        return st;
    uint32_t drop = count == EXPIRY_MOVES, keep = count - drop;
    uint64_t dropped = drop ? wire_load64(rows.ptr) : 0;
    if (keep)
        memcpy(out + HEAD, rows.ptr + (size_t)drop * ROW, (size_t)keep * ROW);
    wire_store64(out + HEAD + (size_t)keep * ROW, generation);
    wire_store64(out + HEAD + (size_t)keep * ROW + 8, (uint64_t)m->least);
    wire_store16(out, (uint16_t)(keep + 1));
    st = store_put(t, STORE_META, row_key, slice_make(out, HEAD + (size_t)(keep + 1) * ROW));
    if (!st && drop)
        st = forget_names(t, dropped);
    return !st && m->count ? put_names(t, generation, m) : st;
}

/* --- readers ---------------------------------------------------------------------------------- */

/* The products a commit names; *told false when it touched others at or before until_ms. */
static enum status names_of(struct store_txn *t, uint64_t generation, int64_t until_ms,
                            struct slice *docids, bool *told)
{
    char key[KEY_LEN];
    struct slice v;
    enum status st = store_get(t, STORE_META, names_key(key, generation), &v);
    *told = st == STATUS_OK;
    *docids = SLICE_NULL;
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    if (v.len < 8 || v.len % 4)
        return STATUS_CORRUPT;
    *told = (int64_t)wire_load64(v.ptr) > until_ms;
    *docids = slice_make(v.ptr + 8, v.len - 8);
    return STATUS_OK;
}

enum status expiry_moves_since(struct store_txn *t, uint64_t since, int64_t until_ms, uint64_t most,
                               enum status (*each)(void *ctx, uint32_t docid), void *ctx,
                               bool *told)
{
    struct slice rows = SLICE_NULL, names[EXPIRY_MOVES];
    uint32_t count, named = 0;
    uint64_t sum = 0;
    enum status st = load(t, &rows, &count);
    /* a full list may have lost commits from before its first one */
    *told = !st && !(count == EXPIRY_MOVES && wire_load64(rows.ptr) > since);
    for (uint32_t i = 0; i < count && *told && !st; i++) {
        const char *row = rows.ptr + (size_t)i * ROW;
        if (wire_load64(row) <= since || (int64_t)wire_load64(row + 8) > until_ms)
            continue;
        st = names_of(t, wire_load64(row), until_ms, &names[named], told);
        sum += names[named++].len / 4;
        *told = *told && sum <= most;
    }
    for (uint32_t i = 0; i < named && *told && !st; i++)
        for (size_t at = 0; at < names[i].len && !st; at += 4)
            st = each(ctx, wire_load32(names[i].ptr + at));
    return st;
}
