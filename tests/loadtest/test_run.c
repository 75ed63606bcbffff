#include "loadtest/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void what_failed_counts_as_infinitely_late(void **state)
{
    (void)state;
    struct histogram *h = malloc(sizeof *h);
    assert_non_null(h);
    histogram_init(h);
    struct counts c = {.offered = 100, .ok = 90};
    c.failed[FAILURE_HELD_BACK] = 6;
    c.failed[FAILURE_TIMEOUT] = 4;
    for (uint64_t us = 1; us <= 90; us++)
        histogram_record(h, us);
    for (int i = 0; i < 4; i++) /* timeouts stand in the histogram with the time waited */
        histogram_record(h, 1000);
    assert_int_equal(run_offered_percentile(h, &c, 50), 50);
    assert_int_equal(run_offered_percentile(h, &c, 90), 90);
    assert_true(run_offered_percentile(h, &c, 90.1) == UINT64_MAX);
    assert_true(run_offered_percentile(h, &c, 100) == UINT64_MAX);
    histogram_init(h);
    assert_int_equal(run_offered_percentile(h, &(struct counts){0}, 99), 0);
    free(h);
}

static void count_interval(void *ctx, const struct interval *i)
{
    uint64_t *sums = ctx;
    assert_int_equal(i->start_us, sums[0] * 1000000);
    sums[0]++;
    sums[1] += i->counts.ok;
    sums[2] += i->response.total;
}

/* Three workers, of which one ended early: its last intervals are simply not there. */
static void intervals_of_workers_are_summed(void **state)
{
    (void)state;
    struct run *r = calloc(1, sizeof *r);
    r->spec.workers = 3;
    for (uint32_t w = 0; w < 3; w++) {
        struct counts before = {0};
        r->tallies[w] = tally_create();
        for (uint64_t n = 0; n < (w == 1 ? 2 : 4); n++) {
            r->tallies[w]->ops[0].counts.ok += 10 + w;
            for (uint32_t k = 0; k < 10 + w; k++)
                histogram_record(&r->tallies[w]->interval, 100 * n + k);
            tally_roll(r->tallies[w], n * 1000000, 1000000, &before);
        }
    }
    uint64_t sums[3] = {0};
    run_each_interval(r, count_interval, sums);
    assert_int_equal(sums[0], 4);
    assert_int_equal(sums[1], 4 * 10 + 2 * 11 + 4 * 12);
    assert_int_equal(sums[2], sums[1]);
    run_fini(r);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_failed_counts_as_infinitely_late),
        cmocka_unit_test(intervals_of_workers_are_summed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
