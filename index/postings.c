#include "index/postings.h"
#include "index/deltas.h"
#include "index/kernels.h"
#include "index/positions.h"
#include "index/segment_private.h"

/*
 * A list of up to 128 postings is one block without arrays; postings_at() makes its entry in `inl`.
 * Lists below LIST_TINY have no bound of their own: every class may hold anything.
 */

#define LOOSE_BOUND UINT32_C(0xffffffff)
enum {
    DOC_BITS = 23,
    TINY_MAX = LIST_TINY * 5, /* bytes without positions */
    BLOCK_USUAL = 256,        /* few take more */
    BLOCK_MAX = 1 + DELTAS_HEAD + POSTINGS_BLOCK * DOC_BITS / 8 + POSTINGS_BLOCK /* of a block */
};
_Static_assert((int)DOC_BITS == (int)DELTAS_BITS && (int)POSTINGS_BLOCK == (int)DELTAS_MOST,
               "a block is what deltas pack");
_Static_assert(SEGMENT_MAX_DOCS < 1 << DOC_BITS, "sums of a block's deltas cannot wrap");

static uint32_t block_size(const struct postings *p, uint32_t b)
{
    return b + 1 < p->block_count ? POSTINGS_BLOCK : p->df - b * POSTINGS_BLOCK;
}

/* A varint of up to four bytes; false when it is longer or runs out. */
static inline bool short_varint(const uint8_t **at, const uint8_t *end, uint32_t *out)
{
    uint32_t v = 0;
    for (uint32_t shift = 0; shift < 28 && *at < end; shift += 7) {
        uint8_t b = *(*at)++;
        v |= (uint32_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *out = v;
            return true;
        }
    }
    return false;
}

static enum status tiny_block(const struct postings *p, struct postings_block *out,
                              struct wire_reader *positions)
{
    struct slice rest = segment_window(p->segment, p->off[0], positions ? SEGMENT_CELL : TINY_MAX);
    if (!rest.len)
        return STATUS_CORRUPT;
    const uint8_t *at = (const uint8_t *)rest.ptr, *end = at + rest.len;
    uint32_t doc = UINT32_MAX, docs = segment_doc_count(p->segment);
    for (uint32_t i = 0; i < p->df; i++) {
        uint32_t delta;
        if (!short_varint(&at, end, &delta) || delta >= docs)
            return STATUS_CORRUPT;
        doc += delta + 1;
        out->docs[i] = doc;
    }
    if (doc >= docs || (size_t)(end - at) < p->df)
        return STATUS_CORRUPT;
    out->lies = (struct evidence_place){.packed = at, .width = 8};
    out->count = p->df;
    if (positions)
        *positions = wire_reader_of(slice_make(at + p->df, (size_t)(end - at) - p->df));
    return STATUS_OK;
}

struct block_parts {
    const uint8_t *widths; /* of groups; NULL in older formats, which have one `width` */
    const uint8_t *docs;
    uint32_t count, width, before, docs_len;
    struct evidence_place evidence;
    struct wire_reader behind;
};

/* Bits of an index into a table of so many; 8: evidence lies as it is. */
static uint32_t table_width(uint32_t count, uint32_t format)
{
    if (format <= SEGMENT_FORMAT_STREAMS)
        return count > 16 ? 8 : count > 4 ? 4 : count > 2 ? 2 : count > 1 ? 1 : 0;
    return count > EVIDENCE_TABLE ? 8 : count > 1 ? 32 - (uint32_t)__builtin_clz(count - 1) : 0;
}

static void group_widths(struct block_parts *parts, const uint8_t *at)
{
    parts->evidence.table_count = at[0];
    parts->width = 0;
    parts->widths = at + 1;
    parts->docs = parts->widths + deltas_head(parts->count);
    parts->docs_len = (uint32_t)deltas_len(parts->widths, parts->count);
}

