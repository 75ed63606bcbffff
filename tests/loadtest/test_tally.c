#include "loadtest/tally.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void intervals_come_back_as_they_were_counted(void **state)
{
    (void)state;
    struct tally *t = tally_create();
    struct counts before = {0}, all = {0};
    struct histogram *whole = malloc(sizeof *whole);
    struct interval *i = malloc(sizeof *i);
    assert_true(t && whole && i);
    histogram_init(whole);
    srand(11);
    for (int n = 0; n < 5; n++) {
        for (int k = 0; k < 1000 * n; k++) {
            uint64_t us = (uint64_t)rand() % 10000000;
            histogram_record(&t->interval, us);
            histogram_record(whole, us);
            t->ops[k % 3].counts.ok++;
            t->ops[k % 3].counts.offered++;
        }
        t->ops[1].counts.failed[FAILURE_TIMEOUT] += (uint64_t)n;
        t->ops[1].counts.offered += (uint64_t)n;
        tally_roll(t, (uint64_t)n * 1000000, 1000000, &before);
    }
    uint64_t at = 0;
    struct histogram *sum = malloc(sizeof *sum);
    histogram_init(sum);
    for (int n = 0; n < 5; n++) {
        assert_int_equal(tally_log_next(t, &at, i), STATUS_OK);
        assert_int_equal(i->start_us, n * 1000000);
        assert_int_equal(i->counts.ok, 1000 * n);
        assert_int_equal(i->response.total, 1000 * n);
        assert_int_equal(counts_failed(&i->counts), n);
        counts_add(&all, &i->counts);
        histogram_add(sum, &i->response);
    }
    assert_int_equal(tally_log_next(t, &at, i), STATUS_END);
    assert_int_equal(all.offered, all.ok + counts_failed(&all));
    assert_memory_equal(sum->counts, whole->counts, sizeof sum->counts);
    assert_int_equal(sum->max, whole->max);
    assert_int_equal(sum->min, whole->min);
    free(sum);
    free(whole);
    free(i);
    tally_destroy(t);
}

static void every_reason_has_a_name_of_its_own(void **state)
{
    (void)state;
    assert_string_equal(failure_name(STATUS_OVERLOADED), "OVERLOADED");
    for (uint32_t i = FAILURE_HELD_BACK; i < FAILURE_SLOTS; i++)
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(failure_name(i), failure_name(j));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_come_back_as_they_were_counted),
        cmocka_unit_test(every_reason_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
