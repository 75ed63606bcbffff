#include "server/idempotency.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { PRUNE_LEAST = 64 };

struct entry {
    uint64_t sequence;
    char key[64];
    size_t key_len;
    struct buf row;
};

/* In order of sequence; searched from the newest. Short: it ends at what the index has applied. */
struct idempotency {
    struct entry *entries;
    size_t count, cap;
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
    idempotency_forget(*t, UINT64_MAX);
    free((*t)->entries);
    free(*t);
    *t = NULL;
}

void idempotency_hash(struct slice body, uint8_t hash[BODY_HASH])
{
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, XXH3_128bits(body.ptr, body.len));
    memcpy(hash, c.digest, BODY_HASH);
}

static void row_put(struct buf *out, const struct log_changes *c)
{
    buf_put_slice(out, c->hash);
    wire_put_u64(out, (uint64_t)c->accepted_ms);
    buf_put_slice(out, c->reply);
}

static enum status row_judge(struct slice row, struct slice hash, int64_t oldest_ms,
                             struct buf *reply)
{
    if (row.len < BODY_HASH + 8)
        return STATUS_CORRUPT;
    if ((int64_t)wire_load64(row.ptr + BODY_HASH) < oldest_ms)
        return STATUS_NOT_FOUND;
    if (memcmp(row.ptr, hash.ptr, BODY_HASH) != 0)
        return STATUS_CONFLICT;
    buf_put(reply, row.ptr + BODY_HASH + 8, row.len - BODY_HASH - 8);
    return reply->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

static struct slice row_key(char out[IDEMPOTENCY_ROW_KEY], struct slice key)
{
    struct slice prefix = SLICE_LIT("idem/");
    memcpy(out, prefix.ptr, prefix.len);
    memcpy(out + prefix.len, key.ptr, key.len);
    return slice_make(out, prefix.len + key.len);
}

enum status idempotency_find(struct idempotency *t, struct index *ix, struct slice key,
                             struct slice hash, int64_t oldest_ms, struct buf *reply)
{
    char name[IDEMPOTENCY_ROW_KEY];
    if (key.len > 64)
        return STATUS_TOO_LARGE;
    for (size_t i = t->count; i-- > 0;)
        if (slice_equal(slice_make(t->entries[i].key, t->entries[i].key_len), key))
            return row_judge(buf_slice(&t->entries[i].row), hash, oldest_ms, reply);
    struct buf row = BUF_INIT;
    enum status st = index_row_get(ix, row_key(name, key), &row);
    st = st ? st : row_judge(buf_slice(&row), hash, oldest_ms, reply);
    buf_fini(&row);
    return st;
}

enum status idempotency_note(struct idempotency *t, const struct log_changes *c, uint64_t sequence)
{
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        struct entry *p = realloc(t->entries, cap * sizeof *p);
        if (!p)
            return STATUS_NO_MEMORY;
        t->entries = p;
        t->cap = cap;
    }
    struct entry *e = &t->entries[t->count];
    *e = (struct entry){.sequence = sequence, .key_len = c->key.len};
    memcpy(e->key, c->key.ptr, c->key.len);
    row_put(&e->row, c);
    if (e->row.failed)
        return STATUS_NO_MEMORY;
    t->count++;
    return STATUS_OK;
}

void idempotency_forget(struct idempotency *t, uint64_t visible)
{
    size_t n = 0;
    while (n < t->count && t->entries[n].sequence <= visible)
        buf_fini(&t->entries[n++].row);
    t->count -= n;
    if (n && t->count)
        memmove(t->entries, t->entries + n, t->count * sizeof *t->entries);
}

/* --- rows ------------------------------------------------------------------------------------- */

static const char time_prefix[] = "idemt/", count_key[] = "idemn";

static struct slice time_key(char out[sizeof time_prefix + 8], uint64_t sequence)
{
    memcpy(out, time_prefix, sizeof time_prefix - 1);
    for (int i = 0; i < 8; i++)
        out[sizeof time_prefix - 1 + (size_t)i] = (char)(sequence >> (56 - 8 * i));
    return slice_make(out, sizeof time_prefix - 1 + 8);
}

enum status idempotency_apply(struct batch *b, const struct log_changes *c, uint64_t sequence,
                              struct buf *scratch)
{
    char name[IDEMPOTENCY_ROW_KEY], by_time[sizeof time_prefix + 8];
    if (!c->key.len)
        return STATUS_OK;
    if (c->key.len > 64)
        return STATUS_CORRUPT;
    buf_clear(scratch);
    row_put(scratch, c);
    enum status st = scratch->failed ? STATUS_NO_MEMORY
                                     : batch_row_put(b, row_key(name, c->key), buf_slice(scratch));
    buf_clear(scratch);
    wire_put_u64(scratch, (uint64_t)c->accepted_ms);
    buf_put_slice(scratch, c->key);
    if (!st && scratch->failed)
        st = STATUS_NO_MEMORY;
    return st ? st : batch_row_put(b, time_key(by_time, sequence), buf_slice(scratch));
}

static enum status read_count(struct batch *b, uint64_t *count)
{
    struct slice key, value;
    *count = 0;
    enum status st = batch_row_seek(b, slice_str(count_key), &key, &value);
    if (!st && slice_equal(key, slice_str(count_key)) && value.len == 8)
        *count = wire_load64(value.ptr);
    return st == STATUS_END ? STATUS_OK : st;
}

/* Removes the key of a time row, unless the key was used again since. */
static enum status drop_key(struct batch *b, struct slice by_time, struct slice value)
{
    char name[IDEMPOTENCY_ROW_KEY];
    struct slice found, row;
    if (value.len < 8 || value.len > 8 + 64)
        return STATUS_CORRUPT;
    struct slice own = row_key(name, slice_make(value.ptr + 8, value.len - 8));
    enum status st = batch_row_seek(b, own, &found, &row);
    bool mine = !st && slice_equal(found, own) && row.len >= BODY_HASH + 8 &&
                memcmp(row.ptr + BODY_HASH, value.ptr, 8) == 0;
    if (st && st != STATUS_END)
        return st;
    st = mine ? batch_row_delete(b, own) : STATUS_OK;
    return st ? st : batch_row_delete(b, by_time);
}

enum status idempotency_prune(struct batch *b, int64_t oldest_ms, uint64_t added)
{
    char from[sizeof time_prefix + 8];
    uint64_t count, sequence = 0, budget = added * 2 + PRUNE_LEAST;
    struct slice key, value;
    if (!added)
        return STATUS_OK;
    enum status st = read_count(b, &count);
    count += added;
    for (; !st && budget; budget--) {
        st = batch_row_seek(b, time_key(from, sequence), &key, &value);
        if (st || !slice_starts(key, slice_str(time_prefix)) || value.len < 8)
            break;
        bool old = (int64_t)wire_load64(value.ptr) < oldest_ms;
        if (!old && count <= IDEMPOTENCY_MOST)
            break;
        sequence = __builtin_bswap64(wire_load64(key.ptr + sizeof time_prefix - 1)) + 1;
        st = drop_key(b, key, value);
        count -= count > 0;
    }
    if (st && st != STATUS_END)
        return st;
    char bytes[8];
    wire_store64(bytes, count);
    return batch_row_put(b, slice_str(count_key), slice_make(bytes, sizeof bytes));
}
