#include "index/deltas.h"
#include "index/kernels_private.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

/*
 * AVX-512 with byte permutes (Ice Lake, Zen 4 and later). Sixteen numbers a step. Loads near the
 * end of the bytes are masked, so nothing behind them is touched.
 */

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,bmi2,popcnt")))

enum { LANES = 16 };

TARGET static inline __m512i load_upto(const uint8_t *in, size_t left)
{
    return left >= 64 ? _mm512_loadu_si512(in)
                      : _mm512_maskz_loadu_epi8(((uint64_t)1 << left) - 1, in);
}

TARGET static inline __mmask16 lanes(uint32_t left)
{
    return left >= LANES ? 0xffff : (__mmask16)((1u << left) - 1);
}

TARGET static inline __m512i running_sum(__m512i v)
{
    const __m512i zero = _mm512_setzero_si512();
    v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 15));
    v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 14));
    v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 12));
    return _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 8));
}

/* Each lane gathers the four bytes that hold its number; a group of 16 begins at a whole byte. */
TARGET static void sums(const uint8_t *in, size_t len, uint32_t count, uint32_t width,
                        uint32_t before, uint32_t *out)
{
    if (width > 25) { /* may stand in five bytes */
        kernel_sums_portable(in, len, count, width, before, out);
        return;
    }
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i bit = _mm512_mullo_epi32(lane, _mm512_set1_epi32((int)width));
    const __m512i byte = _mm512_add_epi32(
        _mm512_mullo_epi32(_mm512_srli_epi32(bit, 3), _mm512_set1_epi32(0x01010101)),
        _mm512_set1_epi32(0x03020100));
    const __m512i shift = _mm512_and_si512(bit, _mm512_set1_epi32(7));
    const __m512i mask = _mm512_set1_epi32((int)(((uint32_t)1 << width) - 1));
    const __m512i last = _mm512_set1_epi32(15), one = _mm512_set1_epi32(1);
    __m512i carry = _mm512_set1_epi32((int)before);
    size_t used = ((size_t)count * width + 7) / 8;
    len = used < len ? used : len;
    for (uint32_t i = 0; i < count; i += LANES) {
        size_t at = (size_t)i * width / 8;
        __m512i v = _mm512_permutexvar_epi8(byte, load_upto(in + at, len > at ? len - at : 0));
        v = _mm512_and_si512(_mm512_srlv_epi32(v, shift), mask);
        v = _mm512_add_epi32(running_sum(_mm512_add_epi32(v, one)), carry);
        _mm512_storeu_si512(out + i, v);
        carry = _mm512_permutexvar_epi32(last, v);
    }
}

/* Where sixteen numbers of a width lie, by its code: the four bytes each one begins in, and the bit
 * of the first of these. */
#define BYTES(i, w)                                                                                \
    {                                                                                              \
        (i) * (w) / 8, (i) * (w) / 8 + 1, (i) * (w) / 8 + 2, (i) * (w) / 8 + 3                     \
    }
#define BIT(i, w) ((i) * (w) % 8)
#define LANES_OF(of, w)                                                                            \
    {                                                                                              \
        of(0, w), of(1, w), of(2, w), of(3, w), of(4, w), of(5, w), of(6, w), of(7, w), of(8, w),  \
            of(9, w), of(10, w), of(11, w), of(12, w), of(13, w), of(14, w), of(15, w)             \
    }
#define EACH_WIDTH(of)                                                                             \
    {                                                                                              \
        LANES_OF(of, 0), LANES_OF(of, 1), LANES_OF(of, 2), LANES_OF(of, 3), LANES_OF(of, 4),       \
            LANES_OF(of, 5), LANES_OF(of, 6), LANES_OF(of, 7), LANES_OF(of, 8), LANES_OF(of, 9),   \
            LANES_OF(of, 10), LANES_OF(of, 11), LANES_OF(of, 13), LANES_OF(of, 15),                \
            LANES_OF(of, 18), LANES_OF(of, 23)                                                     \
    }
static const uint8_t bytes_of[DELTAS_WIDTHS][LANES][4] = EACH_WIDTH(BYTES);
static const uint32_t bits_at[DELTAS_WIDTHS][LANES] = EACH_WIDTH(BIT);

/* As sums(), with the places looked up for each group; what is left of the bytes decides no jump.
 */
