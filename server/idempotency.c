#include "server/idempotency.h"

#include "server/aged_rows.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct entry {
    uint64_t sequence;
    enum key_kind kind;
    char key[64];
    size_t key_len;
    struct buf row;
};

/* In order of sequence. Short: it ends at what the index has applied. The slots find the newest
 * entry of a key: its place + 1, 0 is free. */
struct idempotency {
    struct entry *entries;
    size_t count, cap;
    uint32_t *slots;
    size_t slot_mask;
};

enum status idempotency_create(struct idempotency **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

void idempotency_destroy(struct idempotency **t)
{
    if (!*t)
        return;
    idempotency_undo(*t, 0);
    free((*t)->entries);
    free((*t)->slots);
    free(*t);
    *t = NULL;
}

/* --- what is the same ------------------------------------------------------------------------- */

static enum status hash_bytes(const struct buf *bytes, uint8_t hash[BODY_HASH])
{
    XXH128_canonical_t c;
    if (bytes->failed)
        return STATUS_NO_MEMORY;
    XXH128_canonicalFromHash(&c, XXH3_128bits(bytes->ptr, bytes->len));
    memcpy(hash, c.digest, BODY_HASH);
    return STATUS_OK;
}

enum status idempotency_hash_bulk(const struct put_request *p, struct buf *scratch,
                                  uint8_t hash[BODY_HASH])
{
    buf_clear(scratch);
    for (uint32_t i = 0; i < p->item_count; i++)
        put_item_encode(&p->items[i], scratch);
    if (p->cursor_of.len)
        put_cursor_encode(p->cursor_of, p->cursor, scratch);
    return hash_bytes(scratch, hash);
}

enum status idempotency_hash_item(const struct put_item *item, struct buf *scratch,
                                  uint8_t hash[BODY_HASH])
{
    buf_clear(scratch);
    put_item_encode(item, scratch);
    return hash_bytes(scratch, hash);
}

/* --- rows ------------------------------------------------------------------------------------- */

static const struct {
    const char *row, *time, *count;
} names[] = {
    [KEY_OF_BULK] = {"idem/", "idemt/", "idemn"},
    [KEY_OF_ITEM] = {"idei/", "ideit/", "idein"},
};

static void row_put(struct buf *out, const struct log_changes *c)
{
    buf_put_slice(out, c->hash);
    wire_put_u64(out, (uint64_t)c->accepted_ms);
    buf_put_slice(out, c->reply);
}

static enum status row_judge(struct slice row, const uint8_t hash[BODY_HASH], int64_t oldest_ms,
                             struct buf *reply)
{
    if (row.len < BODY_HASH + 8)
        return STATUS_CORRUPT;
    if ((int64_t)wire_load64(row.ptr + BODY_HASH) < oldest_ms)
        return STATUS_NOT_FOUND;
    if (memcmp(row.ptr, hash, BODY_HASH) != 0)
        return STATUS_CONFLICT;
    buf_put(reply, row.ptr + BODY_HASH + 8, row.len - BODY_HASH - 8);
    return reply->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

static struct slice row_key(char out[IDEMPOTENCY_ROW_KEY], enum key_kind kind, struct slice key)
{
    struct slice prefix = slice_str(names[kind].row);
    memcpy(out, prefix.ptr, prefix.len);
    memcpy(out + prefix.len, key.ptr, key.len);
    return slice_make(out, prefix.len + key.len);
}

/* --- what is not applied yet ------------------------------------------------------------------ */

static uint32_t *slot_of(const struct idempotency *t, enum key_kind kind, struct slice key)
{
    size_t i = XXH3_64bits_withSeed(key.ptr, key.len, kind) & t->slot_mask;
    for (; t->slots[i]; i = (i + 1) & t->slot_mask) {
        const struct entry *e = &t->entries[t->slots[i] - 1];
        if (e->kind == kind && slice_equal(slice_make(e->key, e->key_len), key))
            break;
    }
    return &t->slots[i];
}

static void place(struct idempotency *t, size_t i)
{
    const struct entry *e = &t->entries[i];
    *slot_of(t, e->kind, slice_make(e->key, e->key_len)) = (uint32_t)i + 1;
}

static void place_all(struct idempotency *t)
{
    if (t->slots)
        memset(t->slots, 0, (t->slot_mask + 1) * sizeof *t->slots);
    for (size_t i = 0; i < t->count; i++)
        place(t, i);
}

static enum status grow(struct idempotency *t)
{
    size_t cap = t->cap ? t->cap * 2 : 64;
    struct entry *entries = realloc(t->entries, cap * sizeof *entries);
    if (entries)
        t->entries = entries;
    uint32_t *slots = entries ? calloc(cap * 2, sizeof *slots) : NULL;
    if (!slots)
        return STATUS_NO_MEMORY;
    free(t->slots);
    t->slots = slots;
    t->slot_mask = cap * 2 - 1;
    t->cap = cap;
    place_all(t);
    return STATUS_OK;
}

enum status idempotency_find(struct idempotency *t, struct index *ix, enum key_kind kind,
                             struct slice key, const uint8_t hash[BODY_HASH], int64_t oldest_ms,
                             struct buf *reply)
{
    char name[IDEMPOTENCY_ROW_KEY];
    if (key.len > 64)
        return STATUS_TOO_LARGE;
    uint32_t slot = t->slots ? *slot_of(t, kind, key) : 0;
    if (slot)
        return row_judge(buf_slice(&t->entries[slot - 1].row), hash, oldest_ms, reply);
    struct buf row = BUF_INIT;
    enum status st = index_row_get(ix, row_key(name, kind, key), &row);
    st = st ? st : row_judge(buf_slice(&row), hash, oldest_ms, reply);
    buf_fini(&row);
    return st;
}

enum status idempotency_note(struct idempotency *t, enum key_kind kind, const struct log_changes *c,
                             uint64_t sequence)
{
    if (c->key.len > sizeof t->entries->key)
        return STATUS_TOO_LARGE;
    if (t->count == t->cap && grow(t))
        return STATUS_NO_MEMORY;
    struct entry *e = &t->entries[t->count];
    *e = (struct entry){.sequence = sequence, .kind = kind, .key_len = c->key.len};
    memcpy(e->key, c->key.ptr, c->key.len);
    row_put(&e->row, c);
    if (e->row.failed)
        return STATUS_NO_MEMORY;
    place(t, t->count++);
    return STATUS_OK;
}

/* Calls for every item with a key; what *of holds besides is the item's. */
static enum status
each_item(const struct log_changes *c, struct buf *scratch,
          enum status (*each)(void *ctx, const struct log_changes *of, uint32_t i), void *ctx)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < c->item_count && !st; i++) {
        uint8_t hash[BODY_HASH];
        struct log_changes of = {.accepted_ms = c->accepted_ms,
                                 .key = c->items[i].key,
                                 .hash = slice_make(hash, BODY_HASH)};
        if (of.key.len > 64)
            return STATUS_CORRUPT;
        if (of.key.len && !(st = idempotency_hash_item(&c->items[i], scratch, hash)))
            st = each(ctx, &of, i);
    }
    return st;
}

