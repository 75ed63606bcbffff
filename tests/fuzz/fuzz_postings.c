/*
 * Segments from outside: the input is the blob of a segment, its checksums made right, so that the
 * decoders behind them are reached.
 */
#include "index/segment_build.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS_MAX = 1000 };

static enum status lookup(void *ctx, uint32_t number, uint32_t extent, struct slice *value)
{
    (void)number;
    if (extent)
        return STATUS_NOT_FOUND;
    *value = *(const struct slice *)ctx;
    return STATUS_OK;
}

static enum status discard(void *ctx, uint32_t extent, struct slice bytes, struct slice sums)
{
    (void)ctx;
    (void)extent;
    (void)bytes;
    (void)sums;
    return STATUS_OK;
}

static bool odd(void *ctx, uint32_t docid)
{
    (void)ctx;
    return docid & 1;
}

static void read_list(const struct segment *s, const struct postings *p)
{
    struct postings_block block;
    uint32_t pos[8], count;
    for (uint32_t b = 0; b < p->block_count && b < ROWS_MAX; b++) {
        if (postings_decode(p, b, &block) != STATUS_OK)
            continue;
        for (uint32_t i = 0; i < block.count; i++)
            if (block.docs[i] >= segment_doc_count(s))
                abort();
        postings_positions(p, b, block.count - 1, pos, 8, &count);
    }
}

static void read_all(const struct segment *s)
{
    struct slice word, id;
    char room[SEGMENT_ID_MAX];
    struct postings p;
    uint32_t at, lo, hi;
    for (uint32_t t = 0; t < segment_term_count(s) && t < ROWS_MAX; t++) {
        if (postings_open(s, t, &p) == STATUS_OK)
            read_list(s, &p);
        if (segment_term(s, t, &word) != STATUS_OK)
            continue;
        segment_find_term(s, word, &at);
        segment_prefix_range(s, word, &lo, &hi);
        segment_dead_df(s, word);
        struct segment_prefix ready;
        for (size_t len = 1; len <= word.len && len <= PREFIX_MAX_LEN; len++)
            if (segment_open_prefix(s, slice_make(word.ptr, len), &ready) == STATUS_OK)
                read_list(s, &ready.rest);
    }
    for (uint32_t d = 0; d < segment_doc_count(s) && d < ROWS_MAX; d++)
        if (segment_id(s, d, room, &id) == STATUS_OK)
            segment_find_id(s, id, &at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct segment *s;
    if (size > SEGMENT_EXTENT)
        return 0;
    size_t cell = size % 2 ? SEGMENT_CELL : SEGMENT_EXTENT, n = 0; /* both ways to sum an extent */
    char *room = malloc(size + EXTENT_CELLS * 8);
    if (!room)
        return 0;
    if (size)
        memcpy(room, data, size);
    for (size_t at = 0; at < size; at += cell, n += 8)
        wire_store64((uint8_t *)room + size + n,
                     XXH3_64bits(data + at, size - at < cell ? size - at : cell));
    struct slice value = slice_make(room, size + n);
    if (segment_open(1, lookup, &value, &s) == STATUS_OK) {
        read_all(s);
        if (segment_doc_count(s) <= 65536) {
            const struct segment *in[1] = {s};
            segment_merge(in, 1, odd, NULL, NULL, discard, NULL);
        }
    }
    segment_close(&s);
    free(room);
    return 0;
}
