/* What is under way counts until it is applied, however many records that are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/weight_flight.h"

static void records_count_until_they_are_applied(void **state)
{
    (void)state;
    struct weight_flight f = {0};
    weight_flight_settle(&f, 1000, 5);
    weight_flight_add(&f, 7, 100);
    weight_flight_add(&f, 9, -30);
    assert_int_equal(weight_flight_sum(&f), 1070);
    weight_flight_settle(&f, 1095, 8); /* it turned out to be 95 */
    assert_int_equal(weight_flight_sum(&f), 1065);
    weight_flight_settle(&f, 1065, 9);
    assert_int_equal(weight_flight_sum(&f), 1065);
    assert_int_equal(f.count, 0);
}

static void more_than_are_told_apart_are_not_lost(void **state)
{
    (void)state;
    struct weight_flight f = {0};
    enum { MANY = 3 * FLIGHT_RECORDS };
    for (uint64_t i = 1; i <= MANY; i++)
        weight_flight_add(&f, i, 10);
    assert_int_equal(weight_flight_sum(&f), MANY * 10);
    for (uint64_t i = 1; i <= MANY; i++) {
        weight_flight_settle(&f, i * 10, i);
        /* never less than there is */
        assert_true(weight_flight_sum(&f) >= (int64_t)MANY * 10);
    }
    assert_int_equal(weight_flight_sum(&f), MANY * 10);
    weight_flight_add(&f, MANY + 1, 5);
    assert_int_equal(weight_flight_sum(&f), MANY * 10 + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_count_until_they_are_applied),
        cmocka_unit_test(more_than_are_told_apart_are_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
