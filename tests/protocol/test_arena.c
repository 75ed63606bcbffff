#include "protocol/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Small ones first, then a large one, or the other way round. */
static void take(struct arena *a, int large_first)
{
    for (int i = 0; i < 40; i++) {
        size_t size = i == (large_first ? 0 : 39) ? 700000 : 50000;
        char *p = arena_alloc(a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, i, size);
    }
}

static void once_warm_nothing_is_taken_whatever_the_order(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    take(&a, 0);
    arena_reset(&a);
    uint64_t grown = arena_grown(&a);
    for (int round = 0; round < 10; round++) {
        take(&a, round % 2);
        arena_reset(&a);
    }
    assert_int_equal(arena_grown(&a), grown);
    arena_fini(&a);
}

static void what_exceeds_8_mib_is_given_back(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (int round = 0; round < 3; round++) {
        uint64_t grown = arena_grown(&a);
        for (int i = 0; i < 20; i++)
            memset(arena_alloc(&a, 1 << 20), i, 1 << 20);
        arena_reset(&a);
        if (round) /* once warm, only what is beyond is taken anew */
            assert_in_range(arena_grown(&a) - grown, 12, 13);
        grown = arena_grown(&a);
        for (int i = 0; i < 7; i++)
            assert_non_null(arena_alloc(&a, 1 << 20));
        assert_int_equal(arena_grown(&a), grown);
        for (int i = 0; i < 2; i++)
            assert_non_null(arena_alloc(&a, 1 << 20));
        assert_int_not_equal(arena_grown(&a), grown);
        arena_reset(&a);
    }
    arena_fini(&a);
}

static void a_cap_is_kept_and_starts_anew_at_each_reset(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1000);
    for (int round = 0; round < 3; round++) {
        assert_non_null(arena_alloc(&a, 900));
        assert_null(arena_alloc(&a, 200));
        assert_non_null(arena_alloc(&a, 80));
        assert_int_equal(a.used, 912 + 80);
        arena_reset(&a);
        assert_int_equal(a.used, 0);
    }
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_warm_nothing_is_taken_whatever_the_order),
        cmocka_unit_test(what_exceeds_8_mib_is_given_back),
        cmocka_unit_test(a_cap_is_kept_and_starts_anew_at_each_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
