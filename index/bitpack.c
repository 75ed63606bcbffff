#include "index/bitpack.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

uint32_t bitpack_width(const uint32_t *values, uint32_t count)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < count; i++)
        all |= values[i];
    return all ? 32 - (uint32_t)__builtin_clz(all) : 0;
}

void bitpack_encode(const uint32_t *values, uint32_t count, uint32_t width, uint8_t *out)
{
    uint64_t bits = 0;
    uint32_t have = 0;
    for (uint32_t i = 0; i < count; i++) {
        bits |= (uint64_t)values[i] << have;
        have += width;
        while (have >= 8) {
            *out++ = (uint8_t)bits;
            bits >>= 8;
            have -= 8;
        }
    }
    if (have)
        *out = (uint8_t)bits;
}

static inline uint32_t bits_at(const uint8_t *in, size_t bit, uint32_t mask)
{
    uint64_t w;
    memcpy(&w, in + (bit >> 3), sizeof w);
    return (uint32_t)(w >> (bit & 7)) & mask;
}

void bitpack_decode_sums_portable(const uint8_t *in, uint32_t count, uint32_t width,
                                  uint32_t before, uint32_t *out)
{
    uint32_t mask = width == 32 ? UINT32_MAX : ((uint32_t)1 << width) - 1, sum = before;
    if (width == 0) {
        for (uint32_t i = 0; i < count; i++)
            out[i] = before + i + 1;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        sum += bits_at(in, (size_t)i * width, mask) + 1;
        out[i] = sum;
    }
}

#if defined(__x86_64__)
/* Widths up to 25: eight numbers a step, each gathered as the 32 bits from its first byte on. */
__attribute__((target("avx2"))) static void
decode_sums_avx2(const uint8_t *in, uint32_t count, uint32_t width, uint32_t before, uint32_t *out)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i bit = _mm256_mullo_epi32(lane, _mm256_set1_epi32((int)width));
    const __m256i byte = _mm256_srli_epi32(bit, 3),
                  shift = _mm256_and_si256(bit, _mm256_set1_epi32(7));
    const __m256i mask = _mm256_set1_epi32((int)(((uint32_t)1 << width) - 1)),
                  one = _mm256_set1_epi32(1);
    __m256i carry = _mm256_set1_epi32((int)before);
    for (uint32_t i = 0; i < count; i += 8) {
        __m256i v = _mm256_i32gather_epi32((const int *)(const void *)(in + (size_t)i * width / 8),
                                           byte, 1);
        v = _mm256_add_epi32(_mm256_and_si256(_mm256_srlv_epi32(v, shift), mask), one);
        v = _mm256_add_epi32(v, _mm256_slli_si256(v, 4));
        v = _mm256_add_epi32(v, _mm256_slli_si256(v, 8));
        __m256i low = _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(3));
        v = _mm256_add_epi32(v, _mm256_blend_epi32(_mm256_setzero_si256(), low, 0xf0));
        v = _mm256_add_epi32(v, carry);
        _mm256_storeu_si256((__m256i *)(void *)(out + i), v);
        carry = _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(7));
    }
}

bool bitpack_has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}
#else
bool bitpack_has_avx2(void)
{
    return false;
}
#endif

void bitpack_decode_sums(const uint8_t *in, uint32_t count, uint32_t width, uint32_t before,
                         uint32_t *out)
{
#if defined(__x86_64__)
    /* The gather reads whole groups of eight, so only full blocks take it: the last group stays
     * inside. */
    if (width && width <= 25 && count == 128 && __builtin_cpu_supports("avx2")) {
        decode_sums_avx2(in, count, width, before, out);
        return;
    }
#endif
    bitpack_decode_sums_portable(in, count, width, before, out);
}