struct noting {
    struct idempotency *table;
    uint64_t sequence;
};

static enum status note_item(void *ctx, const struct log_changes *of, uint32_t i)
{
    const struct noting *n = ctx;
    (void)i;
    return idempotency_note(n->table, KEY_OF_ITEM, of, n->sequence);
}

enum status idempotency_note_items(struct idempotency *t, const struct log_changes *c,
                                   uint64_t sequence, struct buf *scratch)
{
    return each_item(c, scratch, note_item, &(struct noting){t, sequence});
}

size_t idempotency_count(const struct idempotency *t)
{
    return t->count;
}

void idempotency_undo(struct idempotency *t, size_t count)
{
    if (t->count <= count)
        return;
    while (t->count > count)
        buf_fini(&t->entries[--t->count].row);
    place_all(t);
}

void idempotency_forget(struct idempotency *t, uint64_t visible)
{
    size_t n = 0;
    while (n < t->count && t->entries[n].sequence <= visible)
        buf_fini(&t->entries[n++].row);
    if (!n)
        return;
    t->count -= n;
    memmove(t->entries, t->entries + n, t->count * sizeof *t->entries);
    place_all(t);
}

/* --- what is applied -------------------------------------------------------------------------- */

struct applying {
    struct batch *batch;
    uint64_t sequence;
    struct key_counts *added;
};

