#include "index/segment_write.h"
#include "index/bitpack.h"
#include "index/large.h"
#include "index/segment_tails.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

void segment_writer_init(struct segment_writer *w, size_t guess)
{
    *w = (struct segment_writer){.blob = BUF_INIT,
                                 .strings = BUF_INIT,
                                 .str_off = BUF_INIT,
                                 .df = BUF_INIT,
                                 .ptr = BUF_INIT,
                                 .dead = BUF_INIT,
                                 .prefixes = BUF_INIT,
                                 .apart = BUF_INIT,
                                 .block_off = BUF_INIT};
    static const char head[SEGMENT_HEAD];
    if (buf_reserve(&w->blob, guess + sizeof head))
        large_pages(w->blob.ptr, w->blob.cap);
    buf_put(&w->blob, head, sizeof head);
}

void segment_writer_fini(struct segment_writer *w)
{
    buf_fini(&w->blob);
    buf_fini(&w->strings);
    buf_fini(&w->str_off);
    buf_fini(&w->df);
    buf_fini(&w->ptr);
    buf_fini(&w->dead);
    buf_fini(&w->prefixes);
    buf_fini(&w->apart);
    buf_fini(&w->block_off);
}

void segment_writer_settle(struct segment_writer *w, size_t len, size_t align)
{
    static const char zeros[4096];
    size_t pad = (align - w->blob.len % align) % align;
    buf_put(&w->blob, zeros, pad);
    size_t at = w->blob.len & (SEGMENT_EXTENT - 1);
    if (at + len <= SEGMENT_EXTENT)
        return;
    for (size_t left = SEGMENT_EXTENT - at; left;) {
        size_t n = left < sizeof zeros ? left : sizeof zeros;
        buf_put(&w->blob, zeros, n);
        left -= n;
    }
}

static uint32_t put_item(struct segment_writer *w, struct slice bytes)
{
    if (bytes.len > SEGMENT_EXTENT)
        w->blob.failed = true;
    segment_writer_settle(w, bytes.len, 1);
    uint32_t at = (uint32_t)w->blob.len;
    buf_put_slice(&w->blob, bytes);
    return at;
}

uint32_t segment_writer_put(struct segment_writer *w, struct slice bytes)
{
    uint32_t at = put_item(w, bytes), e = at / SEGMENT_EXTENT;
    if (bytes.len > SEGMENT_CELL)
        w->whole[e / 64] |= UINT64_C(1) << e % 64;
    return at;
}

uint32_t segment_writer_array(struct segment_writer *w, const void *words, size_t count)
{
    segment_writer_settle(w, 4, 4);
    uint32_t at = (uint32_t)w->blob.len;
    buf_put(&w->blob, words, count * 4);
    return at;
}

uint32_t segment_writer_packed(struct segment_writer *w, const uint32_t *numbers, size_t count,
                               enum segment_array array)
{
    uint32_t all = 0, have = 0;
    uint64_t bits = 0;
    segment_writer_settle(w, 4, 4);
    uint32_t at = (uint32_t)w->blob.len;
    for (size_t i = 0; i < count; i++)
        all |= numbers[i];
    uint32_t needed = bitpack_width(&all, 1);
    if (w->head.bits[array] < needed)
        w->head.bits[array] = (uint8_t)needed;
    uint32_t width = w->head.bits[array];
    if (!buf_reserve(&w->blob, (count * width + 7) / 8 + 8))
        return at;
    uint8_t *to = (uint8_t *)w->blob.ptr + at;
    for (size_t i = 0; i < count; i++) {
        bits |= (uint64_t)numbers[i] << have;
        for (have += width; have >= 8; have -= 8, bits >>= 8)
            *to++ = (uint8_t)bits;
    }
    if (have)
        *to++ = (uint8_t)bits;
    w->blob.len = (size_t)(to - (uint8_t *)w->blob.ptr);
    return at;
}

/* --- terms ------------------------------------------------------------------------------------ */

static struct slice length_and_bytes(char room[256], struct slice term)
{
    size_t n = term.len < 255 ? term.len : 255;
    room[0] = (char)n;
    memcpy(room + 1, term.ptr, n);
    return slice_make(room, n + 1);
}

static void put_word(struct buf *b, uint32_t v)
{
    buf_put(b, &v, 4);
}

uint32_t segment_writer_block(struct segment_writer *w, struct slice bytes)
{
    put_word(&w->block_off, put_item(w, bytes));
    return (uint32_t)(w->block_off.len / 4) - 1;
}

