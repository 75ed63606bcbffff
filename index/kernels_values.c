#include "index/kernels_private.h"

/*
 * Values of documents, what sets they are in, and the documents chosen by that: portable, and for
 * vectors that gather. A value of up to 25 bits lies in the four bytes in which it begins; behind
 * values of 8, 16 and 32 bits nothing may be read: of the first two, the four bytes are read in
 * which it ends.
 */

enum { GATHERED_BITS = 25 };

/* --- portable --------------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) uint32_t values_of(const uint32_t *docs,
                                                                uint32_t count, uint32_t first,
                                                                const uint8_t *values, uint32_t add,
                                                                uint32_t *out, uint32_t bits)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t v = kernel_value(values, docs[i] - first, bits);
        out[i] = v ? v + add : 0;
        most = out[i] > most ? out[i] : most;
    }
    return most;
}

uint32_t kernel_values_portable(const uint32_t *docs, uint32_t count, uint32_t first,
                                const uint8_t *values, uint32_t bits, uint32_t add, uint32_t *out)
{
    switch (bits) {
    case 8:
        return values_of(docs, count, first, values, add, out, 8);
    case 16:
        return values_of(docs, count, first, values, add, out, 16);
    case 32:
        return values_of(docs, count, first, values, add, out, 32);
    default:
        return values_of(docs, count, first, values, add, out, bits);
    }
}

void kernel_among_portable(const uint32_t *values, uint32_t count, const uint64_t *set,
                           uint32_t most, uint64_t *out)
{
    for (uint32_t i = 0; i < count; i += 64) {
        uint64_t word = 0;
        for (uint32_t k = i; k < count && k < i + 64; k++) {
            uint64_t from = values[k] <= most ? set[values[k] >> 6] : 0;
            word |= (from >> (values[k] & 63) & 1) << (k & 63);
        }
        out[i / 64] = word;
    }
}

uint32_t kernel_pick_portable(const uint32_t *docs, const uint32_t *scores, uint32_t count,
                              const uint64_t *bits, uint32_t *docs_out, uint32_t *scores_out)
{
    uint32_t n = 0;
    for (uint32_t w = 0; w * 64 < count; w++)
        for (uint64_t b = bits[w]; b; b &= b - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(b);
            docs_out[n] = docs[i];
            if (scores)
                scores_out[n] = scores[i];
            n++;
        }
    return n;
}

#if defined(__x86_64__)
#include <immintrin.h>

/* --- AVX2 ------------------------------------------------------------------------------------- */

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))

enum { EIGHT = 8, SIXTEEN = 16 };

static inline bool gathered(uint32_t bits)
{
    return bits == 32 || (bits <= GATHERED_BITS && bits != 8 && bits != 16);
}

static inline uint32_t low_bits(uint32_t bits)
{
    return bits == 32 ? UINT32_MAX : (UINT32_C(1) << bits) - 1;
}

AVX2 uint32_t kernel_values_avx2(const uint32_t *docs, uint32_t count, uint32_t first,
                                 const uint8_t *values, uint32_t bits, uint32_t add, uint32_t *out)
{
    const int *at = (const int *)(const void *)values;
    const __m256i start = _mm256_set1_epi32((int)first), base = _mm256_set1_epi32((int)add),
                  seven = _mm256_set1_epi32(7), zero = _mm256_setzero_si256(),
                  width = _mm256_set1_epi32((int)bits),
                  mask = _mm256_set1_epi32((int)low_bits(bits));
    __m256i most = zero;
    uint32_t i = 0;
    for (; gathered(bits) && i + EIGHT <= count; i += EIGHT) {
        __m256i d =
            _mm256_sub_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(docs + i)), start);
        __m256i bit = _mm256_mullo_epi32(d, width), v;
        if (bits == 32) {
            v = _mm256_i32gather_epi32(at, d, 4);
        } else {
            v = _mm256_i32gather_epi32(at, _mm256_srli_epi32(bit, 3), 1);
            v = _mm256_and_si256(_mm256_srlv_epi32(v, _mm256_and_si256(bit, seven)), mask);
        }
        __m256i none = _mm256_cmpeq_epi32(v, zero);
        v = _mm256_andnot_si256(none, _mm256_add_epi32(v, base));
        most = _mm256_max_epu32(most, v);
        _mm256_storeu_si256((__m256i *)(void *)(out + i), v);
    }
    uint32_t rest = kernel_values_portable(docs + i, count - i, first, values, bits, add, out + i),
             room[EIGHT];
    _mm256_storeu_si256((__m256i *)(void *)room, most);
    for (uint32_t k = 0; k < EIGHT; k++)
        rest = room[k] > rest ? room[k] : rest;
    return rest;
}

