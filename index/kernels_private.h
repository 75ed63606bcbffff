/* kernels_private - what the files kernels*.c share. */
#ifndef SOUK_INDEX_KERNELS_PRIVATE_H
#define SOUK_INDEX_KERNELS_PRIVATE_H

#include "index/bitpack.h"
#include "index/kernels.h"
#include "protocol/wire.h"

/*
 * A mask of AVX-512 as a number. GCC 12 takes the upper half for zero, yet may keep only the lower
 * one on the stack and read back both; what comes out of the assembler it extends itself.
 */
static inline uint32_t kernel_bits_of(uint16_t mask)
{
    __asm__("" : "+r"(mask));
    return mask;
}

void kernel_sums_portable(const uint8_t *in, size_t len, uint32_t count, uint32_t width,
                          uint32_t before, uint32_t *out);
void kernel_groups_portable(const uint8_t *widths, const uint8_t *in, size_t len, uint32_t count,
                            uint32_t before, uint32_t *out);
void kernel_table_portable(const uint8_t *in, uint32_t count, uint32_t width,
                           const uint32_t table[KERNEL_TABLE], uint32_t *out);
uint32_t kernel_common_portable(const uint32_t *a, uint32_t n, const uint32_t *b, uint16_t *ia,
                                uint16_t *ib);
uint32_t kernel_upto_portable(const uint32_t *docs, uint32_t count, uint32_t last);
uint32_t kernel_keep_bits_portable(uint32_t *docs, uint32_t *scores, uint32_t count, uint32_t first,
                                   const uint64_t *bits);
uint32_t kernel_drop_bits_portable(uint32_t *docs, uint32_t *scores, uint32_t count,
                                   const uint64_t *bits);
uint32_t kernel_keep_range_portable(uint32_t *docs, uint32_t *scores, uint32_t count,
                                    uint32_t first, const uint8_t *values, uint32_t bits,
                                    uint32_t low, uint32_t high);
uint32_t kernel_values_portable(const uint32_t *docs, uint32_t count, uint32_t first,
                                const uint8_t *values, uint32_t bits, uint32_t add, uint32_t *out);
void kernel_among_portable(const uint32_t *values, uint32_t count, const uint64_t *set,
                           uint32_t most, uint64_t *out);
uint32_t kernel_pick_portable(const uint32_t *docs, const uint32_t *scores, uint32_t count,
                              const uint64_t *bits, uint32_t *docs_out, uint32_t *scores_out);
uint32_t kernel_first_below_portable(const uint8_t *bytes, uint32_t count, uint32_t least);
uint32_t kernel_near_sets_portable(const uint32_t *sets, uint32_t count, uint32_t set,
                                   uint32_t most, uint32_t *out);
/* In kernels_values.c, as the three above that end in portable. */
uint32_t kernel_values_avx2(const uint32_t *docs, uint32_t count, uint32_t first,
                            const uint8_t *values, uint32_t bits, uint32_t add, uint32_t *out);
uint32_t kernel_values_avx512(const uint32_t *docs, uint32_t count, uint32_t first,
                              const uint8_t *values, uint32_t bits, uint32_t add, uint32_t *out);
void kernel_among_avx512(const uint32_t *values, uint32_t count, const uint64_t *set, uint32_t most,
                         uint64_t *out);
uint32_t kernel_pick_avx512(const uint32_t *docs, const uint32_t *scores, uint32_t count,
                            const uint64_t *bits, uint32_t *docs_out, uint32_t *scores_out);
/* In order.c. */
void order_runs(uint64_t *numbers, uint64_t *room, uint32_t count);

/* Number `at` of those of `bits` each. */
static inline uint32_t kernel_value(const uint8_t *values, uint32_t at, uint32_t bits)
{
    if (bits == 8)
        return values[at];
    if (bits == 16)
        return wire_load16(values + (size_t)at * 2);
    return bits == 32 ? wire_load32(values + (size_t)at * 4) : bitpack_at(values, at, bits);
}

/* NULL when the machine lacks them. */
const struct kernels *kernels_avx512_pairs(void);
const struct kernels *kernels_avx512(void);
const struct kernels *kernels_avx2(void);

#endif
