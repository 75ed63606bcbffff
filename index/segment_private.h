/* segment_private - the opened segment, for the files segment*.c and postings.c only. */
#ifndef SOUK_INDEX_SEGMENT_PRIVATE_H
#define SOUK_INDEX_SEGMENT_PRIVATE_H

#include "index/segment.h"
#include "index/segment_format.h"
#include "protocol/buf.h"

#include <stdatomic.h>

struct segment {
    uint32_t number;
    struct segment_head head;
    uint32_t extent_count;
    const uint8_t **extents; /* [extent_count], into the snapshot */
    uint32_t *lengths;       /* bytes without checksums */
    uint8_t *sums;           /* how many checksums lie behind them: one a cell, or one */
    _Atomic uint8_t
        *cells;         /* [extent_count * EXTENT_CELLS] enum cell_state; kept when extents move */
    uint64_t *id_words; /* segment_learn_ids(): bits of the ids it holds; NULL = not known */
    uint32_t id_word_count;
    struct pulse *pulse;      /* of the snapshot that opened it, or NULL */
    struct letters **letters; /* [LETTERS_FIRSTS], those that were asked for */
};

/* The bits of an id with this tie, in word tie * id_word_count >> 32. */
static inline uint64_t segment_id_bits(uint32_t tie)
{
    return UINT64_C(1) << (tie & 63) | UINT64_C(1) << (tie >> 6 & 63) |
           UINT64_C(1) << (tie >> 12 & 63);
}

enum { EXTENT_SHIFT = 20, EXTENT_MASK = SEGMENT_EXTENT - 1, CELL_MASK = SEGMENT_CELL - 1 };
enum cell_state { CELL_UNREAD, CELL_DAMAGED, CELL_GOOD, CELL_GOOD_WHOLE /* with its extent */ };

/* Checks the sum of a cell that was not read before. */
enum cell_state segment_verify_cell(const struct segment *s, uint64_t cell);

/* The cell at an offset inside an extent, verified. */
static inline enum cell_state segment_cell(const struct segment *s, uint64_t off)
{
    uint64_t cell = off >> SEGMENT_CELL_SHIFT;
    uint8_t state = atomic_load_explicit(&s->cells[cell], memory_order_relaxed);
    return state >= CELL_GOOD ? (enum cell_state)state : segment_verify_cell(s, cell);
}

/* [first, last] bytes of the blob, in one extent: all their cells are good. */
bool segment_span_good(const struct segment *s, uint64_t first, uint64_t last);

/* `len` > 0 bytes at a blob offset, inside one extent, verified; NULL on damage. */
static inline const uint8_t *segment_bytes(const struct segment *s, uint64_t off, size_t len)
{
    uint64_t e = off >> EXTENT_SHIFT, at = off & EXTENT_MASK;
    if (e >= s->extent_count || at + len > s->lengths[e] || segment_cell(s, off) < CELL_GOOD)
        return NULL;
    if ((off & CELL_MASK) + len > SEGMENT_CELL && !segment_span_good(s, off, off + len - 1))
        return NULL;
    return s->extents[e] + at;
}

/* Bytes from an offset on, verified, for what says itself where it ends: at least `need` (of at
 * most a cell) or all up to the end of the extent, and never less than an item that
 * segment_writer_put() wrote there. len 0 on damage. */
static inline struct slice segment_window(const struct segment *s, uint64_t off, size_t need)
{
    uint64_t e = off >> EXTENT_SHIFT, at = off & EXTENT_MASK;
    if (e >= s->extent_count || at >= s->lengths[e])
        return SLICE_NULL;
    enum cell_state state = segment_cell(s, off);
    uint64_t end = (at | CELL_MASK) + 1;
    if (state < CELL_GOOD)
        return SLICE_NULL;
    if (state == CELL_GOOD_WHOLE)
        end = s->lengths[e];
    else if (at + need > end && end < s->lengths[e]) {
        if (segment_cell(s, off - at + end) < CELL_GOOD)
            return SLICE_NULL;
        end += SEGMENT_CELL;
    }
    return slice_make(s->extents[e] + at, (end < s->lengths[e] ? end : s->lengths[e]) - at);
}

/* Element i of a u32 array, which is aligned: never in two cells. 0 on damage. */
static inline uint32_t segment_u32(const struct segment *s, uint32_t at, uint32_t i)
{
    uint64_t off = (uint64_t)at + (uint64_t)i * 4, e = off >> EXTENT_SHIFT, k = off & EXTENT_MASK;
    if (e >= s->extent_count || k + 4 > s->lengths[e] || segment_cell(s, off) < CELL_GOOD)
        return 0;
    return wire_load32(s->extents[e] + k);
}
/* Number i of an array of packed ones; false on damage. They may stand in two cells or extents. */
bool segment_packed_anywhere(const struct segment *s, uint64_t off, uint32_t shift, uint32_t bits,
                             uint32_t *out);
static inline bool segment_packed_read(const struct segment *s, uint32_t at, uint32_t bits,
                                       uint32_t i, uint32_t *out)
{
    uint64_t bit = (uint64_t)i * bits, off = at + (bit >> 3), e = off >> EXTENT_SHIFT,
             k = off & EXTENT_MASK;
    uint32_t shift = (uint32_t)bit & 7;
    if (e >= s->extent_count || k + 8 > s->lengths[e] || (off & CELL_MASK) + 8 > SEGMENT_CELL ||
        segment_cell(s, off) < CELL_GOOD)
        return segment_packed_anywhere(s, off, shift, bits, out);
    *out = (uint32_t)(wire_load64(s->extents[e] + k) >> shift & ((UINT64_C(1) << bits) - 1));
    return true;
}

/* The same; 0 on damage. */
static inline uint32_t segment_packed(const struct segment *s, uint32_t at, uint32_t bits,
                                      uint32_t i)
{
    uint32_t v;
    return segment_packed_read(s, at, bits, i, &v) ? v : 0;
}

/* A list at `ptr` with `df` postings. */
enum status postings_at(const struct segment *s, uint32_t df, uint32_t ptr, bool positions,
                        struct postings *out);

/* A term's string at its blob offset. */
static inline enum status segment_string(const struct segment *s, uint32_t off, struct slice *term)
{
    const uint8_t *len = segment_bytes(s, off, 1);
    const uint8_t *p = len && *len ? segment_bytes(s, (uint64_t)off + 1, *len) : NULL;
    if (!p)
        return STATUS_CORRUPT;
    *term = slice_make(p, *len);
    return STATUS_OK;
}

/* The positions of block `b`, whose evidence it is, as a stream (positions.h): where it lies, or
 * made in `room`. *stored = the bytes it takes where it was made, else 0. */
enum status postings_position_stream(const struct postings *p, uint32_t b, const uint8_t *evidence,
                                     struct buf *room, struct wire_reader *r, size_t *stored);

#endif
