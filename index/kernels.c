#include "index/kernels.h"

#include "index/deltas.h"
#include "index/kernels_private.h"

#include <string.h>

#include "index/bitpack.h"
#include "protocol/wire.h"

/* --- portable --------------------------------------------------------------------------------- */

static uint32_t bits_at(const uint8_t *in, size_t len, size_t bit, uint32_t mask)
{
    uint64_t w = 0;
    size_t at = bit >> 3, have = len - at;
    if (have >= sizeof w)
        memcpy(&w, in + at, sizeof w);
    else
        for (size_t i = 0; i < have; i++)
            w |= (uint64_t)in[at + i] << (8 * i);
    return (uint32_t)(w >> (bit & 7)) & mask;
}

void kernel_sums_portable(const uint8_t *in, size_t len, uint32_t count, uint32_t width,
                          uint32_t before, uint32_t *out)
{
    uint32_t mask = width == 32 ? UINT32_MAX : ((uint32_t)1 << width) - 1, sum = before;
    if (width == 0) {
        for (uint32_t i = 0; i < count; i++)
            out[i] = before + i + 1;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        sum += bits_at(in, len, (size_t)i * width, mask) + 1;
        out[i] = sum;
    }
}

void kernel_groups_portable(const uint8_t *widths, const uint8_t *in, size_t len, uint32_t count,
                            uint32_t before, uint32_t *out)
{
    for (uint32_t i = 0; i < count; i += DELTAS_GROUP) {
        uint32_t width = deltas_width_of(widths, i / DELTAS_GROUP),
                 n = count - i < DELTAS_GROUP ? count - i : DELTAS_GROUP;
        size_t used = bitpack_len(n, width);
        kernel_sums_portable(in, used < len ? used : len, n, width, before, out + i);
        before = out[i + n - 1];
        in += used;
        len -= used < len ? used : len;
    }
}

void kernel_table_portable(const uint8_t *in, uint32_t count, uint32_t width,
                           const uint32_t table[KERNEL_TABLE], uint32_t *out)
{
    uint32_t mask = (1u << width) - 1;
    if (width == 0) {
        for (uint32_t i = 0; i < count; i++)
            out[i] = table[0];
        return;
    }
    size_t len = bitpack_len(count, width);
    for (uint32_t i = 0; i < count; i += 8) { /* eight fill whole bytes */
        uint64_t v = 0;
        size_t at = (size_t)(i / 8) * width, n = len - at < width ? len - at : width;
        for (size_t k = 0; k < n; k++)
            v |= (uint64_t)in[at + k] << 8 * k;
        for (uint32_t k = i; k < i + 8 && k < count; k++, v >>= width)
            out[k] = table[v & mask];
    }
}

uint32_t kernel_common_portable(const uint32_t *a, uint32_t n, const uint32_t *b, uint16_t *ia,
                                uint16_t *ib)
{
    uint32_t at = 0, k = 0;
    for (uint32_t i = 0; i < n; i++) {
        while (b[at] < a[i])
            at++;
        ia[k] = (uint16_t)i;
        ib[k] = (uint16_t)at;
        k += b[at] == a[i];
    }
    return k;
}

uint32_t kernel_upto_portable(const uint32_t *docs, uint32_t count, uint32_t last)
{
    uint32_t i = 0;
    while (i < count && docs[i] <= last)
        i++;
    return i;
}

static uint32_t keep_portable(uint32_t *docs, uint32_t *scores, uint32_t count, uint32_t least)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t doc = docs[i], score = scores[i];
        docs[k] = doc;
        scores[k] = score;
        k += score >= least;
    }
    return k;
}

uint32_t kernel_keep_bits_portable(uint32_t *docs, uint32_t *scores, uint32_t count, uint32_t first,
                                   const uint64_t *bits)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t doc = docs[i], score = scores[i];
        docs[k] = doc;
        scores[k] = score;
        k += bits[(doc - first) >> 6] >> ((doc - first) & 63) & 1;
    }
    return k;
}

uint32_t kernel_drop_bits_portable(uint32_t *docs, uint32_t *scores, uint32_t count,
                                   const uint64_t *bits)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t doc = docs[i], score = scores[i];
        docs[k] = doc;
        scores[k] = score;
        k += ~bits[doc >> 6] >> (doc & 63) & 1;
    }
    return k;
}

