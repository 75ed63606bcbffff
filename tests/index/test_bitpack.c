/* Property tests: what is packed comes back, for every width and count. */
#include "index/bitpack.h"
#include "index/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LANES = 128, ROOM = LANES + KERNEL_SLACK, SLACK = 8 };

static uint32_t random_of_width(unsigned *seed, uint32_t width)
{
    uint32_t v = (uint32_t)rand_r(seed) << 16 ^ (uint32_t)rand_r(seed);
    return width == 0 ? 0 : width == 32 ? v : v & (((uint32_t)1 << width) - 1);
}

static void sums_equal(const uint32_t *deltas, uint32_t count, uint32_t width, uint32_t before)
{
    /* Exactly as many bytes as a reader may touch, so that the sanitizer sees one too many. */
    size_t len = bitpack_len(count, width);
    uint8_t *packed = malloc(len + SLACK);
    uint32_t fast[ROOM], portable[ROOM], sum = before;
    assert_non_null(packed);
    memset(packed, 0xa5, len + SLACK);
    bitpack_encode(deltas, count, width, packed);
    for (size_t i = 0; i < SLACK; i++)
        assert_int_equal(packed[len + i], 0xa5);
    kernels_best()->sums(packed, len, count, width, before, fast);
    kernels_at(KERNEL_PORTABLE)->sums(packed, len, count, width, before, portable);
    for (uint32_t i = 0; i < count; i++) {
        sum += deltas[i] + 1;
        if (fast[i] != sum || portable[i] != sum)
            fail_msg("width %u count %u before %u: number %u is %u and %u, not %u", width, count,
                     before, i, fast[i], portable[i], sum);
    }
    free(packed);
}

static void every_width_and_count_comes_back(void **state)
{
    (void)state;
    unsigned seed = 20;
    print_message("kernels: %s\n", kernels_best()->name);
    for (uint32_t width = 0; width <= 32; width++)
        for (uint32_t count = 1; count <= LANES; count++) {
            uint32_t deltas[LANES];
            for (uint32_t i = 0; i < count; i++)
                deltas[i] = random_of_width(&seed, width);
            sums_equal(deltas, count, width, UINT32_MAX);
            sums_equal(deltas, count, width, random_of_width(&seed, 24));
        }
}

static void full_blocks_come_back_in_both_kernels(void **state)
{
    (void)state;
    unsigned seed = 21;
    for (int round = 0; round < 200; round++)
        for (uint32_t width = 0; width <= 32; width++) {
            uint32_t deltas[LANES];
            for (uint32_t i = 0; i < LANES; i++) /* few large among many small: as in real lists */
                deltas[i] = random_of_width(&seed, rand_r(&seed) % 8 ? width / 2 : width);
            sums_equal(deltas, LANES, width, random_of_width(&seed, 24));
        }
}

static void the_width_is_the_smallest_that_fits(void **state)
{
    (void)state;
    uint32_t none[3] = {0, 0, 0}, edge[2];
    assert_int_equal(bitpack_width(none, 3), 0);
    for (uint32_t width = 1; width <= 32; width++) {
        edge[0] = (uint32_t)1 << (width - 1);
        edge[1] = 0;
        assert_int_equal(bitpack_width(edge, 2), width);
    }
    assert_int_equal(bitpack_len(128, 7), 112);
    assert_int_equal(bitpack_len(3, 3), 2);
    assert_int_equal(bitpack_len(9, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_width_and_count_comes_back),
        cmocka_unit_test(full_blocks_come_back_in_both_kernels),
        cmocka_unit_test(the_width_is_the_smallest_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
