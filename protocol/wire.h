/*
 * wire - reading and writing little-endian fields and varints with one check at the end.
 *
 * Reader: a cursor over borrowed bytes that keeps its first error: after it, every read returns 0
 * or an empty slice, so a decoder reads ten fields and looks at `failed` once. It never reads
 * outside [at, end). Slices it returns point into the input.
 * Writer: functions that append to a `struct buf`, which keeps its own first error.
 * Varint: LEB128, 7 bits a byte, low bits first, at most 10 bytes; an over-long one is an error.
 */
#ifndef SOUK_PROTOCOL_WIRE_H
#define SOUK_PROTOCOL_WIRE_H

#include "protocol/buf.h"
#include "protocol/status.h"

struct wire_reader {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct wire_reader wire_reader_of(struct slice s)
{
    const uint8_t *p = (const uint8_t *)s.ptr;
    return (struct wire_reader){p, p ? p + s.len : p, false};
}

static inline size_t wire_left(const struct wire_reader *r)
{
    return (size_t)(r->end - r->at);
}

/* `len` bytes, or NULL and failed. */
static inline const uint8_t *wire_take(struct wire_reader *r, size_t len)
{
    if (r->failed || wire_left(r) < len) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += len;
    return p;
}

static inline uint16_t wire_load16(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t wire_load32(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t wire_load64(const void *p)
{
    return (uint64_t)wire_load32(p) | (uint64_t)wire_load32((const uint8_t *)p + 4) << 32;
}

static inline void wire_store16(void *p, uint16_t v)
{
    uint8_t *b = p;
    b[0] = (uint8_t)v;
    b[1] = (uint8_t)(v >> 8);
}

static inline void wire_store32(void *p, uint32_t v)
{
    wire_store16(p, (uint16_t)v);
    wire_store16((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

static inline void wire_store64(void *p, uint64_t v)
{
    wire_store32(p, (uint32_t)v);
    wire_store32((uint8_t *)p + 4, (uint32_t)(v >> 32));
}

static inline uint8_t wire_u8(struct wire_reader *r)
{
    const uint8_t *p = wire_take(r, 1);
    return p ? *p : 0;
}

uint16_t wire_u16(struct wire_reader *r);
uint32_t wire_u32(struct wire_reader *r);
uint64_t wire_u64(struct wire_reader *r);
double wire_f64(struct wire_reader *r);
uint64_t wire_varint_long(struct wire_reader *r);

/* Most are one byte. */
static inline uint64_t wire_varint(struct wire_reader *r)
{
    if (!r->failed && r->at < r->end && *r->at < 0x80)
        return *r->at++;
    return wire_varint_long(r);
}

/* Into memory that has room, ten bytes at most; where it ends. */
static inline uint8_t *wire_store_varint(uint8_t *to, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *to++ = (uint8_t)(v | 0x80);
    *to++ = (uint8_t)v;
    return to;
}

/* Zigzag-coded signed varint. */
int64_t wire_zigzag(struct wire_reader *r);
/* varint length + bytes. */
struct slice wire_bytes(struct wire_reader *r);
/* A varint count that cannot exceed the bytes left / min_item_len: safe to size an array by. */
size_t wire_count(struct wire_reader *r, size_t min_item_len);

void wire_put_u16(struct buf *b, uint16_t v);
void wire_put_u32(struct buf *b, uint32_t v);
void wire_put_u64(struct buf *b, uint64_t v);
void wire_put_f64(struct buf *b, double v);
void wire_put_varint(struct buf *b, uint64_t v);
void wire_put_zigzag(struct buf *b, int64_t v);
void wire_put_bytes(struct buf *b, struct slice s);

/* Valid UTF-8 (no surrogates, no over-long forms, <= U+10FFFF)? Returns the length of the valid
 * start. */
size_t wire_utf8_valid(struct slice s);

/* Somebody's name for a fault: as much of it as is valid and fits. Returns `room`. */
enum { WIRE_NAME = 64 };
const char *wire_name(struct slice name, char room[WIRE_NAME]);

#endif
