#include "index/segment_write.h"
#include "index/bitpack.h"
#include "index/deltas.h"
#include "index/large.h"
#include "index/positions.h"
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

/* Room for `len` bytes that do not cross an extent, aligned. */
static void settle(struct segment_writer *w, size_t len, size_t align)
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
    settle(w, bytes.len, 1);
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
    settle(w, 4, 4);
    uint32_t at = (uint32_t)w->blob.len;
    buf_put(&w->blob, words, count * 4);
    return at;
}

uint32_t segment_writer_packed(struct segment_writer *w, const uint32_t *numbers, size_t count,
                               enum segment_array array)
{
    uint32_t all = 0, have = 0;
    uint64_t bits = 0;
    settle(w, 4, 4);
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

/* --- lists ------------------------------------------------------------------------------------ */

static void put_positions(const struct segment_writer *w, struct buf *b, const struct list_input *l,
                          uint32_t from, uint32_t to)
{
    if (l->pos_at)
        positions_encode(b, l->evidence + from, to - from, w->head.field_count,
                         l->pos + l->pos_at[from]);
}

static void put_evidence(struct buf *b, const uint8_t *evidence, uint32_t count,
                         uint8_t *table_count_at)
{
    uint8_t table[256], rank[256];
    bool seen[256] = {false};
    uint32_t distinct = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!seen[evidence[i]]) {
            seen[evidence[i]] = true;
            rank[evidence[i]] = (uint8_t)distinct;
            table[distinct++] = evidence[i];
        }
    uint32_t width = distinct > 1 ? 32 - (uint32_t)__builtin_clz(distinct - 1) : 0;
    if (distinct > EVIDENCE_TABLE || distinct + bitpack_len(count, width) > count) {
        *table_count_at = EVIDENCE_TABLE + 1;
        buf_put(b, evidence, count);
        return;
    }
    *table_count_at = (uint8_t)distinct;
    uint32_t index[POSTINGS_BLOCK];
    uint8_t packed[POSTINGS_BLOCK];
    for (uint32_t i = 0; i < count; i++)
        index[i] = rank[evidence[i]];
    buf_put(b, table, distinct);
    bitpack_encode(index, count, width, packed);
    buf_put(b, packed, bitpack_len(count, width));
}

static void put_block(struct buf *b, const struct list_input *l, uint32_t from, uint32_t to)
{
    uint32_t deltas[POSTINGS_BLOCK] = {0}, before = from ? l->docs[from - 1] : UINT32_MAX,
             count = to - from;
    for (uint32_t i = 0; i < count; i++) {
        deltas[i] = l->docs[from + i] - before - 1;
        before = l->docs[from + i];
    }
    uint8_t packed[1 + DELTAS_MAX], evidence_count;
    size_t at = b->len, len = 1 + deltas_encode(deltas, count, packed + 1);
    packed[0] = 0;
    buf_put(b, packed, len);
    put_evidence(b, l->evidence + from, count, &evidence_count);
    if (!b->failed)
        b->ptr[at] = (char)evidence_count;
}

static uint32_t bound_of(const uint8_t *evidence, uint32_t count)
{
    uint8_t mask[4] = {0}, impact[4] = {0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t m = evidence[i] >> 4, c = m ? (uint32_t)__builtin_ctz(m) : 0;
        mask[c] |= (uint8_t)m;
        if ((evidence[i] & 15) > impact[c])
            impact[c] = evidence[i] & 15;
    }
    uint32_t bound = 0;
    for (int c = 0; c < 4; c++)
        bound |= (uint32_t)(mask[c] << 4 | impact[c]) << (8 * c);
    return bound;
}

/* What was made in `b`, which may lack memory of its own. */
static uint32_t put_made(struct segment_writer *w, const struct buf *b)
{
    w->blob.failed |= b->failed;
    return segment_writer_put(w, buf_slice(b));
}

static uint32_t put_tiny(struct segment_writer *w, const struct list_input *l)
{
    struct buf b = BUF_INIT;
    uint32_t last = UINT32_MAX;
    for (uint32_t i = 0; i < l->count; i++) {
        wire_put_varint(&b, l->docs[i] - last - 1);
        last = l->docs[i];
    }
    buf_put(&b, l->evidence, l->count);
    if (l->pos_at)
        buf_put(&b, l->pos + l->pos_at[0], l->pos_at[l->count] - l->pos_at[0]);
    uint32_t at = put_made(w, &b);
    buf_fini(&b);
    return at;
}

static uint32_t put_single(struct segment_writer *w, const struct list_input *l)
{
    struct buf b = BUF_INIT;
    wire_put_u32(&b, bound_of(l->evidence, l->count));
    put_block(&b, l, 0, l->count);
    put_positions(w, &b, l, 0, l->count);
    uint32_t at = put_made(w, &b);
    buf_fini(&b);
    return at;
}

static uint32_t put_blocks(struct segment_writer *w, const struct list_input *l)
{
    uint32_t n = (l->count + POSTINGS_BLOCK - 1) / POSTINGS_BLOCK;
    uint32_t *arrays = calloc((size_t)n * 5 + 1, 4), *last = arrays + 1, *bound = last + n,
             *off = bound + n, *pos = off + n;
    struct buf b = BUF_INIT;
    if (!arrays) {
        w->blob.failed = true;
        return 0;
    }
    uint16_t *tie = (uint16_t *)(void *)(l->pos_at ? pos + n : pos);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t from = i * POSTINGS_BLOCK,
                 to = from + POSTINGS_BLOCK < l->count ? from + POSTINGS_BLOCK : l->count;
        uint32_t best = UINT32_MAX;
        buf_clear(&b);
        put_block(&b, l, from, to);
        off[i] = put_made(w, &b);
        last[i] = l->docs[to - 1];
        bound[i] = bound_of(l->evidence + from, to - from);
        for (uint32_t k = from; k < to; k++)
            if (w->ties[l->docs[k]] < best)
                best = w->ties[l->docs[k]];
        tie[i] = (uint16_t)(best >> 16);
        arrays[0] = i ? arrays[0] : 0;
        for (int c = 0; c < 32; c += 8) {
            uint32_t x = arrays[0] >> c & 0xff, y = bound[i] >> c & 0xff;
            uint32_t merged = ((x | y) & 0xf0) | ((x & 15) > (y & 15) ? x & 15 : y & 15);
            arrays[0] = (arrays[0] & ~((uint32_t)0xff << c)) | merged << c;
        }
    }
    for (uint32_t i = 0; l->pos_at && i < n; i++) {
        uint32_t from = i * POSTINGS_BLOCK,
                 to = from + POSTINGS_BLOCK < l->count ? from + POSTINGS_BLOCK : l->count;
        buf_clear(&b);
        put_positions(w, &b, l, from, to);
        pos[i] = put_made(w, &b);
    }
    size_t len = (size_t)n * (l->pos_at ? 18 : 14) + 4;
    settle(w, len, 4);
    uint32_t at = (uint32_t)w->blob.len;
    if (len > SEGMENT_EXTENT)
        w->blob.failed = true;
    buf_put(&w->blob, arrays, len);
    buf_fini(&b);
    free(arrays);
    return at;
}

static uint32_t put_list(struct segment_writer *w, const struct list_input *l)
{
    w->head.posting_count += l->count;
    return l->count < LIST_TINY         ? put_tiny(w, l)
           : l->count <= POSTINGS_BLOCK ? put_single(w, l)
                                        : put_blocks(w, l);
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
    put_word(&w->ptr, put_list(w, list));
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
    uint32_t at = put_list(w, list);
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
    settle(w, 4, 4);
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
