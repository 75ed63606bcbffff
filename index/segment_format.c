#include "index/segment_format.h"

void segment_head_encode(const struct segment_head *h, uint8_t out[SEGMENT_HEAD])
{
    const uint32_t first[] = {SEGMENT_MAGIC, SEGMENT_FORMAT, h->base,         h->doc_count,
                              h->term_count, h->field_count, h->record_count, h->dictionary};
    const uint32_t areas[] = {h->str_off, h->df,         h->ptr,    h->hash,      h->hash_count,
                              h->tie,     h->sorted,     h->places, h->prefix,    h->prefix_count,
                              h->dead,    h->dead_count, h->lcp,    h->block_off, h->block_count,
                              h->tails,   h->tail_count};
    memset(out, 0, SEGMENT_HEAD);
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
        wire_store32(out + 4 * i, first[i]);
    wire_store64(out + 32, h->posting_count);
    wire_store64(out + 40, h->blob_len);
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++)
        wire_store32(out + 48 + 4 * i, areas[i]);
    memcpy(out + 116, h->bits, sizeof h->bits);
    wire_store32(out + 124, h->strings);
}

static bool inside(const struct segment_head *h, uint32_t at, uint64_t count, uint32_t size)
{
    return at >= SEGMENT_HEAD && at % 4 == 0 && at <= h->blob_len &&
           count * size <= h->blob_len - at;
}

static bool packed_inside(const struct segment_head *h, uint32_t at, uint64_t count,
                          enum segment_array array)
{
    return h->bits[array] <= 32 && inside(h, at, (count * h->bits[array] + 7) / 8, 1);
}

enum status segment_head_decode(struct slice bytes, struct segment_head *h)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    if (bytes.len < SEGMENT_HEAD || wire_load32(p) != SEGMENT_MAGIC)
        return STATUS_CORRUPT;
    uint32_t format = wire_load32(p + 4);
    if (format < SEGMENT_FORMAT_OLDEST || format > SEGMENT_FORMAT)
        return STATUS_OLD_FORMAT;
    *h = (struct segment_head){.format = format,
                               .base = wire_load32(p + 8),
                               .doc_count = wire_load32(p + 12),
                               .term_count = wire_load32(p + 16),
                               .field_count = wire_load32(p + 20),
                               .record_count = wire_load32(p + 24),
                               .dictionary = wire_load32(p + 28),
                               .posting_count = wire_load64(p + 32),
                               .blob_len = wire_load64(p + 40),
                               .str_off = wire_load32(p + 48),
                               .df = wire_load32(p + 52),
                               .ptr = wire_load32(p + 56),
                               .hash = wire_load32(p + 60),
                               .hash_count = wire_load32(p + 64),
                               .tie = wire_load32(p + 68),
                               .sorted = wire_load32(p + 72),
                               .places = wire_load32(p + 76),
                               .prefix = wire_load32(p + 80),
                               .prefix_count = wire_load32(p + 84),
                               .dead = wire_load32(p + 88),
                               .dead_count = wire_load32(p + 92),
                               .lcp = wire_load32(p + 96),
                               .block_off = wire_load32(p + 100),
                               .block_count = wire_load32(p + 104),
                               .tails = wire_load32(p + 108),
                               .tail_count = wire_load32(p + 112)};
    if (format > SEGMENT_FORMAT_STREAMS) {
        memcpy(h->bits, p + 116, sizeof h->bits);
        h->strings = wire_load32(p + 124);
    } else {
        memset(h->bits, 32, sizeof h->bits);
    }
    bool good =
        h->blob_len <= UINT32_MAX && h->doc_count <= SEGMENT_MAX_DOCS && h->field_count <= 255 &&
        h->record_count <= h->doc_count &&
        (format > SEGMENT_FORMAT_STREAMS || (h->hash_count & (h->hash_count - 1)) == 0) &&
        packed_inside(h, h->str_off, h->term_count, ARRAY_STR_OFF) &&
        packed_inside(h, h->df, h->term_count, ARRAY_DF) &&
        packed_inside(h, h->ptr, h->term_count, ARRAY_PTR) &&
        packed_inside(h, h->hash, h->hash_count, ARRAY_HASH) &&
        (!h->hash_count || h->bits[ARRAY_HASH] >= SEGMENT_HASH_CHECK) &&
        inside(h, h->tie, h->doc_count, 4) &&
        packed_inside(h, h->sorted, h->record_count, ARRAY_SORTED) &&
        inside(h, h->places, ((uint64_t)h->doc_count + 31) / 32, 12) &&
        packed_inside(h, h->block_off, h->block_count, ARRAY_BLOCK_OFF) &&
        inside(h, h->prefix, h->prefix_count, segment_prefix_entry(h)) &&
        inside(h, h->dead, h->dead_count, 8) && inside(h, h->lcp, h->term_count, 1) &&
        h->tail_count <= h->term_count &&
        (h->tails ? packed_inside(h, h->tails, h->tail_count, ARRAY_TAILS) : !h->tail_count);
    return good ? STATUS_OK : STATUS_CORRUPT;
}