TARGET static void groups(const uint8_t *widths, const uint8_t *in, size_t len, uint32_t count,
                          uint32_t before, uint32_t *out)
{
    const __m512i last = _mm512_set1_epi32(15), one = _mm512_set1_epi32(1);
    __m512i carry = _mm512_set1_epi32((int)before);
    for (uint32_t i = 0; i < count; i += LANES) {
        uint32_t code = widths[i / LANES / 2] >> i / LANES % 2 * 4 & 15, width = deltas_width[code];
        __m512i mask = _mm512_set1_epi32((int)(((uint32_t)1 << width) - 1));
        uint64_t there = _bzhi_u64(UINT64_MAX, len < 64 ? (uint32_t)len : 64);
        __m512i v = _mm512_permutexvar_epi8(_mm512_loadu_si512(bytes_of[code]),
                                            _mm512_maskz_loadu_epi8(there, in));
        v = _mm512_and_si512(_mm512_srlv_epi32(v, _mm512_loadu_si512(bits_at[code])), mask);
        v = _mm512_add_epi32(running_sum(_mm512_add_epi32(v, one)), carry);
        _mm512_storeu_si512(out + i, v);
        carry = _mm512_permutexvar_epi32(last, v);
        size_t used = 2 * (size_t)width < len ? 2 * (size_t)width : len;
        in += used;
        len -= used;
    }
}

/* Each lane gathers the two bytes that hold its index; sixteen indexes fill whole bytes. */
TARGET static void table_lookup(const uint8_t *in, uint32_t count, uint32_t width,
                                const uint32_t table[KERNEL_TABLE], uint32_t *out)
{
    const __m512i low = _mm512_loadu_si512(table), high = _mm512_loadu_si512(table + LANES);
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i mask = _mm512_set1_epi32((int)((1u << width) - 1));
    const __m512i bit = _mm512_mullo_epi32(lane, _mm512_set1_epi32((int)width));
    const __m512i byte = _mm512_srli_epi32(bit, 3);
    const __m512i bytes = _mm512_add_epi32(_mm512_or_si512(byte, _mm512_slli_epi32(byte, 8)),
                                           _mm512_set1_epi32(0x0100));
    const __m512i shift = _mm512_and_si512(bit, _mm512_set1_epi32(7));
    size_t left = ((size_t)count * width + 7) / 8, group = (size_t)width * 2;
    for (uint32_t i = 0; i < count; i += LANES) {
        uint32_t n = left < group ? (uint32_t)left : (uint32_t)group;
        __m128i sixteen = _mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), in);
        __m512i v = _mm512_permutexvar_epi8(bytes, _mm512_castsi128_si512(sixteen));
        v = _mm512_and_si512(_mm512_srlv_epi32(v, shift), mask);
        _mm512_storeu_si512(out + i, _mm512_permutex2var_epi32(low, v, high));
        in += n;
        left -= n;
    }
}

/* Where the sixteen of `b` that may hold x begin is counted from the last numbers of each sixteen
 * before: nothing depends on the number before, no jump on where it is. */
TARGET static uint32_t common(const uint32_t *a, uint32_t n, const uint32_t *b, uint16_t *ia,
                              uint16_t *ib)
{
    __m512i lasts = _mm512_set1_epi32(-1);
    uint32_t at = 0, k = 0, parts = 0;
    while (n && parts < LANES && b[at + LANES - 1] < a[n - 1]) {
        lasts = _mm512_mask_set1_epi32(lasts, (__mmask16)(1u << parts++), (int)b[at + LANES - 1]);
        at += LANES;
    }
    if (parts == LANES) /* more than these can tell */
        return kernel_common_portable(a, n, b, ia, ib);
    for (uint32_t i = 0; i < n; i++) {
        __m512i x = _mm512_set1_epi32((int)a[i]);
        at =
            LANES * (uint32_t)__builtin_popcount(kernel_bits_of(_mm512_cmplt_epu32_mask(lasts, x)));
        uint32_t hit = kernel_bits_of(_mm512_cmpeq_epi32_mask(_mm512_loadu_si512(b + at), x));
        ia[k] = (uint16_t)i;
        ib[k] = (uint16_t)(at + (uint32_t)__builtin_ctz(hit | 1u << 16));
        k += hit != 0;
    }
    return k;
}

TARGET static inline __m512i load_lanes(const uint32_t *in, uint32_t left)
{
    return left >= LANES ? _mm512_loadu_si512(in) : _mm512_maskz_loadu_epi32(lanes(left), in);
}

#define PAIRS __attribute__((target("avx512f,avx512bw,avx512vl,avx512vp2intersect,bmi2,popcnt")))

