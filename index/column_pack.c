#include "index/column_pack.h"

#include "index/column_private.h"

uint8_t column_width(uint64_t most)
{
    return most == 0 ? 0 : most < 0x100 ? 1 : most < 0x10000 ? 2 : most <= UINT32_MAX ? 4 : 8;
}

/* What LMDB takes for a row: a long one has pages of its own, with a head of 16 bytes. */
static size_t taken(size_t row)
{
    enum { PAGE = 4096, LONG = PAGE / 2 };
    return row < LONG ? row : (row + 16 + PAGE - 1) / PAGE * PAGE;
}

struct column_layout column_layout_of(uint8_t width, uint64_t most, uint32_t count, size_t before)
{
    uint32_t number = (uint32_t)most, bits = bitpack_width(&number, 1);
    bits += bits % 8 == 0; /* so that the number of bits tells how the values lie */
    size_t in_bits = before + ((size_t)count * bits + 7) / 8 + COLUMN_BEHIND;
    if (most && most <= UINT32_MAX && bits < 32 &&
        taken(in_bits) < taken(before + (size_t)count * width))
        return (struct column_layout){(uint8_t)(COLUMN_PACKED + bits), bits};
    return (struct column_layout){width, 8u * width};
}

void column_pack(struct column_packer *p, uint64_t v)
{
    uint8_t bytes[8];
    if (p->layout.width <= COLUMN_PACKED) {
        wire_store64(bytes, v);
        buf_put(p->out, bytes, p->layout.width);
        return;
    }
    p->waiting |= v << p->have;
    p->have += p->layout.bits;
    if (p->have >= 32) {
        wire_put_u32(p->out, (uint32_t)p->waiting);
        p->waiting >>= 32;
        p->have -= 32;
    }
}

void column_pack_end(struct column_packer *p)
{
    static const uint8_t behind[COLUMN_BEHIND];
    uint8_t bytes[8];
    if (p->layout.width <= COLUMN_PACKED)
        return;
    wire_store64(bytes, p->waiting);
    buf_put(p->out, bytes, (p->have + 7) / 8);
    buf_put(p->out, behind, sizeof behind);
}
