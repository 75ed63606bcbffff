#include "index/deltas.h"
#include "index/kernels_private.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

/* AVX2: eight numbers a step. What it cannot do better than the compiler stays portable. */

#define TARGET __attribute__((target("avx2,bmi,bmi2,popcnt")))

enum { LANES = 8 };

/* Sixteen bytes from `at` on, zero behind `len`. */
TARGET static inline __m128i load_upto(const uint8_t *in, size_t len, size_t at)
{
    if (at + 16 <= len)
        return _mm_loadu_si128((const __m128i *)(const void *)(in + at));
    uint8_t room[16] = {0};
    if (at < len)
        memcpy(room, in + at, len - at);
    return _mm_loadu_si128((const __m128i *)(const void *)room);
}

TARGET static inline __m256i running_sum(__m256i v)
{
    v = _mm256_add_epi32(v, _mm256_slli_si256(v, 4));
    v = _mm256_add_epi32(v, _mm256_slli_si256(v, 8));
    __m256i low = _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(3));
    return _mm256_add_epi32(v, _mm256_blend_epi32(_mm256_setzero_si256(), low, 0xf0));
}

/* Eight numbers of `width` bits fill `width` bytes; either half begins in the byte of its first bit
 * and reads its four numbers with a byte shuffle. */
TARGET static void sums(const uint8_t *in, size_t len, uint32_t count, uint32_t width,
                        uint32_t before, uint32_t *out)
{
    if (width > 25) {
        kernel_sums_portable(in, len, count, width, before, out);
        return;
    }
    uint32_t half = 4 * width, bits[LANES], bytes[LANES];
    for (uint32_t i = 0; i < 4; i++) {
        bits[i] = i * width;
        bits[i + 4] = (half & 7) + i * width;
    }
    for (uint32_t i = 0; i < LANES; i++)
        bytes[i] = (bits[i] >> 3) * 0x01010101u + 0x03020100u;
    const __m256i shuffle = _mm256_loadu_si256((const __m256i *)(const void *)bytes);
    const __m256i shift = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(const void *)bits),
                                           _mm256_set1_epi32(7));
    const __m256i mask = _mm256_set1_epi32((int)(((uint32_t)1 << width) - 1)),
                  one = _mm256_set1_epi32(1);
    __m256i carry = _mm256_set1_epi32((int)before);
    size_t used = ((size_t)count * width + 7) / 8;
    len = used < len ? used : len;
    for (uint32_t i = 0; i < count; i += LANES) {
        size_t at = (size_t)i * width / 8;
        __m256i v = _mm256_inserti128_si256(_mm256_castsi128_si256(load_upto(in, len, at)),
                                            load_upto(in, len, at + half / 8), 1);
        v = _mm256_srlv_epi32(_mm256_shuffle_epi8(v, shuffle), shift);
        v = _mm256_add_epi32(running_sum(_mm256_add_epi32(_mm256_and_si256(v, mask), one)), carry);
        _mm256_storeu_si256((__m256i *)(void *)(out + i), v);
        carry = _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(7));
    }
}

/* First bits of eight numbers of a width, by its code: in the bytes of their halves. */
#define STARTS(w)                                                                                  \
    {                                                                                              \
        0, (w), 2 * (w), 3 * (w), (4 * (w)) % 8, (4 * (w)) % 8 + (w), (4 * (w)) % 8 + 2 * (w),     \
            (4 * (w)) % 8 + 3 * (w)                                                                \
    }
static const uint32_t starts[DELTAS_WIDTHS][LANES] = {
    STARTS(0), STARTS(1), STARTS(2),  STARTS(3),  STARTS(4),  STARTS(5),  STARTS(6),  STARTS(7),
    STARTS(8), STARTS(9), STARTS(10), STARTS(11), STARTS(13), STARTS(15), STARTS(18), STARTS(23)};

/* As sums(), with the places looked up for each group, which is two steps. */
TARGET static void groups(const uint8_t *widths, const uint8_t *in, size_t len, uint32_t count,
                          uint32_t before, uint32_t *out)
{
    const __m256i spread = _mm256_broadcastsi128_si256(
                      _mm_setr_epi8(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12)),
                  ramp = _mm256_set1_epi32(0x03020100), seven = _mm256_set1_epi32(7),
                  one = _mm256_set1_epi32(1);
    __m256i carry = _mm256_set1_epi32((int)before);
    size_t at = 0;
    for (uint32_t i = 0; i < count; i += LANES) {
        uint32_t g = i / DELTAS_GROUP, code = widths[g / 2] >> g % 2 * 4 & 15,
                 width = deltas_width[code];
        __m256i bit = _mm256_loadu_si256((const __m256i *)(const void *)starts[code]),
                byte =
                    _mm256_add_epi32(_mm256_shuffle_epi8(_mm256_srli_epi32(bit, 3), spread), ramp),
                mask = _mm256_set1_epi32((int)(((uint32_t)1 << width) - 1)),
                v = _mm256_inserti128_si256(_mm256_castsi128_si256(load_upto(in, len, at)),
                                            load_upto(in, len, at + width / 2), 1);
        v = _mm256_srlv_epi32(_mm256_shuffle_epi8(v, byte), _mm256_and_si256(bit, seven));
        v = _mm256_add_epi32(running_sum(_mm256_add_epi32(_mm256_and_si256(v, mask), one)), carry);
        _mm256_storeu_si256((__m256i *)(void *)(out + i), v);
        carry = _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(7));
        at += width; /* eight numbers */
    }
}

