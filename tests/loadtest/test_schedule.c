#include "loadtest/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint64_t count_between(const char *shape, double rate, double total_s, double from_s,
                              double to_s)
{
    struct schedule s;
    uint64_t at, n = 0;
    assert_int_equal(schedule_parse(&s, shape, rate, total_s, 42, NULL), STATUS_OK);
    while (schedule_next(&s, &at) == STATUS_OK)
        n += (double)at >= from_s * 1e9 && (double)at < to_s * 1e9;
    return n;
}

static void each_shape_offers_the_rate_it_promises(void **state)
{
    (void)state;
    static const struct {
        const char *shape;
        double from, to, want;
    } cases[] = {
        {"constant", 0, 10, 10000},     {"poisson", 0, 10, 10000},
        {"step:3000@5", 0, 5, 5000},    {"step:3000@5", 5, 10, 15000},
        {"spike:8000@4+1", 4, 5, 8000}, {"spike:8000@4+1", 5, 10, 5000},
        {"ramp:3000", 0, 10, 20000},    {"spike:8000@4+1,poisson", 4, 5, 8000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double got = (double)count_between(cases[i].shape, 1000, 10, cases[i].from, cases[i].to);
        assert_true(fabs(got - cases[i].want) <= cases[i].want * 0.05);
    }
}

static void parts_add_up_to_the_whole(void **state)
{
    (void)state;
    struct schedule whole, parts[3];
    uint64_t want, got[3];
    assert_int_equal(schedule_parse(&whole, "constant", 3000, 1, 1, NULL), STATUS_OK);
    for (uint32_t i = 0; i < 3; i++) {
        parts[i] = whole;
        schedule_part(&parts[i], i, 3);
    }
    for (uint32_t n = 0; n < 2999; n++) {
        assert_int_equal(schedule_next(&whole, &want), STATUS_OK);
        assert_int_equal(schedule_next(&parts[n % 3], &got[n % 3]), STATUS_OK);
        assert_true(fabs((double)want - (double)got[n % 3]) < 1000);
    }
}

static void the_same_seed_gives_the_same_times(void **state)
{
    (void)state;
    struct schedule a, b;
    schedule_parse(&a, "poisson", 500, 2, 9, NULL);
    schedule_parse(&b, "poisson", 500, 2, 9, NULL);
    uint64_t x, y;
    while (schedule_next(&a, &x) == STATUS_OK) {
        assert_int_equal(schedule_next(&b, &y), STATUS_OK);
        assert_int_equal(x, y);
    }
}

static void poisson_gaps_spread_as_exponentials_do(void **state)
{
    (void)state;
    struct schedule s;
    schedule_parse(&s, "poisson", 1000, 60, 3, NULL);
    uint64_t at, last = 0;
    double sum = 0, squares = 0, n = 0;
    while (schedule_next(&s, &at) == STATUS_OK) {
        double gap = (double)(at - last);
        sum += gap;
        squares += gap * gap;
        n++;
        last = at;
    }
    double mean = sum / n, deviation = sqrt(squares / n - mean * mean);
    assert_true(fabs(deviation / mean - 1) < 0.05);
}

static void a_peak_beyond_the_end_is_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *shape;
        bool never;
    } cases[] = {{"constant", false},      {"ramp:100", false},     {"spike:100@9+5", false},
                 {"spike:100@10+5", true}, {"step:100@9.9", false}, {"step:100@12,poisson", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct schedule s;
        assert_int_equal(schedule_parse(&s, cases[i].shape, 10, 10, 1, NULL), STATUS_OK);
        assert_int_equal(schedule_never_peaks(&s), cases[i].never);
    }
}

static void a_wrong_shape_is_named(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "burst", "step:10", "spike:5@1", "constant,often", "ramp:-3", "step:9@1x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct schedule s;
        struct fault f = {0};
        assert_int_equal(schedule_parse(&s, wrong[i], 10, 1, 1, &f), STATUS_INVALID);
        assert_true(f.text[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shape_offers_the_rate_it_promises),
        cmocka_unit_test(parts_add_up_to_the_whole),
        cmocka_unit_test(the_same_seed_gives_the_same_times),
        cmocka_unit_test(poisson_gaps_spread_as_exponentials_do),
        cmocka_unit_test(a_peak_beyond_the_end_is_noticed),
        cmocka_unit_test(a_wrong_shape_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