/* Sixteen against sixteen, by the instruction for it; whichever ends first moves on. */
PAIRS static uint32_t common_pairs(const uint32_t *a, uint32_t n, const uint32_t *b, uint16_t *ia,
                                   uint16_t *ib)
{
    enum { FEW = 8 };
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    uint32_t i = 0, j = 0, k = 0;
    if (n < FEW)
        return common(a, n, b, ia, ib);
    while (i < n) {
        uint32_t left = n - i < LANES ? n - i : LANES;
        __mmask16 in = (__mmask16)((1u << left) - 1), ma, mb;
        _mm512_2intersect_epi32(_mm512_maskz_loadu_epi32(in, a + i), _mm512_loadu_si512(b + j), &ma,
                                &mb);
        if (left < LANES) { /* lanes behind the end are 0, which may stand in b */
            ma &= in;
            mb = _mm512_mask_cmple_epu32_mask(mb, _mm512_loadu_si512(b + j),
                                              _mm512_set1_epi32((int)a[n - 1]));
            if (a[i] != 0 && b[j] == 0)
                mb &= 0xfffe;
        }
        uint32_t hits = (uint32_t)__builtin_popcount(kernel_bits_of(ma));
        if (hits) {
            __m512i la = _mm512_maskz_compress_epi32(ma, lane),
                    lb = _mm512_maskz_compress_epi32(mb, lane);
            la = _mm512_add_epi32(la, _mm512_set1_epi32((int)i));
            lb = _mm512_add_epi32(lb, _mm512_set1_epi32((int)j));
            _mm256_storeu_si256((__m256i *)(void *)(ia + k), _mm512_cvtepi32_epi16(la));
            _mm256_storeu_si256((__m256i *)(void *)(ib + k), _mm512_cvtepi32_epi16(lb));
            k += hits;
        }
        uint32_t last_a = a[i + left - 1], last_b = b[j + LANES - 1];
        i += last_a <= last_b ? LANES : 0;
        j += last_b <= last_a ? LANES : 0;
    }
    return k;
}

/* Writes the chosen lanes and nothing behind them; returns how many. */
TARGET static inline uint32_t put(uint32_t *docs, uint32_t *scores, __mmask16 m, __m512i d,
                                  __m512i s)
{
    uint32_t n = (uint32_t)__builtin_popcount(kernel_bits_of(m));
    _mm512_mask_storeu_epi32(docs, lanes(n), _mm512_maskz_compress_epi32(m, d));
    _mm512_mask_storeu_epi32(scores, lanes(n), _mm512_maskz_compress_epi32(m, s));
    return n;
}

TARGET static uint32_t keep(uint32_t *docs, uint32_t *scores, uint32_t count, uint32_t least)
{
    const __m512i bound = _mm512_set1_epi32((int)least);
    uint32_t k = 0;
    for (uint32_t i = 0; i < count; i += LANES) {
        __m512i d = load_lanes(docs + i, count - i), s = load_lanes(scores + i, count - i);
        __mmask16 m = _mm512_mask_cmpge_epu32_mask(lanes(count - i), s, bound);
        k += put(docs + k, scores + k, m, d, s);
    }
    return k;
}

TARGET static uint32_t upto(const uint32_t *docs, uint32_t count, uint32_t last)
{
    const __m512i bound = _mm512_set1_epi32((int)last);
    for (uint32_t i = 0; i < count; i += LANES) {
        __mmask16 in = lanes(count - i);
        uint32_t above = kernel_bits_of(
            _mm512_mask_cmpgt_epu32_mask(in, load_lanes(docs + i, count - i), bound));
        if (above)
            return i + (uint32_t)__builtin_ctz(above);
    }
    return count;
}

/* `flip`: all ones keep where the bit is not set. */
TARGET static inline uint32_t sieve(uint32_t *docs, uint32_t *scores, uint32_t count,
                                    uint32_t first, const uint64_t *bits, int flip)
{
    const __m512i start = _mm512_set1_epi32((int)first), other = _mm512_set1_epi32(flip);
    uint32_t k = 0;
    for (uint32_t i = 0; i < count; i += LANES) {
        __mmask16 in = lanes(count - i);
        __m512i d = load_lanes(docs + i, count - i), s = load_lanes(scores + i, count - i);
        __m512i at = _mm512_sub_epi32(d, start);
        __m512i w = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), in,
                                                _mm512_srli_epi32(at, 5), bits, 4);
        __m512i bit =
            _mm512_sllv_epi32(_mm512_set1_epi32(1), _mm512_and_si512(at, _mm512_set1_epi32(31)));
        __mmask16 m = _mm512_mask_test_epi32_mask(in, _mm512_xor_si512(w, other), bit);
        k += put(docs + k, scores + k, m, d, s);
    }
    return k;
}

