/* Labels of products by time and upstream, and volatile fields withheld for their age. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>
#include <cmocka.h>

#include "index/expiry.h"
#include "server/freshness.h"
#include "server/withhold.h"

/* validated 1000, stale 2000, soft until 2100, limit 3000 */
static const struct product_times usual = {1000, 2000, 2100, 3000};

static void the_label_follows_the_windows(void **state)
{
    (void)state;
    const struct {
        int64_t now;
        bool failing;
        enum freshness want;
        int64_t changes;
    } cases[] = {
        {1000, false, FRESH, 2000},
        {1999, false, FRESH, 2000},
        {1999, true, FRESH, 2000},
        {2000, false, STALE, 2100},
        {2000, true, STALE_IF_ERROR, 3000},
        {2099, false, STALE, 2100},
        {2100, false, STALE_IF_ERROR, 3000}, /* served by search, refreshed at raised priority */
        {2999, false, STALE_IF_ERROR, 3000},
        {2999, true, STALE_IF_ERROR, 3000},
        {3000, false, EXPIRED, INT64_MAX},
        {3000, true, EXPIRED, INT64_MAX},
        {INT64_MAX, true, EXPIRED, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct label l = freshness_label(&usual, cases[i].now, cases[i].failing);
        assert_int_equal(l.state, cases[i].want);
        assert_int_equal(l.changes_ms, cases[i].changes);
        assert_int_equal(l.age_ms, cases[i].now - 1000);
        assert_false(l.future);
    }
}

static void a_time_ahead_of_the_clock_is_age_zero_and_flagged(void **state)
{
    (void)state;
    struct label l = freshness_label(&usual, 400, false);
    assert_int_equal(l.state, FRESH);
    assert_int_equal(l.age_ms, 0);
    assert_true(l.future);
}

static void a_product_without_ttl_is_fresh_for_ever(void **state)
{
    (void)state;
    const struct product_times t = {1000, EXPIRY_NEVER, EXPIRY_NEVER, EXPIRY_NEVER};
    struct label l = freshness_label(&t, (int64_t)1 << 60, true);
    assert_int_equal(l.state, FRESH);
    assert_int_equal(l.changes_ms, INT64_MAX);
    assert_true(l.stale_ms < 0);
}

static void jitter_shortens_by_at_most_a_tenth_and_is_the_same_for_all(void **state)
{
    (void)state;
    struct schema schema = {.ttl_ms = 60000, .swr_ms = 1000, .sie_ms = 5000};
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 2000; i++) {
        char id[16];
        int n = snprintf(id, sizeof id, "p%d", i);
        struct windows f = {500, -1, -1, -1};
        struct slice s = slice_make(id, (size_t)n);
        int64_t stale = expiry_stale_ms(&schema, &f, s);
        assert_int_equal(stale, expiry_stale_ms(&schema, &f, s));
        assert_int_equal(expiry_limit_ms(&schema, &f, s), stale + 5000);
        least = stale < least ? stale : least;
        most = stale > most ? stale : most;
    }
    assert_true(least >= 500 + 54000 && most <= 500 + 60000);
    assert_true(most - least > 5000); /* spread over the tenth */
}

static void the_sum_tells_counts_oldest_and_first_change(void **state)
{
    (void)state;
    struct freshness_sum sum;
    freshness_sum_init(&sum);
    const int64_t times[] = {1500, 2050, 2050, 2500};
    for (int i = 0; i < 4; i++) {
        struct label l = freshness_label(&usual, times[i], i == 2);
        freshness_sum_add(&sum, &l);
    }
    assert_int_equal(sum.counts[FRESH], 1);
    assert_int_equal(sum.counts[STALE], 1);
    assert_int_equal(sum.counts[STALE_IF_ERROR], 2);
    assert_int_equal(sum.oldest_ms, 1500);
    assert_int_equal(sum.changes_ms, 2000);
}

static void upstream_and_safe_mode_make_it_failing(void **state)
{
    (void)state;
    const struct {
        struct moment m;
        bool want;
    } cases[] = {{{0, UPSTREAM_NONE, 0}, false},         {{0, UPSTREAM_OK, 0}, false},
                 {{0, UPSTREAM_FAILING, 0}, true},       {{0, UPSTREAM_DOWN, 0}, true},
                 {{0, UPSTREAM_OK, SAFE_BY_HAND}, true}, {{0, UPSTREAM_NONE, SAFE_STORAGE}, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(moment_failing(&cases[i].m), cases[i].want);
}

/* --- volatile fields -------------------------------------------------------------------------- */

static struct field fields[] = {{.id = 0, .name = "title"},
                                {.id = 1, .name = "price", .max_age_ms = 1000},
                                {.id = 2, .name = "stock", .max_age_ms = 500}};
static const struct schema shop = {.field_count = 3, .fields = fields};

static void a_volatile_field_goes_when_it_is_too_old(void **state)
{
    (void)state;
    struct arena a;
    struct withhold w;
    struct fault fault = {0};
    int64_t next = INT64_MAX;
    arena_init(&a, 0);
    assert_int_equal(withhold_init(&w, &shop, NULL, NULL, 0, &a, &fault), STATUS_OK);
    assert_null(withhold_fields(&w, 500, &next));
    assert_int_equal(w.name_count, 0);
    assert_int_equal(next, 501);
    next = INT64_MAX;
    const uint64_t *shown = withhold_fields(&w, 501, &next);
    assert_int_equal(shown[0] & 7, 3);
    assert_int_equal(w.name_count, 1);
    assert_true(slice_equal(w.names[0], SLICE_LIT("stock")));
    assert_int_equal(next, 1001);
    shown = withhold_fields(&w, 5000, &next);
    assert_int_equal(shown[0] & 7, 1);
    assert_int_equal(w.name_count, 2);
    arena_fini(&a);
}

static void a_request_has_its_own_bounds_and_unwanted_fields_are_not_named(void **state)
{
    (void)state;
    struct arena a;
    struct withhold w;
    struct fault fault = {0};
    int64_t next = INT64_MAX;
    const uint64_t wanted[4] = {3}; /* title, price */
    const struct field_age own[] = {{SLICE_LIT("price"), 0}, {SLICE_LIT("title"), 9000}};
    arena_init(&a, 0);
    assert_int_equal(withhold_init(&w, &shop, wanted, own, 1, &a, &fault), STATUS_OK);
    assert_ptr_equal(withhold_fields(&w, 99999, &next), wanted); /* any age will do */
    assert_int_equal(withhold_init(&w, &shop, wanted, own, 2, &a, &fault), STATUS_OK);
    assert_int_equal(withhold_fields(&w, 9001, &next)[0], 2);
    const struct field_age wrong = {SLICE_LIT("colour"), 1};
    assert_int_equal(withhold_init(&w, &shop, NULL, &wrong, 1, &a, &fault), STATUS_UNKNOWN_FIELD);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_label_follows_the_windows),
        cmocka_unit_test(a_time_ahead_of_the_clock_is_age_zero_and_flagged),
        cmocka_unit_test(a_product_without_ttl_is_fresh_for_ever),
        cmocka_unit_test(jitter_shortens_by_at_most_a_tenth_and_is_the_same_for_all),
        cmocka_unit_test(the_sum_tells_counts_oldest_and_first_change),
        cmocka_unit_test(upstream_and_safe_mode_make_it_failing),
        cmocka_unit_test(a_volatile_field_goes_when_it_is_too_old),
        cmocka_unit_test(a_request_has_its_own_bounds_and_unwanted_fields_are_not_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
