#include "loadtest/threshold.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct mix mix = {.op_count = 2,
                         .ops = {{.name = "search", .frame_class = CLASS_CRITICAL},
                                 {.name = "feed", .frame_class = CLASS_SHEDDABLE}}};

/* search: 1,000 good ones of 1..1000 us, 20 failures; feed: 10 good ones of 5 ms, 90 failures. */
static struct run *example(void)
{
    struct run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->spec.mix = &mix;
    r->spec.duration_s = 10;
    r->ops = calloc(2, sizeof *r->ops);
    for (int i = 0; i < 2; i++)
        histogram_init(&r->ops[i].response);
    for (uint64_t us = 1; us <= 1000; us++)
        histogram_record(&r->ops[0].response, us);
    for (int i = 0; i < 10; i++)
        histogram_record(&r->ops[1].response, 5000);
    r->ops[0].counts =
        (struct counts){.offered = 1020, .sent = 1010, .ok = 1000, .good = 990, .late = 10};
    r->ops[0].counts.failed[STATUS_OVERLOADED] = 20;
    r->ops[1].counts = (struct counts){.offered = 100, .sent = 100, .ok = 10, .good = 10};
    r->ops[1].counts.failed[FAILURE_HELD_BACK] = 90;
    r->end_ns = 10000000000;
    return r;
}

static void rules_are_read_scoped_and_judged(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        bool holds;
        double value;
    } cases[] = {
        {"search.p50<1ms", true, 510},
        {"search.p50 < 500us", false, 510},
        {"search.p95<=969us", true, 969},
        {"search.p99<1s", false, INFINITY}, /* 2 % failed */
        {"p90<1s", true, 5000},
        {"p95<1s", false, INFINITY},
        {"critical.errors<2%", true, 20.0 / 1020},
        {"errors<0.05", false, 110.0 / 1120},
        {"sheddable.held_back>=90%", true, 0.9},
        {"achieved>100", true, 101},
        {"goodput>100/s", false, 100},
        {"feed.max<1s", false, INFINITY},
        {"search.late<1%", true, 10.0 / 1020},
        {"offered>=112", true, 112},
    };
    struct run *r = example();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct threshold t;
        assert_int_equal(threshold_parse(cases[i].rule, &t, NULL), STATUS_OK);
        assert_int_equal(threshold_check(&t, r, NULL), STATUS_OK);
        assert_true(t.value == cases[i].value || fabs(t.value - cases[i].value) < 1e-9);
        assert_int_equal(t.holds, cases[i].holds);
    }
    struct threshold t;
    struct fault f = {0};
    assert_int_equal(threshold_parse("get.p50<1ms", &t, NULL), STATUS_OK);
    assert_int_equal(threshold_check(&t, r, &f), STATUS_UNKNOWN_FIELD);
    free(r->ops);
    free(r);
}

static void what_is_no_rule_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",           "p99",    "p99=2ms",     "p99<", "p99<2m",   "q99<2ms", "p0<1ms",
        "errors<1ms", "p99<1%", "goodput>1ms", "<5",   "p101<1ms", "p99<2",   "search.max<=100"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct threshold t;
        struct fault f = {0};
        assert_int_equal(threshold_parse(wrong[i], &t, &f), STATUS_INVALID);
        assert_true(f.text[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_read_scoped_and_judged),
        cmocka_unit_test(what_is_no_rule_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