TARGET static uint32_t keep_bits(uint32_t *docs, uint32_t *scores, uint32_t count, uint32_t first,
                                 const uint64_t *bits)
{
    return sieve(docs, scores, count, first, bits, 0);
}

TARGET static uint32_t drop_bits(uint32_t *docs, uint32_t *scores, uint32_t count,
                                 const uint64_t *bits)
{
    return sieve(docs, scores, count, 0, bits, -1);
}

TARGET static uint32_t drain(struct kernel_window *w, uint32_t first, uint32_t least,
                             uint32_t *docs, uint32_t *scores)
{
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i bound = _mm512_set1_epi32((int)least), zero = _mm512_setzero_si512();
    uint32_t k = 0;
    for (uint32_t part = 0; part < KERNEL_WINDOW / KERNEL_GRANULE; part += 64) {
        __m512i flags = _mm512_load_si512(w->dirty + part);
        _mm512_store_si512(w->dirty + part, zero);
        for (uint64_t set = _mm512_test_epi8_mask(flags, flags); set; set &= set - 1) {
            uint32_t at = (part + (uint32_t)__builtin_ctzll(set)) * KERNEL_GRANULE;
            __m512i s = _mm512_load_si512(w->score + at);
            __m512i d = _mm512_add_epi32(lane, _mm512_set1_epi32((int)(first + at)));
            __mmask16 m = _mm512_cmpge_epu32_mask(s, bound);
            _mm512_store_si512(w->score + at, zero);
            _mm512_storeu_si512(docs + k, _mm512_maskz_compress_epi32(m, d));
            _mm512_storeu_si512(scores + k, _mm512_maskz_compress_epi32(m, s));
            k += (uint32_t)__builtin_popcount(kernel_bits_of(m));
        }
    }
    return k;
}

/* Where number `at` of `bits` begins is gathered as four bytes, which hold up to 25 bits of any
 * place; those of one or two bytes are read one by one, as nothing may lie behind them. */
TARGET static uint32_t keep_range(uint32_t *docs, uint32_t *scores, uint32_t count, uint32_t first,
                                  const uint8_t *values, uint32_t bits, uint32_t low, uint32_t high)
{
    const __m512i span = _mm512_set1_epi32((int)(high - low)), base = _mm512_set1_epi32((int)low);
    const __m512i start = _mm512_set1_epi32((int)first);
    uint32_t k = 0;
    for (uint32_t i = 0; i < count; i += LANES) {
        uint32_t left = count - i < LANES ? count - i : LANES;
        __mmask16 in = lanes(left);
        __m512i d = load_lanes(docs + i, left), s = load_lanes(scores + i, left), v;
        if (bits == 32) {
            v = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), in, _mm512_sub_epi32(d, start),
                                            values, 4);
        } else if (bits <= 25 && bits != 8 && bits != 16) {
            __m512i bit = _mm512_mullo_epi32(_mm512_maskz_sub_epi32(in, d, start),
                                             _mm512_set1_epi32((int)bits));
            v = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), in, _mm512_srli_epi32(bit, 3),
                                            values, 1);
            v = _mm512_srlv_epi32(v, _mm512_and_si512(bit, _mm512_set1_epi32(7)));
            v = _mm512_and_si512(v, _mm512_set1_epi32((1 << bits) - 1));
        } else {
            uint32_t room[LANES] = {0};
            for (uint32_t j = 0; j < left; j++)
                room[j] = kernel_value(values, docs[i + j] - first, bits);
            v = _mm512_loadu_si512(room);
        }
        __mmask16 m = _mm512_mask_cmple_epu32_mask(in, _mm512_sub_epi32(v, base), span);
        k += put(docs + k, scores + k, m, d, s);
    }
    return k;
}

TARGET static uint32_t first_below(const uint8_t *bytes, uint32_t count, uint32_t least)
{
    const __m512i bound = _mm512_set1_epi8((char)least);
    if (least > 255)
        return 0;
    for (uint32_t i = 0; i < count; i += 64) {
        uint32_t left = count - i;
        uint64_t in = left >= 64 ? UINT64_MAX : ((uint64_t)1 << left) - 1;
        uint64_t low = _mm512_mask_cmplt_epu8_mask(in, load_upto(bytes + i, left), bound);
        if (low)
            return i + (uint32_t)__builtin_ctzll(low);
    }
    return count;
}

TARGET static uint64_t count_bits(const uint64_t *bits, uint32_t words)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < words; i++)
        n += (uint64_t)__builtin_popcountll(bits[i]);
    return n;
}

