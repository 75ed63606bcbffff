/* The list of a term or a prefix in a segment's blob; what lies where: docs/index-format.md. */
#include "index/bitpack.h"
#include "index/deltas.h"
#include "index/positions.h"
#include "index/segment_write.h"

#include <stdlib.h>

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
    segment_writer_settle(w, len, 4);
    uint32_t at = (uint32_t)w->blob.len;
    if (len > SEGMENT_EXTENT)
        w->blob.failed = true;
    buf_put(&w->blob, arrays, len);
    buf_fini(&b);
    free(arrays);
    return at;
}

uint32_t segment_writer_list(struct segment_writer *w, const struct list_input *l)
{
    w->head.posting_count += l->count;
    return l->count < LIST_TINY         ? put_tiny(w, l)
           : l->count <= POSTINGS_BLOCK ? put_single(w, l)
                                        : put_blocks(w, l);
}