void segment_writer_term(struct segment_writer *w, struct slice term, const struct list_input *list)
{
    char room[256];
    put_word(&w->str_off, (uint32_t)w->strings.len);
    buf_put_slice(&w->strings, length_and_bytes(room, term));
    put_word(&w->df, list->count);
    put_word(&w->ptr, segment_writer_list(w, list));
    w->head.term_count++;
}

void segment_writer_dead(struct segment_writer *w, struct slice term, int32_t count)
{
    char room[256];
    put_word(&w->dead, segment_writer_put(w, length_and_bytes(room, term)));
    put_word(&w->dead, (uint32_t)count);
    w->head.dead_count++;
}

void segment_writer_prefix(struct segment_writer *w, const struct prefix_input *prefix,
                           const struct list_input *list)
{
    uint64_t postings = w->head.posting_count;
    uint32_t at = segment_writer_list(w, list);
    w->head.posting_count = postings;
    buf_put(&w->prefixes, prefix->letters, PREFIX_MAX_LEN);
    buf_put_u8(&w->prefixes, (uint8_t)prefix->apart_count);
    put_word(&w->prefixes, prefix->df);
    put_word(&w->prefixes, list->count);
    put_word(&w->prefixes, at);
    put_word(&w->prefixes, (uint32_t)(w->apart.len / 4));
    for (uint32_t i = 0; i < prefix->apart_count; i++)
        put_word(&w->apart, prefix->apart[i]);
    w->head.prefix_count++;
}

struct slice segment_writer_text(const struct segment_writer *w, uint32_t ordinal)
{
    const char *s = w->strings.ptr + ((const uint32_t *)(const void *)w->str_off.ptr)[ordinal];
    return slice_make(s + 1, (unsigned char)s[0]);
}

/* The strings to their place, with what neighbours share beside them. */
static void put_strings(struct segment_writer *w)
{
    uint32_t n = w->head.term_count, *at = calloc((size_t)n + 1, sizeof *at);
    uint8_t *lcp = malloc((size_t)n + 4);
    if (!at || !lcp || w->strings.failed || w->str_off.failed) {
        w->blob.failed = true;
        n = 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct slice s = segment_writer_text(w, i), before = SLICE_NULL;
        if (i)
            before = segment_writer_text(w, i - 1);
        size_t shared = 0;
        while (shared < s.len && shared < before.len && s.ptr[shared] == before.ptr[shared])
            shared++;
        lcp[i] = (uint8_t)shared;
        at[i] = segment_writer_put(w, slice_make(s.ptr - 1, s.len + 1));
    }
    w->head.strings = n ? at[0] : 0;
    for (uint32_t i = n; i-- > 0;)
        at[i] -= at[0];
    w->head.str_off = segment_writer_packed(w, at, n, ARRAY_STR_OFF);
    segment_writer_settle(w, 4, 4);
    w->head.lcp = (uint32_t)w->blob.len;
    buf_put(&w->blob, lcp, n);
    free(at);
    free(lcp);
}

static void put_hash(struct segment_writer *w)
{
    uint32_t n = w->head.term_count, slots = n + n / 3, shift = bitpack_width(&n, 1);
    if (n < SEGMENT_HASH_MIN_TERMS) {
        w->head.hash = segment_writer_array(w, NULL, 0);
        return;
    }
    uint32_t *table = calloc(slots, 4);
    if (!table || w->blob.failed || shift + SEGMENT_HASH_CHECK > 32) {
        w->blob.failed = true;
        free(table);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct slice s = segment_writer_text(w, i);
        uint64_t hash = XXH3_64bits(s.ptr, s.len);
        uint32_t at = segment_hash_slot((uint32_t)hash, slots),
                 check = (uint32_t)(hash >> 32) & ((1u << SEGMENT_HASH_CHECK) - 1);
        while (table[at])
            at = at + 1 < slots ? at + 1 : 0;
        table[at] = check << shift | (i + 1);
    }
    w->head.bits[ARRAY_HASH] = (uint8_t)(shift + SEGMENT_HASH_CHECK);
    w->head.hash = segment_writer_packed(w, table, slots, ARRAY_HASH);
    w->head.hash_count = slots;
    free(table);
}

/* Sorts docs by tie key, a byte a pass; stable, so docs that come in descending stay so. */
static void sort_by_tie(uint32_t *docs, uint32_t *room, uint32_t count, const uint32_t *ties)
{
    if (count < 2)
        return;
    for (uint32_t shift = 0; shift < 32; shift += 8) { /* four passes: the result is in `docs` */
        uint32_t start[257] = {0};
        for (uint32_t i = 0; i < count; i++)
            start[(ties[docs[i]] >> shift & 0xff) + 1]++;
        for (uint32_t v = 1; v < 257; v++)
            start[v] += start[v - 1];
        for (uint32_t i = 0; i < count; i++)
            room[start[ties[docs[i]] >> shift & 0xff]++] = docs[i];
        uint32_t *swap = docs;
        docs = room;
        room = swap;
    }
}