/* Of formats before 7. */
static void one_width(struct block_parts *parts, const uint8_t *at)
{
    parts->width = at[0];
    parts->evidence.table_count = at[1];
    parts->widths = NULL;
    parts->docs = at + 2;
    parts->docs_len = (uint32_t)bitpack_len(parts->count, parts->width);
}

/* Where the pieces of a block lie; one check of the sum of their lengths. `need`: BLOCK_MAX, or
 * more for what is behind it. */
static enum status block_parts(const struct postings *p, uint32_t b, size_t need,
                               struct block_parts *parts)
{
    uint32_t skip = p->df <= POSTINGS_BLOCK ? 4 : 0; /* the bound of a single block */
    struct slice rest = segment_window(p->segment, (uint64_t)p->off[b] + skip, need);
    const uint8_t *at = (const uint8_t *)rest.ptr;
    parts->count = block_size(p, b);
    parts->before = b ? p->last[b - 1] : UINT32_MAX;
    if (parts->count > POSTINGS_BLOCK || rest.len < 1 + deltas_head(parts->count) ||
        (b && parts->before >= segment_doc_count(p->segment)))
        return STATUS_CORRUPT;
    if (p->segment->head.format <= SEGMENT_FORMAT_WIDTH)
        one_width(parts, at);
    else
        group_widths(parts, at);
    struct evidence_place *e = &parts->evidence;
    if (parts->width > DOC_BITS || e->table_count == 0)
        return STATUS_CORRUPT;
    e->width = (uint8_t)table_width(e->table_count, p->segment->head.format);
    e->table = parts->docs + parts->docs_len;
    e->packed = e->table + (e->width == 8 ? 0 : e->table_count);
    size_t len = (size_t)(e->packed - at) + bitpack_len(parts->count, e->width);
    if (len > rest.len)
        return STATUS_CORRUPT;
    parts->behind = wire_reader_of(slice_make(at + len, rest.len - len));
    return STATUS_OK;
}

void postings_read_evidence(struct postings_block *b)
{
    uint8_t table[EVIDENCE_TABLE] = {0};
    const struct evidence_place *e = &b->lies;
    uint32_t w = e->width, mask = (1u << w) - 1;
    if (w == 8) {
        memcpy(b->evidence, e->packed, b->count);
        return;
    }
    memcpy(table, e->table, e->table_count);
    size_t len = bitpack_len(b->count, w);
    for (uint32_t i = 0; i < b->count; i += 8) { /* eight fill whole bytes */
        const uint8_t *at = e->packed + (size_t)(i / 8) * w;
        size_t left = (size_t)(e->packed + len - at), n = left < w ? left : w;
        uint64_t v = 0;
        if (left >= sizeof v)
            v = wire_load64(at);
        else
            for (size_t k = 0; k < n; k++)
                v |= (uint64_t)at[k] << 8 * k;
        for (uint32_t k = 0; k < 8; k++, v >>= w)
            b->evidence[i + k] = table[v & mask];
    }
}

static void end_docs(struct postings_block *out)
{
    for (uint32_t i = 0; i < 16; i++)
        out->docs[out->count + i] = DOC_NONE;
}

enum status postings_decode_docs(const struct postings *p, uint32_t b, struct postings_block *out)
{
    struct block_parts parts;
    enum status s = pulse_beat(p->segment->pulse, 2);
    if (!s)
        s = p->df < LIST_TINY ? tiny_block(p, out, NULL) : block_parts(p, b, BLOCK_MAX, &parts);
    if (s)
        return s;
    if (p->df >= LIST_TINY) {
        const struct kernels *k = kernels_best();
        if (parts.widths)
            k->groups(parts.widths, parts.docs, parts.docs_len, parts.count, parts.before,
                      out->docs);
        else
            k->sums(parts.docs, parts.docs_len, parts.count, parts.width, parts.before, out->docs);
        out->count = parts.count;
        out->lies = parts.evidence;
        uint32_t last = out->docs[parts.count - 1];
        if (last >= segment_doc_count(p->segment) || (p->block_count > 1 && last != p->last[b]))
            return STATUS_CORRUPT;
    }
    end_docs(out);
    return STATUS_OK;
}

