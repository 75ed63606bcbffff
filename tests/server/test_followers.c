/* Where followers stand: who counts as there, who holds the log, what so many have reached. */
#include "server/followers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void what_so_many_have_reached(void **state)
{
    (void)state;
    struct followers f = {0};
    followers_note(&f, SLICE_LIT("a"), 10, 1000);
    followers_note(&f, SLICE_LIT("b"), 30, 1000);
    followers_note(&f, SLICE_LIT("c"), 20, 1000);
    assert_int_equal(followers_reached(&f, 0, 1000), 0);
    assert_int_equal(followers_reached(&f, 1, 1000), 30);
    assert_int_equal(followers_reached(&f, 2, 1000), 20);
    assert_int_equal(followers_reached(&f, 3, 1000), 10);
    assert_int_equal(followers_reached(&f, 4, 1000), 0); /* never fewer in their stead */
    followers_note(&f, SLICE_LIT("a"), 40, 1001);
    assert_int_equal(followers_reached(&f, 3, 1001), 20);
    assert_int_equal(followers_here(&f, 1001), 3);
}

static void the_silent_count_no_more_and_hold_the_log_for_a_while(void **state)
{
    (void)state;
    struct followers f = {0};
    assert_true(followers_hold(&f, 1) == UINT64_MAX);
    followers_note(&f, SLICE_LIT("a"), 10, 1000);
    followers_note(&f, SLICE_LIT("b"), 30, 1000 + FOLLOWERS_HERE_MS);
    assert_int_equal(followers_reached(&f, 2, 1000 + FOLLOWERS_HERE_MS), 10);
    assert_int_equal(followers_reached(&f, 2, 1001 + FOLLOWERS_HERE_MS), 0);
    assert_int_equal(followers_here(&f, 1001 + FOLLOWERS_HERE_MS), 1);
    assert_int_equal(followers_hold(&f, 1000 + FOLLOWERS_HOLD_MS), 10);
    assert_int_equal(followers_hold(&f, 1001 + FOLLOWERS_HOLD_MS), 30);
}

static void of_too_many_the_most_silent_is_forgotten(void **state)
{
    (void)state;
    struct followers f = {0};
    for (int i = 0; i < FOLLOWERS_MOST + 1; i++) {
        char name = (char)('a' + i);
        followers_note(&f, slice_make(&name, 1), 100 + (uint64_t)i, 1000 + i);
    }
    assert_int_equal(followers_here(&f, 2000), FOLLOWERS_MOST);
    assert_int_equal(followers_hold(&f, 2000), 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_so_many_have_reached),
        cmocka_unit_test(the_silent_count_no_more_and_hold_the_log_for_a_while),
        cmocka_unit_test(of_too_many_the_most_silent_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
