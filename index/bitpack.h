/*
 * bitpack - up to 128 unsigned numbers of one bit width, least significant bits first.
 *
 * Unpacking is a kernel (kernels.h, `sums`).
 */
#ifndef SOUK_INDEX_BITPACK_H
#define SOUK_INDEX_BITPACK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bits that the largest of the numbers needs, 0..32. */
uint32_t bitpack_width(const uint32_t *values, uint32_t count);
static inline size_t bitpack_len(uint32_t count, uint32_t width)
{
    return ((size_t)count * width + 7) / 8;
}
/* Number i of any count of them, width 1..32. The eight bytes from where it begins are read. */
static inline uint32_t bitpack_at(const uint8_t *in, uint32_t i, uint32_t width)
{
    uint64_t bit = (uint64_t)i * width, v;
    memcpy(&v, in + (bit >> 3), sizeof v); /* little-endian machines only, as LMDB here */
    return (uint32_t)(v >> (bit & 7)) & (uint32_t)(((uint64_t)1 << width) - 1);
}
/* Writes bitpack_len() bytes. */
void bitpack_encode(const uint32_t *values, uint32_t count, uint32_t width, uint8_t *out);

#endif