/* --- AVX-512 ---------------------------------------------------------------------------------- */

#define AVX512                                                                                     \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi2,popcnt")))

AVX512 static inline __mmask16 lanes(uint32_t left)
{
    return left >= SIXTEEN ? 0xffff : (__mmask16)((1u << left) - 1);
}

/* Values of one or two bytes, as the end of four; of the first of all, which have no three or two
 * bytes before them, nothing is gathered. */
AVX512 static uint32_t whole_bytes(const uint32_t *docs, uint32_t count, uint32_t first,
                                   const uint8_t *values, uint32_t bits, uint32_t add,
                                   uint32_t *out)
{
    const uint32_t size = bits / 8, least = bits == 8 ? 3 : 1;
    const __m512i start = _mm512_set1_epi32((int)first), base = _mm512_set1_epi32((int)add),
                  zero = _mm512_setzero_si512(), back = _mm512_set1_epi32((int)(4 - size));
    __m512i most = zero;
    uint32_t i = 0, before;
    while (i < count && docs[i] - first < least)
        i++;
    before = kernel_values_portable(docs, i, first, values, bits, add, out);
    for (; i < count; i += SIXTEEN) {
        __mmask16 in = lanes(count - i);
        __m512i d = _mm512_sub_epi32(_mm512_maskz_loadu_epi32(in, docs + i), start);
        d = _mm512_sub_epi32(_mm512_sll_epi32(d, _mm_cvtsi32_si128((int)size - 1)), back);
        __m512i v = _mm512_mask_i32gather_epi32(zero, in, d, values, 1);
        v = _mm512_srl_epi32(v, _mm_cvtsi32_si128((int)(32 - bits)));
        v = _mm512_maskz_add_epi32(_mm512_test_epi32_mask(v, v), v, base);
        most = _mm512_max_epu32(most, v);
        _mm512_mask_storeu_epi32(out + i, in, v);
    }
    uint32_t m = _mm512_reduce_max_epu32(most);
    return m > before ? m : before;
}

AVX512 uint32_t kernel_values_avx512(const uint32_t *docs, uint32_t count, uint32_t first,
                                     const uint8_t *values, uint32_t bits, uint32_t add,
                                     uint32_t *out)
{
    if (bits == 8 || bits == 16)
        return whole_bytes(docs, count, first, values, bits, add, out);
    if (!gathered(bits))
        return kernel_values_portable(docs, count, first, values, bits, add, out);
    const __m512i start = _mm512_set1_epi32((int)first), base = _mm512_set1_epi32((int)add),
                  seven = _mm512_set1_epi32(7), zero = _mm512_setzero_si512(),
                  width = _mm512_set1_epi32((int)bits),
                  mask = _mm512_set1_epi32((int)low_bits(bits));
    __m512i most = zero;
    for (uint32_t i = 0; i < count; i += SIXTEEN) {
        __mmask16 in = lanes(count - i);
        __m512i d = _mm512_sub_epi32(_mm512_maskz_loadu_epi32(in, docs + i), start), v;
        if (bits == 32) {
            v = _mm512_mask_i32gather_epi32(zero, in, d, values, 4);
        } else {
            __m512i bit = _mm512_mullo_epi32(d, width);
            v = _mm512_mask_i32gather_epi32(zero, in, _mm512_srli_epi32(bit, 3), values, 1);
            v = _mm512_and_si512(_mm512_srlv_epi32(v, _mm512_and_si512(bit, seven)), mask);
        }
        v = _mm512_maskz_add_epi32(_mm512_test_epi32_mask(v, v), v, base);
        most = _mm512_max_epu32(most, v);
        _mm512_mask_storeu_epi32(out + i, in, v);
    }
    return _mm512_reduce_max_epu32(most);
}