static enum status apply_key(struct applying *a, enum key_kind kind, const struct log_changes *c,
                             struct slice by_time)
{
    char name[IDEMPOTENCY_ROW_KEY];
    struct buf value = BUF_INIT;
    row_put(&value, c);
    enum status st = value.failed
                         ? STATUS_NO_MEMORY
                         : batch_row_put(a->batch, row_key(name, kind, c->key), buf_slice(&value));
    buf_clear(&value);
    wire_put_u64(&value, (uint64_t)c->accepted_ms);
    buf_put_slice(&value, c->key);
    if (!st && value.failed)
        st = STATUS_NO_MEMORY;
    st = st ? st : batch_row_put(a->batch, by_time, buf_slice(&value));
    buf_fini(&value);
    a->added->of[kind]++;
    return st;
}

static size_t time_key(char out[AGED_KEY], enum key_kind kind, uint64_t sequence)
{
    memcpy(out, names[kind].time, AGED_PREFIX);
    return aged_key_put(out, AGED_PREFIX, sequence, 8);
}

static enum status apply_item(void *ctx, const struct log_changes *of, uint32_t place)
{
    struct applying *a = ctx;
    char by_time[AGED_KEY];
    size_t len = time_key(by_time, KEY_OF_ITEM, a->sequence);
    len = aged_key_put(by_time, len, place, 4);
    return apply_key(a, KEY_OF_ITEM, of, slice_make(by_time, len));
}

enum status idempotency_apply(struct batch *b, const struct log_changes *c, uint64_t sequence,
                              struct buf *scratch, struct key_counts *added)
{
    struct applying a = {b, sequence, added};
    char by_time[AGED_KEY];
    if (c->key.len > 64)
        return STATUS_CORRUPT;
    enum status st = each_item(c, scratch, apply_item, &a);
    if (st || !c->key.len)
        return st;
    size_t len = time_key(by_time, KEY_OF_BULK, sequence);
    return apply_key(&a, KEY_OF_BULK, c, slice_make(by_time, len));
}

/* Removes the key of a time row, unless the key was used again since. */
static enum status drop_key(struct batch *b, enum key_kind kind, struct slice by_time,
                            struct slice value)
{
    char name[IDEMPOTENCY_ROW_KEY];
    struct slice found, row;
    if (value.len < 8 || value.len > 8 + 64)
        return STATUS_CORRUPT;
    struct slice own = row_key(name, kind, slice_make(value.ptr + 8, value.len - 8));
    enum status st = batch_row_seek(b, own, &found, &row);
    bool mine = !st && slice_equal(found, own) && row.len >= BODY_HASH + 8 &&
                memcmp(row.ptr + BODY_HASH, value.ptr, 8) == 0;
    if (st && st != STATUS_END)
        return st;
    st = mine ? batch_row_delete(b, own) : STATUS_OK;
    return st ? st : batch_row_delete(b, by_time);
}

static enum status drop_bulk(struct batch *b, struct slice by_time, struct slice value)
{
    return drop_key(b, KEY_OF_BULK, by_time, value);
}

static enum status drop_item(struct batch *b, struct slice by_time, struct slice value)
{
    return drop_key(b, KEY_OF_ITEM, by_time, value);
}

enum status idempotency_prune(struct batch *b, int64_t oldest_ms, const struct key_counts *added)
{
    static enum status (*const drops[])(struct batch *, struct slice, struct slice) = {
        [KEY_OF_BULK] = drop_bulk, [KEY_OF_ITEM] = drop_item};
    enum status st = STATUS_OK;
    for (int kind = KEY_OF_BULK; kind <= KEY_OF_ITEM && !st; kind++) {
        const struct aged_rows rows = {names[kind].time, names[kind].count, IDEMPOTENCY_MOST,
                                       drops[kind]};
        st = aged_rows_prune(b, &rows, oldest_ms, added->of[kind]);
    }
    return st;
}
