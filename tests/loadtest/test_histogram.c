#include "loadtest/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct histogram *fresh(void)
{
    struct histogram *h = malloc(sizeof *h);
    assert_non_null(h);
    histogram_init(h);
    return h;
}

static void percentiles_are_within_a_thousandth_of_the_sorted_values(void **state)
{
    (void)state;
    enum { N = 100000 };
    struct histogram *h = fresh();
    for (uint64_t i = 1; i <= N; i++)
        histogram_record(h, i * 37);
    static const double at[] = {1, 50, 75, 90, 99, 99.9, 99.99, 100};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        double want = at[i] / 100 * N * 37, got = (double)histogram_percentile(h, at[i]);
        assert_true(got >= want * 0.999 && got <= want * 1.0011);
    }
    assert_int_equal(h->max, N * 37);
    assert_int_equal(h->min, 37);
    free(h);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    struct histogram *h = fresh();
    for (uint64_t i = 0; i < 2048; i++)
        histogram_record(h, i);
    for (uint64_t i = 0; i < 2048; i++)
        assert_int_equal(h->counts[i], 1);
    free(h);
}

static void merged_parts_equal_the_whole(void **state)
{
    (void)state;
    struct histogram *all = fresh(), *a = fresh(), *b = fresh();
    srand(7);
    for (int i = 0; i < 50000; i++) {
        uint64_t us = (uint64_t)rand() % 5000000;
        histogram_record(all, us);
        histogram_record(i % 3 ? a : b, us);
    }
    histogram_add(a, b);
    assert_memory_equal(a->counts, all->counts, sizeof a->counts);
    assert_int_equal(a->total, all->total);
    assert_int_equal(a->max, all->max);
    free(all);
    free(a);
    free(b);
}

static void values_beyond_an_hour_count_as_the_highest(void **state)
{
    (void)state;
    struct histogram *h = fresh();
    histogram_record(h, UINT64_MAX);
    assert_int_equal(histogram_percentile(h, 50), HISTOGRAM_MAX_US);
    free(h);
}

static void an_empty_histogram_has_zero_percentiles(void **state)
{
    (void)state;
    struct histogram *h = fresh();
    assert_int_equal(histogram_percentile(h, 99), 0);
    struct buf b = BUF_INIT;
    assert_true(histogram_encode(h, &b));
    buf_fini(&b);
    free(h);
}

/* Checked once against the decoder of hdr-histogram-js: 3 values, p100 = 4095. */
static void the_encoded_form_starts_with_the_compressed_v2_cookie(void **state)
{
    (void)state;
    struct histogram *h = fresh();
    histogram_record(h, 1);
    histogram_record(h, 100);
    histogram_record(h, 4095);
    struct buf b = BUF_INIT;
    assert_true(histogram_encode(h, &b));
    assert_memory_equal(b.ptr, "HISTFAAA", 8);
    buf_fini(&b);
    free(h);
}

struct rows {
    double last;
    uint64_t count;
    int n;
};

static void each_row(void *ctx, uint64_t us, double percentile, uint64_t count)
{
    struct rows *r = ctx;
    (void)us;
    assert_true(percentile >= r->last);
    r->last = percentile;
    r->count = count;
    r->n++;
}

static void the_spectrum_rises_to_one_hundred_percent(void **state)
{
    (void)state;
    struct histogram *h = fresh();
    for (uint64_t i = 0; i < 1000; i++)
        histogram_record(h, i * i);
    struct rows r = {0};
    histogram_spectrum(h, each_row, &r);
    assert_true(r.last == 100);
    assert_int_equal(r.count, 1000);
    assert_true(r.n > 20);
    free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_within_a_thousandth_of_the_sorted_values),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(merged_parts_equal_the_whole),
        cmocka_unit_test(values_beyond_an_hour_count_as_the_highest),
        cmocka_unit_test(an_empty_histogram_has_zero_percentiles),
        cmocka_unit_test(the_encoded_form_starts_with_the_compressed_v2_cookie),
        cmocka_unit_test(the_spectrum_rises_to_one_hundred_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
