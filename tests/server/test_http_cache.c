/* http_cache: headers and what they make of an answer, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/http_cache.h"

#define NOW  INT64_C(784111777000) /* Sun, 06 Nov 1994 08:49:37 GMT */
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static const struct {
    const char *control, *age, *date, *expires;
    int64_t ttl, swr, sie;
    uint64_t age_ms;
    bool no_store;
} cases[] = {
    {"", "", "", "", -1, -1, -1, 0, false},
    {"max-age=60", "", DATE, "", 60000, -1, -1, 0, false},
    {"MAX-AGE=60 , Stale-While-Revalidate=30,stale-if-error=\"600\"", "", "", "", 60000, 30000,
     600000, 0, false},
    {"max-age=60, s-maxage=10", "", "", "", 10000, 0, 0, 0, false}, /* s-maxage forbids stale */
    {"max-age=60, must-revalidate, stale-if-error=600", "", "", "", 60000, 0, 0, 0, false},
    {"proxy-revalidate, max-age=5", "", "", "", 5000, 0, 0, 0, false},
    {"no-cache", "", "", "", 1, 0, 0, 0, false},
    {"no-cache=\"set-cookie\", max-age=7", "", "", "", 7000, -1, -1, 0, false},
    {"no-store", "", "", "", -1, -1, -1, 0, true},
    {"max-age=0", "", "", "", 1, -1, -1, 0, false},
    {"max-age=60, max-age=60", "", "", "", 60000, -1, -1, 0, false},
    {"max-age=60, max-age=61", "", "", "", 1, -1, -1, 0, false}, /* conflicting: stale */
    {"max-age=sixty", "", "", "", 1, -1, -1, 0, false},
    {"max-age=-5", "", "", "", 1, -1, -1, 0, false},
    {"max-age=99999999999999999999", "", "", "", INT64_C(1073741824000), -1, -1, 0, false},
    {"max-age=60", "12", "", "", 60000, -1, -1, 12500, false}, /* counts from the request's start */
    {"max-age=60", "x", "", "", 60000, -1, -1, 0, false},
    {"max-age=60", "", "Sun, 06 Nov 1994 08:49:07 GMT", "", 60000, -1, -1, 30000, false},
    {"max-age=60", "40", "Sun, 06 Nov 1994 08:49:07 GMT", "", 60000, -1, -1, 40500, false},
    {"max-age=60", "", "Sun, 06 Nov 1994 09:49:37 GMT", "", 60000, -1, -1, 0,
     false}, /* a fast clock */
    {"", "", DATE, "Sun, 06 Nov 1994 08:50:37 GMT", 60000, -1, -1, 0, false},
    {"", "", DATE, "0", 1, -1, -1, 0, false},
    {"", "", DATE, "Sun, 06 Nov 1994 08:40:37 GMT", 1, -1, -1, 0, false},
    {"max-age=5", "", DATE, "Sun, 06 Nov 1994 08:50:37 GMT", 5000, -1, -1, 0, false},
};

static void headers_become_windows_and_age(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_headers h = {slice_str(cases[i].control), slice_str(cases[i].age),
                                 slice_str(cases[i].date), slice_str(cases[i].expires), false};
        struct http_cache c;
        print_message("%s | %s | %s | %s\n", cases[i].control, cases[i].age, cases[i].date,
                      cases[i].expires);
        http_cache_read(&h, NOW - 500, NOW, &c);
        assert_int_equal(c.ttl_ms, cases[i].ttl);
        assert_int_equal(c.swr_ms, cases[i].swr);
        assert_int_equal(c.sie_ms, cases[i].sie);
        assert_int_equal(c.age_ms, cases[i].age_ms);
        assert_int_equal(c.no_store, cases[i].no_store);
    }
}

static void conflicting_headers_count_as_stale(void **state)
{
    (void)state;
    struct http_headers h = {.cache_control = SLICE_LIT("max-age=60"), .conflicting = true};
    struct http_cache c;
    http_cache_read(&h, NOW, NOW, &c);
    assert_int_equal(c.ttl_ms, 1);
}

static void dates_of_three_forms(void **state)
{
    (void)state;
    int64_t ms;
    assert_true(http_date(SLICE_LIT(DATE), &ms) && ms == NOW);
    assert_true(http_date(SLICE_LIT("Sunday, 06-Nov-94 08:49:37 GMT"), &ms) && ms == NOW);
    assert_true(http_date(SLICE_LIT("Sun Nov  6 08:49:37 1994"), &ms) && ms == NOW);
    assert_false(http_date(SLICE_LIT("yesterday"), &ms));
    assert_false(http_date(SLICE_LIT(""), &ms));
}

static void retry_after_in_seconds_and_as_date(void **state)
{
    (void)state;
    assert_int_equal(http_retry_after_ms(SLICE_LIT("120"), NOW), 120000);
    assert_int_equal(http_retry_after_ms(SLICE_LIT(" 7 "), NOW), 7000);
    assert_int_equal(http_retry_after_ms(SLICE_LIT(DATE), NOW - 5000), 5000);
    assert_int_equal(http_retry_after_ms(SLICE_LIT(DATE), NOW + 5000), 0);
    assert_int_equal(http_retry_after_ms(SLICE_LIT("soon"), NOW), -1);
    assert_int_equal(http_retry_after_ms(SLICE_NULL, NOW), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_become_windows_and_age),
        cmocka_unit_test(conflicting_headers_count_as_stale),
        cmocka_unit_test(dates_of_three_forms),
        cmocka_unit_test(retry_after_in_seconds_and_as_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