/* Lanes with at most `most` bits set. */
TARGET static inline __mmask16 few_bits(__m512i v, uint32_t most)
{
    const __m512i ones = _mm512_set1_epi32(-1);
    for (uint32_t i = 0; i < most; i++) /* the lowest is cleared */
        v = _mm512_and_si512(v, _mm512_add_epi32(v, ones));
    return _mm512_testn_epi32_mask(v, v);
}

TARGET static uint32_t near_sets(const uint32_t *sets, uint32_t count, uint32_t set, uint32_t most,
                                 uint32_t *out)
{
    const uint32_t letters = (UINT32_C(1) << KERNEL_SET_BITS) - 1;
    const __m512i word = _mm512_set1_epi32((int)(set & letters)),
                  others = _mm512_set1_epi32((int)(~set & letters)),
                  len = _mm512_set1_epi32((int)(set >> KERNEL_SET_BITS)),
                  reach = _mm512_set1_epi32((int)most);
    __m512i places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    uint32_t k = 0;
    for (uint32_t i = 0; i < count; i += LANES) {
        __m512i v = load_lanes(sets + i, count - i);
        __m512i longer =
            _mm512_abs_epi32(_mm512_sub_epi32(_mm512_srli_epi32(v, KERNEL_SET_BITS), len));
        __mmask16 m = _mm512_mask_cmple_epu32_mask(lanes(count - i), longer, reach);
        m &= few_bits(_mm512_and_si512(v, others), most);
        m &= few_bits(_mm512_andnot_si512(v, word), most);
        _mm512_storeu_si512(out + k, _mm512_maskz_compress_epi32(m, places));
        k += (uint32_t)_mm_popcnt_u32(m);
        places = _mm512_add_epi32(places, _mm512_set1_epi32(LANES));
    }
    return k;
}

/* Each number's place is how many come before it: eight are held against one a step. */
TARGET static void order(uint64_t *numbers, uint64_t *room, uint32_t count)
{
    enum { WIDE = 8 };
    const __m512i one = _mm512_set1_epi64(1);
    for (uint32_t i = 0; i < count; i += WIDE) {
        __mmask8 in = count - i < WIDE ? (__mmask8)((1u << (count - i)) - 1) : 0xff;
        __m512i v = _mm512_maskz_loadu_epi64(in, numbers + i), place = _mm512_setzero_si512();
        for (uint32_t k = 0; k < count; k++) {
            __m512i other = _mm512_set1_epi64((long long)numbers[k]);
            __mmask8 before = _mm512_cmplt_epu64_mask(other, v);
            /* of equal ones the first comes first */
            uint32_t behind = k < i ? 0xff : k < i + WIDE ? 0xfeU << (k - i) & 0xff : 0;
            before |= _mm512_mask_cmpeq_epu64_mask((__mmask8)behind, other, v);
            place = _mm512_mask_add_epi64(place, before, place, one);
        }
        _mm512_mask_i64scatter_epi64(room, in, place, v, 8);
    }
    memcpy(numbers, room, count * sizeof *numbers);
}

static const struct kernels avx512 = {
    .name = "avx512",
    .sums = sums,
    .groups = groups,
    .table = table_lookup,
    .common = common,
    .upto = upto,
    .keep = keep,
    .keep_bits = keep_bits,
    .drop_bits = drop_bits,
    .drain = drain,
    .keep_range = keep_range,
    .values = kernel_values_avx512,
    .among = kernel_among_avx512,
    .pick = kernel_pick_avx512,
    .first_below = first_below,
    .near_sets = near_sets,
    .order = order,
    .count_bits = count_bits,
};

static const struct kernels avx512_pairs = {
    .name = "avx512 pairs",
    .sums = sums,
    .groups = groups,
    .table = table_lookup,
    .common = common_pairs,
    .upto = upto,
    .keep = keep,
    .keep_bits = keep_bits,
    .drop_bits = drop_bits,
    .drain = drain,
    .keep_range = keep_range,
    .values = kernel_values_avx512,
    .among = kernel_among_avx512,
    .pick = kernel_pick_avx512,
    .first_below = first_below,
    .near_sets = near_sets,
    .order = order,
    .count_bits = count_bits,
};

const struct kernels *kernels_avx512_pairs(void)
{
    return kernels_avx512() && __builtin_cpu_supports("avx512vp2intersect") ? &avx512_pairs : NULL;
}

const struct kernels *kernels_avx512(void)
{
    return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2") &&
                   __builtin_cpu_supports("bmi2")
               ? &avx512
               : NULL;
}
#else
const struct kernels *kernels_avx512_pairs(void)
{
    return NULL;
}
const struct kernels *kernels_avx512(void)
{
    return NULL;
}
#endif