/* segment_pack.h says how they are read. */
static void put_places(struct segment_writer *w, const uint32_t *block_of)
{
    uint32_t n = w->head.doc_count, words = (n + 31) / 32 * 3, last = 0,
             *places = calloc((size_t)words + 1, sizeof *places);
    if (!places) {
        w->blob.failed = true;
        return;
    }
    for (uint32_t d = 0; d < n; d++) {
        uint32_t *p = places + (size_t)(d / 32) * 3;
        if (d % 32 == 0)
            p[2] = last;
        if (!block_of[d])
            continue;
        p[0] |= 1u << d % 32;
        if (block_of[d] != last)
            p[1] |= 1u << d % 32;
        last = block_of[d];
    }
    w->head.places = segment_writer_array(w, places, words);
    w->head.block_count = (uint32_t)(w->block_off.len / 4);
    w->head.block_off = segment_writer_packed(w, (const uint32_t *)(void *)w->block_off.ptr,
                                              w->head.block_count, ARRAY_BLOCK_OFF);
    w->blob.failed |= w->block_off.failed;
    free(places);
}

static void put_ids(struct segment_writer *w, const uint32_t *block_of)
{
    uint32_t n = w->head.doc_count, have = 0;
    uint32_t *docs = malloc(((size_t)n + 1) * 2 * sizeof *docs);
    if (!docs) {
        w->blob.failed = true;
        return;
    }
    for (uint32_t d = n; d-- > 0;) /* the newest of an id first */
        if (block_of[d])
            docs[have++] = d;
    sort_by_tie(docs, docs + n + 1, have, w->ties);
    w->head.record_count = have;
    w->head.tie = segment_writer_array(w, w->ties, n);
    w->head.sorted = segment_writer_packed(w, docs, have, ARRAY_SORTED);
    free(docs);
}

/* The sums behind an extent; returns how many bytes. */
static size_t sums_of(const struct segment_writer *w, size_t e, struct slice bytes,
                      uint8_t sums[EXTENT_CELLS * SEGMENT_SUM])
{
    size_t cell = w->whole[e / 64] >> e % 64 & 1 ? SEGMENT_EXTENT : SEGMENT_CELL, n = 0;
    for (size_t at = 0; at < bytes.len; at += cell, n += SEGMENT_SUM)
        wire_store64(sums + n,
                     XXH3_64bits(bytes.ptr + at, bytes.len - at < cell ? bytes.len - at : cell));
    return n;
}

enum status segment_writer_finish(struct segment_writer *w, const uint32_t *block_of,
                                  segment_sink sink, void *ctx)
{
    if (w->blob.failed || w->str_off.failed || w->df.failed || w->ptr.failed || w->dead.failed ||
        w->prefixes.failed || w->block_off.failed || w->apart.failed)
        return STATUS_NO_MEMORY;
    put_strings(w);
    w->head.df =
        segment_writer_packed(w, (const uint32_t *)(void *)w->df.ptr, w->head.term_count, ARRAY_DF);
    w->head.ptr = segment_writer_packed(w, (const uint32_t *)(void *)w->ptr.ptr, w->head.term_count,
                                        ARRAY_PTR);
    put_hash(w);
    put_ids(w, block_of);
    put_places(w, block_of);
    buf_put_slice(&w->prefixes, buf_slice(&w->apart));
    w->head.prefix = segment_writer_array(w, w->prefixes.ptr, w->prefixes.len / 4);
    w->head.dead = segment_writer_array(w, w->dead.ptr, (size_t)w->head.dead_count * 2);
    segment_writer_tails(w);
    w->head.blob_len = w->blob.len;
    if (w->blob.failed || w->prefixes.failed)
        return STATUS_NO_MEMORY;
    if (w->blob.len > UINT32_MAX)
        return STATUS_TOO_LARGE;
    segment_head_encode(&w->head, (uint8_t *)w->blob.ptr);
    for (size_t at = 0, e = 0; at < w->blob.len; at += SEGMENT_EXTENT, e++) {
        size_t left = w->blob.len - at;
        struct slice bytes =
            slice_make(w->blob.ptr + at, left < SEGMENT_EXTENT ? left : SEGMENT_EXTENT);
        uint8_t sums[EXTENT_CELLS * SEGMENT_SUM];
        enum status s = sink(ctx, (uint32_t)e, bytes, slice_make(sums, sums_of(w, e, bytes, sums)));
        if (s)
            return s;
    }
    return STATUS_OK;
}
