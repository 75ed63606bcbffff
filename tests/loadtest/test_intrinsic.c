#include "loadtest/intrinsic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "loadtest/clock.h"

static void it_measures_for_a_short_while(void **state)
{
    (void)state;
    struct intrinsic i = {0};
    uint64_t start = clock_ns();
    intrinsic_measure(&i);
    assert_true(clock_ns() - start >= 140000000);
    assert_true(i.stall_max_us < 10000000);
    assert_true(i.wake_p50_us <= i.wake_max_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_measures_for_a_short_while)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