enum status postings_decode(const struct postings *p, uint32_t b, struct postings_block *out)
{
    enum status s = postings_decode_docs(p, b, out);
    if (!s)
        postings_read_evidence(out);
    return s;
}

void postings_read_scores(const struct postings_block *b, const struct postings_weight *w,
                          uint32_t *scores)
{
    const struct evidence_place *e = &b->lies;
    uint32_t table[EVIDENCE_TABLE] = {0};
    if (e->width == 8) {
        for (uint32_t i = 0; i < b->count; i++)
            scores[i] = w->tier + w->idf * w->lut[e->packed[i]];
        return;
    }
    for (uint32_t i = 0; i < e->table_count; i++)
        table[i] = w->tier + w->idf * w->lut[e->table[i]];
    kernels_best()->table(e->packed, b->count, e->width, table, scores);
}

void postings_prefetch(const struct postings *p, uint32_t b)
{
    uint64_t off = p->off[b], e = off >> EXTENT_SHIFT;
    if (e >= p->segment->extent_count)
        return;
    const uint8_t *at = p->segment->extents[e] + (off & EXTENT_MASK);
    for (uint32_t line = 0; line < BLOCK_USUAL; line += 64)
        __builtin_prefetch(at + line);
}

uint32_t postings_seek_block(const struct postings *p, uint32_t from, uint32_t doc)
{
    uint32_t n = p->block_count, step = 1;
    if (from >= n || p->last[from] >= doc)
        return from;
    while (from + step < n && p->last[from + step] < doc)
        step *= 2;
    uint32_t low = from + step / 2 + 1, high = from + step < n ? from + step : n;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (p->last[mid] < doc)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* --- opening ---------------------------------------------------------------------------------- */

static enum status open_single(struct postings *p, uint32_t ptr, bool tiny)
{
    p->inl.off = ptr;
    p->block_count = 1;
    p->inl.last = segment_doc_count(p->segment) - 1;
    p->inl.bound = LOOSE_BOUND; /* of a tiny list: reading it costs as little as knowing more */
    postings_settle(p);
    if (!tiny) {
        const uint8_t *bound = segment_bytes(p->segment, ptr, 4);
        if (!bound)
            return STATUS_CORRUPT;
        p->inl.bound = wire_load32(bound);
    }
    p->max_bound = p->inl.bound;
    return STATUS_OK;
}

enum status postings_at(const struct segment *s, uint32_t df, uint32_t ptr, bool positions,
                        struct postings *out)
{
    *out = (struct postings){.df = df, .segment = s};
    if (df == 0 || df > segment_doc_count(s))
        return STATUS_CORRUPT;
    if (df <= POSTINGS_BLOCK)
        return open_single(out, ptr, df < LIST_TINY);
    /* pos[] is there where positions are, and was in all lists before format 7 */
    uint32_t n = (df + POSTINGS_BLOCK - 1) / POSTINGS_BLOCK,
             arrays = positions || s->head.format <= SEGMENT_FORMAT_WIDTH ? 4 : 3;
    const uint8_t *p = ptr % 4 ? NULL : segment_bytes(s, ptr, (size_t)n * (arrays * 4 + 2) + 4);
    if (!p)
        return STATUS_CORRUPT;
    out->block_count = n;
    out->max_bound = wire_load32(p);
    const uint32_t *words = (const uint32_t *)(const void *)(p + 4);
    out->last = words;
    out->bound = words + n;
    out->off = words + 2 * (size_t)n;
    out->pos = positions ? words + 3 * (size_t)n : NULL;
    out->tie = (const uint16_t *)(const void *)(words + arrays * (size_t)n);
    return STATUS_OK;
}

/* --- positions -------------------------------------------------------------------------------- */

/* Where those of a block lie, and what lies behind; `parts` is filled for all but tiny lists. */
static enum status positions_at(const struct postings *p, uint32_t b, struct block_parts *parts,
                                struct slice *bytes)
{
    if (p->df > POSTINGS_BLOCK && !p->pos)
        return STATUS_NOT_FOUND;
    enum status s = block_parts(p, b, p->pos ? (size_t)BLOCK_MAX : (size_t)SEGMENT_CELL, parts);
    if (s)
        return s;
    *bytes = p->pos ? segment_window(p->segment, p->pos[b], SEGMENT_CELL)
                    : slice_make(parts->behind.at, (size_t)(parts->behind.end - parts->behind.at));
    return bytes->len ? STATUS_OK : STATUS_CORRUPT;
}

/* Are positions of the list packed? */
static bool packed_positions(const struct postings *p)
{
    return p->df >= LIST_TINY && p->segment->head.format > SEGMENT_FORMAT_STREAMS;
}

static enum status stored_stream(const struct postings *p, uint32_t b, struct wire_reader *r)
{
    struct block_parts parts;
    struct postings_block block;
    struct slice bytes;
    if (p->df < LIST_TINY)
        return tiny_block(p, &block, r);
    enum status s = positions_at(p, b, &parts, &bytes);
    if (!s)
        *r = wire_reader_of(bytes);
    return s;
}

enum status postings_position_stream(const struct postings *p, uint32_t b, const uint8_t *evidence,
                                     struct buf *room, struct wire_reader *r, size_t *stored)
{
    struct block_parts parts;
    struct positions_block block;
    struct slice bytes;
    *stored = 0;
    if (!packed_positions(p))
        return stored_stream(p, b, r);
    enum status s = positions_at(p, b, &parts, &bytes);
    s = s ? s : positions_open(&block, bytes, parts.count, p->segment->head.field_count);
    buf_clear(room);
    s = s ? s : positions_stream(&block, evidence, room);
    if (s)
        return s;
    *stored = (size_t)(block.end - (const uint8_t *)bytes.ptr);
    *r = wire_reader_of(buf_slice(room));
    return STATUS_OK;
}

static enum status stream_positions(const struct postings *p, uint32_t b, uint32_t i, uint32_t *out,
                                    uint32_t cap, uint32_t *count)
{
    struct wire_reader r;
    enum status s = stored_stream(p, b, &r);
    if (s)
        return s;
    positions_skip(&r, i);
    return positions_read(&r, out, cap, count);
}

enum status postings_positions(const struct postings *p, uint32_t b, uint32_t i, uint32_t *out,
                               uint32_t cap, uint32_t *count)
{
    struct block_parts parts;
    struct positions_block block;
    struct slice bytes;
    *count = 0;
    if (!packed_positions(p))
        return stream_positions(p, b, i, out, cap, count);
    enum status s = positions_at(p, b, &parts, &bytes);
    s = s ? s : positions_begin(&block, bytes, parts.count, p->segment->head.field_count);
    return s ? s : positions_of(&block, i, evidence_at(&parts.evidence, i), out, cap, count);
}

enum status postings_positions_known(const struct postings *p, uint32_t b, uint32_t i,
                                     uint8_t evidence, uint32_t *out, uint32_t cap, uint32_t *count)
{
    struct positions_block block;
    if (!p->pos || !packed_positions(p))
        return postings_positions(p, b, i, out, cap, count);
    *count = 0;
    enum status s = positions_begin(&block, segment_window(p->segment, p->pos[b], SEGMENT_CELL),
                                    block_size(p, b), p->segment->head.field_count);
    return s ? s : positions_of(&block, i, evidence, out, cap, count);
}

void postings_prefetch_positions(const struct postings *p, uint32_t b)
{
    uint64_t off = p->pos ? p->pos[b] : p->off[b], e = off >> EXTENT_SHIFT;
    if (e >= p->segment->extent_count)
        return;
    const uint8_t *at = p->segment->extents[e] + (off & EXTENT_MASK);
    __builtin_prefetch(at);
    __builtin_prefetch(at + 64);
}
