/* kernels_private - what the files kernels*.c share. */
#ifndef SOUK_INDEX_KERNELS_PRIVATE_H
#define SOUK_INDEX_KERNELS_PRIVATE_H

#include "index/kernels.h"

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
uint32_t kernel_first_below_portable(const uint8_t *bytes, uint32_t count, uint32_t least);
uint32_t kernel_near_sets_portable(const uint32_t *sets, uint32_t count, uint32_t set,
                                   uint32_t most, uint32_t *out);
/* In order.c. */
void order_runs(uint64_t *numbers, uint64_t *room, uint32_t count);
uint32_t kernel_value(const uint8_t *values, uint32_t at, uint32_t bits);

/* NULL when the machine lacks them. */
const struct kernels *kernels_avx512_pairs(void);
const struct kernels *kernels_avx512(void);
const struct kernels *kernels_avx2(void);

#endif