TARGET static uint32_t common(const uint32_t *a, uint32_t n, const uint32_t *b, uint16_t *ia,
                              uint16_t *ib)
{
    uint32_t at = 0, k = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t x = a[i];
        while (b[at + LANES - 1] < x)
            at += LANES;
        __m256i eq = _mm256_cmpeq_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(b + at)),
                                        _mm256_set1_epi32((int)x));
        uint32_t hit = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(eq));
        ia[k] = (uint16_t)i;
        ib[k] = (uint16_t)(at + (uint32_t)__builtin_ctz(hit | 1u << LANES));
        k += hit != 0;
    }
    return k;
}

/* Bit i: v[i] >= bound, unsigned. */
TARGET static inline uint32_t not_below(const uint32_t *v, __m256i bound)
{
    __m256i s = _mm256_loadu_si256((const __m256i *)(const void *)v);
    __m256i yes = _mm256_cmpeq_epi32(_mm256_max_epu32(s, bound), s);
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(yes));
}

TARGET static uint32_t keep(uint32_t *docs, uint32_t *scores, uint32_t count, uint32_t least)
{
    const __m256i bound = _mm256_set1_epi32((int)least);
    uint32_t k = 0;
    uint32_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (uint32_t m = not_below(scores + i, bound); m; m &= m - 1) {
            uint32_t at = i + (uint32_t)__builtin_ctz(m);
            docs[k] = docs[at];
            scores[k++] = scores[at];
        }
    for (; i < count; i++)
        if (scores[i] >= least) {
            docs[k] = docs[i];
            scores[k++] = scores[i];
        }
    return k;
}

TARGET static uint32_t drain(struct kernel_window *w, uint32_t first, uint32_t least,
                             uint32_t *docs, uint32_t *scores)
{
    const __m256i bound = _mm256_set1_epi32((int)least), zero = _mm256_setzero_si256();
    uint32_t k = 0;
    for (uint32_t part = 0; part < KERNEL_WINDOW / KERNEL_GRANULE; part += 32) {
        __m256i *at = (__m256i *)(void *)(w->dirty + part);
        uint32_t set =
            ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_load_si256(at), zero));
        _mm256_store_si256(at, zero);
        for (; set; set &= set - 1) {
            uint32_t from = (part + (uint32_t)__builtin_ctz(set)) * KERNEL_GRANULE;
            for (uint32_t half = from; half < from + KERNEL_GRANULE; half += LANES) {
                for (uint32_t m = not_below(w->score + half, bound); m; m &= m - 1) {
                    uint32_t i = half + (uint32_t)__builtin_ctz(m);
                    docs[k] = first + i;
                    scores[k++] = w->score[i];
                }
                _mm256_store_si256((__m256i *)(void *)(w->score + half), zero);
            }
        }
    }
    return k;
}

TARGET static uint32_t first_below(const uint8_t *bytes, uint32_t count, uint32_t least)
{
    const __m256i bound = _mm256_set1_epi8((char)(least < 256 ? least : 255));
    uint32_t i = 0;
    if (least > 255)
        return 0;
    for (; i + 32 <= count; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + i));
        uint32_t high =
            (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_max_epu8(v, bound), v));
        if (high != UINT32_MAX)
            return i + (uint32_t)__builtin_ctz(~high);
    }
    return i + kernel_first_below_portable(bytes + i, count - i, least);
}

TARGET static uint64_t count_bits(const uint64_t *bits, uint32_t words)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < words; i++)
        n += (uint64_t)__builtin_popcountll(bits[i]);
    return n;
}

const struct kernels *kernels_avx2(void)
{
    static const struct kernels avx2 = {
        .name = "avx2",
        .sums = sums,
        .groups = groups,
        .table = kernel_table_portable,
        .common = common,
        .upto = kernel_upto_portable,
        .keep = keep,
        .keep_bits = kernel_keep_bits_portable,
        .drop_bits = kernel_drop_bits_portable,
        .drain = drain,
        .keep_range = kernel_keep_range_portable,
        .values = kernel_values_avx2,
        .among = kernel_among_portable,
        .pick = kernel_pick_portable,
        .first_below = first_below,
        .near_sets = kernel_near_sets_portable,
        .order = order_runs,
        .count_bits = count_bits,
    };
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") ? &avx2 : NULL;
}
#else
const struct kernels *kernels_avx2(void)
{
    return NULL;
}
#endif
