/* segment_private - the opened segment, for the files segment*.c and postings.c only. */
#ifndef SOUK_INDEX_SEGMENT_PRIVATE_H
#define SOUK_INDEX_SEGMENT_PRIVATE_H

#include "index/segment.h"
#include "index/segment_format.h"

#include <stdatomic.h>

struct segment {
    uint32_t number;
    struct segment_head head;
    uint32_t extent_count;
    const uint8_t **extents;   /* [extent_count], into the snapshot */
    uint32_t *lengths;         /* bytes without checksum */
    _Atomic uint8_t *verified; /* 0 = not yet, 1 = good, 2 = damaged; kept when extents move */
};

enum { EXTENT_SHIFT = 20, EXTENT_MASK = SEGMENT_EXTENT - 1 };

/* Checks the sum of an extent that was not read before; false on damage. */
bool segment_verify_extent(const struct segment *s, uint32_t e);

static inline bool segment_extent_good(const struct segment *s, uint64_t e)
{
    return e < s->extent_count &&
           (atomic_load_explicit(&s->verified[e], memory_order_relaxed) == 1 ||
            segment_verify_extent(s, (uint32_t)e));
}

/* `len` bytes at a blob offset, inside one verified extent; NULL on damage. */
static inline const uint8_t *segment_bytes(const struct segment *s, uint64_t off, size_t len)
{
    uint64_t e = off >> EXTENT_SHIFT, at = off & EXTENT_MASK;
    if (!segment_extent_good(s, e) || at + len > s->lengths[e])
        return NULL;
    return s->extents[e] + at;
}

/* The bytes from an offset to the end of its extent (for decoding lists); len 0 on damage. */
static inline struct slice segment_rest(const struct segment *s, uint64_t off)
{
    uint64_t e = off >> EXTENT_SHIFT, at = off & EXTENT_MASK;
    const uint8_t *p = segment_bytes(s, off, 0);
    return p ? slice_make(p, s->lengths[e] - at) : SLICE_NULL;
}

/* Element i of a u32 array; 0 on damage. */
static inline uint32_t segment_u32(const struct segment *s, uint32_t at, uint32_t i)
{
    const uint8_t *p = segment_bytes(s, (uint64_t)at + (uint64_t)i * 4, 4);
    return p ? wire_load32(p) : 0;
}
/* A list at `ptr` with `df` postings. */
enum status postings_at(const struct segment *s, uint32_t df, uint32_t ptr, bool positions,
                        struct postings *out);

/* A term's string at its blob offset. */
static inline enum status segment_string(const struct segment *s, uint32_t off, struct slice *term)
{
    const uint8_t *len = segment_bytes(s, off, 1);
    const uint8_t *p = len ? segment_bytes(s, (uint64_t)off + 1, *len) : NULL;
    if (!p)
        return STATUS_CORRUPT;
    *term = slice_make(p, *len);
    return STATUS_OK;
}

/* The position varints of block `b`, from its first posting on. */
enum status postings_position_stream(const struct postings *p, uint32_t b, struct wire_reader *r);

#endif