static uint32_t drain_portable(struct kernel_window *w, uint32_t first, uint32_t least,
                               uint32_t *docs, uint32_t *scores)
{
    uint32_t k = 0;
    for (uint32_t g = 0; g < KERNEL_WINDOW / KERNEL_GRANULE; g++) {
        if (!w->dirty[g])
            continue;
        w->dirty[g] = 0;
        uint32_t *s = &w->score[(size_t)g * KERNEL_GRANULE];
        for (uint32_t i = 0; i < KERNEL_GRANULE; i++) {
            docs[k] = first + g * KERNEL_GRANULE + i;
            scores[k] = s[i];
            k += s[i] >= least;
            s[i] = 0;
        }
    }
    return k;
}

static inline __attribute__((always_inline)) uint32_t
keep_in_range(uint32_t *docs, uint32_t *scores, uint32_t count, uint32_t first,
              const uint8_t *values, uint32_t low, uint32_t high, uint32_t bits)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t doc = docs[i], score = scores[i], v = kernel_value(values, doc - first, bits);
        docs[k] = doc;
        scores[k] = score;
        k += v - low <= high - low;
    }
    return k;
}

uint32_t kernel_keep_range_portable(uint32_t *docs, uint32_t *scores, uint32_t count,
                                    uint32_t first, const uint8_t *values, uint32_t bits,
                                    uint32_t low, uint32_t high)
{
    switch (bits) {
    case 8:
        return keep_in_range(docs, scores, count, first, values, low, high, 8);
    case 16:
        return keep_in_range(docs, scores, count, first, values, low, high, 16);
    case 32:
        return keep_in_range(docs, scores, count, first, values, low, high, 32);
    default:
        return keep_in_range(docs, scores, count, first, values, low, high, bits);
    }
}

uint32_t kernel_first_below_portable(const uint8_t *bytes, uint32_t count, uint32_t least)
{
    uint32_t i = 0;
    while (i < count && bytes[i] >= least)
        i++;
    return i;
}

/* The bits of `v` beyond the lowest one or two. */
static inline uint32_t bits_beyond(uint32_t v, uint32_t most)
{
    v &= v - 1;
    return most == 1 ? v : v & (v - 1);
}

uint32_t kernel_near_sets_portable(const uint32_t *sets, uint32_t count, uint32_t set,
                                   uint32_t most, uint32_t *out)
{
    const uint32_t letters = (UINT32_C(1) << KERNEL_SET_BITS) - 1;
    uint32_t k = 0, len = set >> KERNEL_SET_BITS;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t v = sets[i], beyond = bits_beyond(v & ~set & letters, most) |
                                       bits_beyond(set & ~v & letters, most);
        out[k] = i;
        k += beyond == 0 && len + most - (v >> KERNEL_SET_BITS) <= 2 * most;
    }
    return k;
}

static uint64_t count_bits(const uint64_t *bits, uint32_t words)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < words; i++)
        n += bits[i] ? (uint64_t)__builtin_popcountll(bits[i]) : 0;
    return n;
}

static const struct kernels portable = {
    .name = "portable",
    .sums = kernel_sums_portable,
    .groups = kernel_groups_portable,
    .table = kernel_table_portable,
    .common = kernel_common_portable,
    .upto = kernel_upto_portable,
    .keep = keep_portable,
    .keep_bits = kernel_keep_bits_portable,
    .drop_bits = kernel_drop_bits_portable,
    .drain = drain_portable,
    .keep_range = kernel_keep_range_portable,
    .values = kernel_values_portable,
    .among = kernel_among_portable,
    .pick = kernel_pick_portable,
    .first_below = kernel_first_below_portable,
    .near_sets = kernel_near_sets_portable,
    .order = order_runs,
    .count_bits = count_bits,
};

/* --- dispatch --------------------------------------------------------------------------------- */

const struct kernels *kernels_at(enum kernel_level level)
{
    switch (level) {
    case KERNEL_AVX512_PAIRS:
        return kernels_avx512_pairs();
    case KERNEL_AVX512:
        return kernels_avx512();
    case KERNEL_AVX2:
        return kernels_avx2();
    default:
        return &portable;
    }
}

const struct kernels *kernels_best(void)
{
    const struct kernels *k = kernels_avx512_pairs();
    if (!k)
        k = kernels_avx512();
    if (!k)
        k = kernels_avx2();
    return k ? k : &portable;
}
