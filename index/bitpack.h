/*
 * bitpack - up to 128 unsigned numbers of one bit width, least significant bits first.
 *
 * Unpacking is a kernel (kernels.h, `sums`).
 */
#ifndef SOUK_INDEX_BITPACK_H
#define SOUK_INDEX_BITPACK_H

#include <stddef.h>
#include <stdint.h>

/* Bits that the largest of the numbers needs, 0..32. */
uint32_t bitpack_width(const uint32_t *values, uint32_t count);
static inline size_t bitpack_len(uint32_t count, uint32_t width)
{
    return ((size_t)count * width + 7) / 8;
}
/* Writes bitpack_len() bytes. */
void bitpack_encode(const uint32_t *values, uint32_t count, uint32_t width, uint8_t *out);

#endif
