#include "protocol/wire.h"

enum { VARINT_MAX = 10 };

uint16_t wire_u16(struct wire_reader *r)
{
    const uint8_t *p = wire_take(r, 2);
    return p ? wire_load16(p) : 0;
}

uint32_t wire_u32(struct wire_reader *r)
{
    const uint8_t *p = wire_take(r, 4);
    return p ? wire_load32(p) : 0;
}

uint64_t wire_u64(struct wire_reader *r)
{
    const uint8_t *p = wire_take(r, 8);
    return p ? wire_load64(p) : 0;
}

double wire_f64(struct wire_reader *r)
{
    uint64_t bits = wire_u64(r);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

uint64_t wire_varint_long(struct wire_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        const uint8_t *p = wire_take(r, 1);
        if (!p)
            return 0;
        if (shift == 63 && *p > 1)
            break;
        v |= (uint64_t)(*p & 0x7f) << shift;
        if (!(*p & 0x80))
            return v;
    }
    r->failed = true;
    return 0;
}

int64_t wire_zigzag(struct wire_reader *r)
{
    uint64_t v = wire_varint(r);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

struct slice wire_bytes(struct wire_reader *r)
{
    uint64_t len = wire_varint(r);
    if (r->failed || len > wire_left(r)) {
        r->failed = true;
        return SLICE_NULL;
    }
    return slice_make(wire_take(r, (size_t)len), (size_t)len);
}

size_t wire_count(struct wire_reader *r, size_t min_item_len)
{
    uint64_t n = wire_varint(r);
    if (r->failed || (min_item_len && n > wire_left(r) / min_item_len)) {
        r->failed = true;
        return 0;
    }
    return (size_t)n;
}

void wire_put_u16(struct buf *b, uint16_t v)
{
    uint8_t p[2];
    wire_store16(p, v);
    buf_put(b, p, sizeof p);
}

void wire_put_u32(struct buf *b, uint32_t v)
{
    uint8_t p[4];
    wire_store32(p, v);
    buf_put(b, p, sizeof p);
}

void wire_put_u64(struct buf *b, uint64_t v)
{
    uint8_t p[8];
    wire_store64(p, v);
    buf_put(b, p, sizeof p);
}

void wire_put_f64(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    wire_put_u64(b, bits);
}

void wire_put_varint(struct buf *b, uint64_t v)
{
    if (!buf_room(b, VARINT_MAX))
        return;
    while (v >= 0x80) {
        b->ptr[b->len++] = (char)(v | 0x80);
        v >>= 7;
    }
    b->ptr[b->len++] = (char)v;
}

void wire_put_zigzag(struct buf *b, int64_t v)
{
    wire_put_varint(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

void wire_put_bytes(struct buf *b, struct slice s)
{
    wire_put_varint(b, s.len);
    buf_put(b, s.ptr, s.len);
}

/* Length of the valid sequence at p (1..4), 0 when it is not valid. RFC 3629, table 3-7 of Unicode.
 */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    uint8_t b = p[0];
    size_t n = b < 0x80 ? 1 : b < 0xc2 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : b < 0xf5 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((b == 0xe0 && p[1] < 0xa0) || (b == 0xed && p[1] > 0x9f) || (b == 0xf0 && p[1] < 0x90) ||
        (b == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

size_t wire_utf8_valid(struct slice s)
{
    const uint8_t *p = (const uint8_t *)s.ptr;
    size_t i = 0;
    while (i < s.len) {
        while (i + 8 <= s.len) {
            uint64_t w;
            memcpy(&w, p + i, 8);
            if (w & 0x8080808080808080u)
                break;
            i += 8;
        }
        if (i >= s.len)
            break;
        size_t n = utf8_sequence(p + i, s.len - i);
        if (n == 0)
            return i;
        i += n;
    }
    return i;
}

const char *wire_name(struct slice name, char room[WIRE_NAME])
{
    name.len = name.len < WIRE_NAME ? name.len : WIRE_NAME - 1;
    name.len = wire_utf8_valid(name);
    if (name.len)
        memcpy(room, name.ptr, name.len);
    room[name.len] = '\0';
    return room;
}
