/*
 * bitpack - up to 128 unsigned numbers of one bit width, least significant bits first.
 *
 * Unpacking adds up deltas: out[i] = out[i - 1] + delta[i] + 1, from `before`. The kernel is chosen
 * at run time (AVX2 or portable); both give the same numbers, which tests prove. Readers may touch
 * up to 7 bytes behind the packed bytes; the checksum behind every extent is that room.
 */
#ifndef SOUK_INDEX_BITPACK_H
#define SOUK_INDEX_BITPACK_H

#include <stdbool.h>
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
/* Prefix sums of the deltas as described above; `out` has room for 136 numbers. */
void bitpack_decode_sums(const uint8_t *in, uint32_t count, uint32_t width, uint32_t before,
                         uint32_t *out);
void bitpack_decode_sums_portable(const uint8_t *in, uint32_t count, uint32_t width,
                                  uint32_t before, uint32_t *out);
/* True when this machine runs the AVX2 kernel. */
bool bitpack_has_avx2(void);

#endif
