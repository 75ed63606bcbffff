#include "index/live.h"

#include <stdlib.h>

#include "protocol/wire.h"

enum { KEY_LEN = 4, STAMP_LEN = 8 };

static void free_chunks(struct live *l, uint32_t from)
{
    for (uint32_t i = from; i < l->chunk_cap; i++) {
        free(l->chunks[i]);
        l->chunks[i] = NULL;
    }
}

void live_fini(struct live *l)
{
    free_chunks(l, 0);
    free(l->chunks);
    *l = (struct live){0};
}

static bool grow(struct live *l, uint32_t count)
{
    if (count > l->chunk_cap) {
        uint32_t cap = count + count / 2 + 8;
        struct live_chunk **p = realloc(l->chunks, cap * sizeof *p);
        if (!p)
            return false;
        memset(p + l->chunk_cap, 0, (cap - l->chunk_cap) * sizeof *p);
        l->chunks = p;
        l->chunk_cap = cap;
    }
    l->chunk_count = count;
    return true;
}

static struct live_chunk *need(struct live *l, uint32_t i)
{
    if (!l->chunks[i])
        l->chunks[i] = calloc(1, sizeof **l->chunks);
    return l->chunks[i];
}

static enum status load_row(struct live *l, struct slice key, struct slice raw)
{
    uint32_t i = key.len == KEY_LEN ? __builtin_bswap32(wire_load32(key.ptr)) : UINT32_MAX;
    if (i >= l->chunk_count || raw.len < (size_t)2 * STAMP_LEN)
        return STATUS_CORRUPT;
    struct live_chunk *c = need(l, i);
    if (!c)
        return STATUS_NO_MEMORY;
    uint64_t generation = wire_load64(raw.ptr + STAMP_LEN);
    if (!c->dirty && c->generation && c->generation == generation)
        return STATUS_OK; /* unchanged since it was read */
    struct slice v;
    enum status st = store_unwrap(key, raw, &v);
    if (st)
        return st;
    if (v.len != STAMP_LEN && v.len != STAMP_LEN + sizeof c->words)
        return STATUS_CORRUPT;
    c->generation = generation;
    c->dirty = false;
    memset(c->words, 0, sizeof c->words);
    for (size_t w = 0; v.len > STAMP_LEN && w < LIVE_WORDS; w++)
        c->words[w] = wire_load64(v.ptr + STAMP_LEN + w * 8);
    return STATUS_OK;
}

/* Frees chunks that have no row (any more); rows come in chunk order. */
static void drop_between(struct live *l, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to && i < l->chunk_count; i++) {
        free(l->chunks[i]);
        l->chunks[i] = NULL;
    }
}

enum status live_load(struct live *l, struct store_txn *t, uint32_t docid_end)
{
    struct store_cursor *c;
    uint32_t count = docid_end / COLUMN_CHUNK + 1, next = 0;
    if (!grow(l, count))
        return STATUS_NO_MEMORY;
    l->docid_end = docid_end;
    enum status st = store_cursor_open(t, STORE_LIVE, &c);
    if (st)
        return st;
    struct slice key, raw;
    st = store_seek(c, SLICE_NULL, &key, &raw);
    while (!st) {
        if ((st = load_row(l, key, raw)))
            break;
        uint32_t i = __builtin_bswap32(wire_load32(key.ptr));
        drop_between(l, next, i);
        next = i + 1;
        st = store_next(c, &key, &raw);
    }
    drop_between(l, next, l->chunk_cap);
    store_cursor_close(&c);
    return st == STATUS_END ? STATUS_OK : st;
}

bool live_get(const struct live *l, uint32_t docid)
{
    if (docid >= l->docid_end)
        return false;
    const struct live_chunk *c = l->chunks[docid / COLUMN_CHUNK];
    return !c || (c->words[docid % COLUMN_CHUNK / 64] >> (docid % 64) & 1);
}

const uint64_t *live_words(const struct live *l, uint32_t chunk_idx)
{
    if (chunk_idx >= l->chunk_count || !l->chunks[chunk_idx])
        return NULL;
    return l->chunks[chunk_idx]->words;
}

static void set_range(struct live_chunk *c, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        c->words[i / 64] |= (uint64_t)1 << (i % 64);
}

static uint32_t chunk_end(const struct live *l, uint32_t chunk_idx)
{
    uint32_t left = l->docid_end - chunk_idx * COLUMN_CHUNK;
    return left < COLUMN_CHUNK ? left : COLUMN_CHUNK;
}

enum status live_kill(struct live *l, uint32_t docid)
{
    uint32_t k = docid / COLUMN_CHUNK;
    if (docid >= l->docid_end)
        return STATUS_INTERNAL;
    bool whole = !l->chunks[k];
    struct live_chunk *c = need(l, k);
    if (!c)
        return STATUS_NO_MEMORY;
    if (whole)
        set_range(c, 0, chunk_end(l, k));
    c->words[docid % COLUMN_CHUNK / 64] &= ~((uint64_t)1 << (docid % 64));
    c->dirty = true;
    return STATUS_OK;
}

void live_extend(struct live *l, uint32_t docid_end)
{
    uint32_t from = l->docid_end;
    if (!grow(l, docid_end / COLUMN_CHUNK + 1))
        return; /* the caller notices at the next load: nothing was written */
    l->docid_end = docid_end;
    for (uint32_t k = from / COLUMN_CHUNK; k <= docid_end / COLUMN_CHUNK; k++) {
        uint32_t first = k == from / COLUMN_CHUNK ? from % COLUMN_CHUNK : 0;
        if (!l->chunks[k] || first == chunk_end(l, k))
            continue;
        set_range(l->chunks[k], first, chunk_end(l, k));
        l->chunks[k]->dirty = true;
    }
}

uint32_t live_count(const struct live *l, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t d = from; d < to;) {
        const uint64_t *words = live_words(l, d / COLUMN_CHUNK);
        uint32_t end = (d / COLUMN_CHUNK + 1) * COLUMN_CHUNK;
        end = end < to && end > d ? end : to;
        if (!words) {
            n += end - d;
            d = end;
        } else if (d % 64 == 0 && end - d >= 64) {
            n += (uint32_t)__builtin_popcountll(words[d % COLUMN_CHUNK / 64]);
            d += 64;
        } else {
            n += words[d % COLUMN_CHUNK / 64] >> (d % 64) & 1;
            d++;
        }
    }
    return n;
}

static enum status write_chunk(struct live_chunk *c, uint32_t i, struct store_txn *write,
                               uint64_t generation)
{
    uint8_t value[STAMP_LEN + sizeof c->words], key[KEY_LEN];
    uint64_t any = 0;
    wire_store32(key, __builtin_bswap32(i));
    wire_store64(value, generation);
    for (size_t w = 0; w < LIVE_WORDS; w++) {
        any |= c->words[w];
        wire_store64(value + STAMP_LEN + w * 8, c->words[w]);
    }
    enum status st = store_put(write, STORE_LIVE, slice_make(key, sizeof key),
                               slice_make(value, any ? sizeof value : STAMP_LEN));
    if (!st)
        c->generation = generation;
    c->dirty = st != STATUS_OK;
    return st;
}

enum status live_write(struct live *l, struct store_txn *write, uint64_t generation)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < l->chunk_count && !st; i++)
        if (l->chunks[i] && l->chunks[i]->dirty)
            st = write_chunk(l->chunks[i], i, write, generation);
    return st;
}
