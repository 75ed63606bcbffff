#include "server/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const size_t MB = (size_t)1024 * 1024;

static void states_begin_at_their_share(void **state)
{
    (void)state;
    static const struct {
        size_t used;
        enum memory_state wanted;
    } rows[] = {{0, MEMORY_FINE},   {84, MEMORY_FINE},  {85, MEMORY_TIGHT}, {91, MEMORY_TIGHT},
                {92, MEMORY_SHORT}, {94, MEMORY_SHORT}, {95, MEMORY_OUT},   {200, MEMORY_OUT}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(memory_step(MEMORY_FINE, rows[i].used * MB, 100 * MB), rows[i].wanted);
    assert_int_equal(memory_step(MEMORY_OUT, 100 * MB, 0), MEMORY_FINE);
}

static void a_state_is_left_two_percent_lower(void **state)
{
    (void)state;
    assert_int_equal(memory_step(MEMORY_OUT, 93 * MB, 100 * MB), MEMORY_OUT);
    assert_int_equal(memory_step(MEMORY_OUT, 92 * MB, 100 * MB), MEMORY_SHORT);
    assert_int_equal(memory_step(MEMORY_SHORT, 90 * MB, 100 * MB), MEMORY_SHORT);
    assert_int_equal(memory_step(MEMORY_TIGHT, 83 * MB, 100 * MB), MEMORY_TIGHT);
    assert_int_equal(memory_step(MEMORY_TIGHT, 82 * MB, 100 * MB), MEMORY_FINE);
}

static void own_memory_is_counted(void **state)
{
    (void)state;
    size_t before = memory_used();
    char *p = malloc(64 * MB);
    assert_non_null(p);
    memset(p, 1, 64 * MB);
    assert_true(before > 0);
    assert_true(memory_used() >= before + 60 * MB);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_begin_at_their_share),
        cmocka_unit_test(a_state_is_left_two_percent_lower),
        cmocka_unit_test(own_memory_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
