/* answer_times: the 95th percentile of what came last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/answer_times.h"

static void nothing_is_said_of_a_few(void **state)
{
    (void)state;
    struct answer_times t = {0};
    for (int i = 0; i < ANSWER_TIMES_LEAST; i++) {
        assert_int_equal(answer_times_p95_ms(&t), -1);
        answer_times_add(&t, 7);
    }
    assert_int_equal(answer_times_p95_ms(&t), 7);
}

static void ninety_five_of_a_hundred_are_not_longer(void **state)
{
    (void)state;
    struct answer_times t = {0};
    for (int i = 100; i > 0; i--)
        answer_times_add(&t, i);
    assert_int_equal(answer_times_p95_ms(&t), 95);
}

static void only_the_last_ones_count(void **state)
{
    (void)state;
    struct answer_times t = {0};
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 1000; i++)
            answer_times_add(&t, 1000);
        assert_int_equal(answer_times_p95_ms(&t), 1000);
        for (int i = 0; i < ANSWER_TIMES_KEPT; i++)
            answer_times_add(&t, 3);
        assert_int_equal(answer_times_p95_ms(&t), 3);
    }
}

static void a_clock_that_went_back_is_no_time_at_all(void **state)
{
    (void)state;
    struct answer_times t = {0};
    for (int i = 0; i < ANSWER_TIMES_LEAST; i++)
        answer_times_add(&t, -5);
    assert_int_equal(answer_times_p95_ms(&t), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_said_of_a_few),
        cmocka_unit_test(ninety_five_of_a_hundred_are_not_longer),
        cmocka_unit_test(only_the_last_ones_count),
        cmocka_unit_test(a_clock_that_went_back_is_no_time_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