/* A set of up to 512 values lies in one register, and a look into it needs no memory. */
AVX512 void kernel_among_avx512(const uint32_t *values, uint32_t count, const uint64_t *set,
                                uint32_t most, uint64_t *out)
{
    const __m512i last = _mm512_set1_epi32((int)most), low = _mm512_set1_epi32(31),
                  one = _mm512_set1_epi32(1), zero = _mm512_setzero_si512();
    uint32_t words = (most / 64 + 1) * 2; /* of 32 bits */
    bool few = words <= SIXTEEN;
    const __m512i whole = few ? _mm512_maskz_loadu_epi32(lanes(words), set) : zero;
    for (uint32_t i = 0; i < count; i += 64) {
        uint64_t word = 0;
        for (uint32_t k = i; k < count && k < i + 64; k += SIXTEEN) {
            __mmask16 in = lanes(count - k);
            __m512i v = _mm512_maskz_loadu_epi32(in, values + k), w = _mm512_srli_epi32(v, 5);
            in = _mm512_mask_cmple_epu32_mask(in, v, last);
            w = few ? _mm512_permutexvar_epi32(w, whole)
                    : _mm512_mask_i32gather_epi32(zero, in, w, set, 4);
            __m512i bit = _mm512_sllv_epi32(one, _mm512_and_si512(v, low));
            uint64_t yes = kernel_bits_of(_mm512_mask_test_epi32_mask(in, w, bit));
            word |= yes << (k & 63);
        }
        out[i / 64] = word;
    }
}

/* Sixteen of `from` and `to`: the places `at` of the first are written to the second. */
AVX512 static inline void put_places(const uint32_t *from, __m512i at, __mmask16 in, uint32_t *to)
{
    __m512i v = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), in, at, from, 4);
    _mm512_mask_storeu_epi32(to, in, v);
}

/* Of 64 up to sixteen: their places in a row. */
AVX512 static inline void pick_few(const uint32_t *docs, const uint32_t *scores, uint64_t bits,
                                   uint32_t n, uint32_t *docs_out, uint32_t *scores_out)
{
    static const uint8_t places[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    __m512i at = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(places));
    at = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(at));
    put_places(docs, at, lanes(n), docs_out);
    if (scores)
        put_places(scores, at, lanes(n), scores_out);
}

/* Of sixteen those whose bit is set. */
AVX512 static inline void pick_lanes(const uint32_t *docs, const uint32_t *scores, __mmask16 in,
                                     uint32_t chosen, uint32_t n, uint32_t *docs_out,
                                     uint32_t *scores_out)
{
    __m512i d = _mm512_maskz_loadu_epi32(in, docs);
    if (scores) {
        __m512i s =
            _mm512_maskz_compress_epi32((__mmask16)chosen, _mm512_maskz_loadu_epi32(in, scores));
        _mm512_mask_storeu_epi32(scores_out, lanes(n), s);
    }
    _mm512_mask_storeu_epi32(docs_out, lanes(n), _mm512_maskz_compress_epi32((__mmask16)chosen, d));
}

AVX512 uint32_t kernel_pick_avx512(const uint32_t *docs, const uint32_t *scores, uint32_t count,
                                   const uint64_t *bits, uint32_t *docs_out, uint32_t *scores_out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i += 64) {
        uint64_t word = bits[i / 64];
        const uint32_t *from = scores ? scores + i : NULL;
        uint32_t k = (uint32_t)__builtin_popcountll(word);
        if (k <= SIXTEEN) {
            if (k)
                pick_few(docs + i, from, word, k, docs_out + n, scores_out + (from ? n : 0));
            n += k;
            continue;
        }
        for (uint32_t j = 0; j < 64; j += SIXTEEN, word >>= SIXTEEN) {
            uint32_t chosen = (uint32_t)word & 0xffff;
            if (!chosen)
                continue;
            k = (uint32_t)__builtin_popcount(chosen);
            pick_lanes(docs + i + j, from ? from + j : NULL, lanes(count - i - j), chosen, k,
                       docs_out + n, scores_out + (from ? n : 0));
            n += k;
        }
    }
    return n;
}
#endif
