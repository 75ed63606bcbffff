#include "index/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_text_changes_what_it_names_and_nothing_else(void **state)
{
    (void)state;
    struct profile p, d;
    profile_default(&d);
    assert_int_equal(profile_parse(SLICE_LIT("# mine\ntypo_below 3\n\nnear 0.5 ; lead 1\n"
                                             "signal sold log 0.2 1000\nsignal rating linear 0.1;"
                                             "signal stock present 1; signal stars rated 1 votes;"
                                             "signal stars rated 1 votes 10"),
                                   &p, NULL),
                     STATUS_OK);
    assert_true(p.n[PROFILE_typo_below] == 3 && p.n[PROFILE_near] == 0.5 && p.n[PROFILE_lead] == 1);
    assert_true(p.n[PROFILE_relax_below] == d.n[PROFILE_relax_below]);
    assert_int_equal(p.signal_count, 5);
    assert_string_equal(p.signals[0].field, "sold");
    assert_true(p.signals[0].kind == SIGNAL_LOG && p.signals[0].scale == 1000);
    assert_true(p.signals[1].kind == SIGNAL_LINEAR && p.signals[1].scale == 1);
    assert_true(p.signals[2].kind == SIGNAL_PRESENT);
    assert_true(p.signals[3].kind == SIGNAL_RATED && p.signals[3].scale == 5);
    assert_string_equal(p.signals[3].count, "votes");
    assert_true(p.signals[4].scale == 10);
}

static void every_number_is_read_by_its_name_and_within_its_bounds(void **state)
{
    (void)state;
    struct profile p;
    char text[100];
    for (int i = 0; i < PROFILE_NUMBERS; i++) {
        snprintf(text, sizeof text, "%s 1", profile_number_name((enum profile_number)i));
        enum status st = profile_parse(slice_str(text), &p, NULL);
        assert_true(st == STATUS_OK && p.n[i] == 1);
        snprintf(text, sizeof text, "%s 1e9", profile_number_name((enum profile_number)i));
        assert_int_equal(profile_parse(slice_str(text), &p, NULL), STATUS_INVALID);
        assert_true(profile_number_help((enum profile_number)i)[0]);
    }
}

static void faults_name_the_line(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "x\nnothing 1",        "#\nnear",           "#\nnear one",        "#\nsignal",
        "#\nsignal a loud 1",  "#\nsignal a log x", "#\nsignal a log 99", "#\nsignal a log 1 -3",
        "#\nsignal a rated 1", "#\nnear nan",       "#\nwindow 100000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct profile p;
        struct fault f = {0};
        assert_int_equal(profile_parse(slice_str(bad[i]), &p, &f), STATUS_INVALID);
        assert_non_null(strstr(f.text, i ? "line 2" : "line 1"));
    }
}

static void bounds_are_told(void **state)
{
    (void)state;
    struct profile p;
    struct fault f = {0};
    assert_int_equal(profile_parse(SLICE_LIT("near 99"), &p, &f), STATUS_INVALID);
    assert_string_equal(f.text, "line 1 (near 99): the number is not within -10 .. 10");
}

static void built_in_profiles(void **state)
{
    (void)state;
    struct profile p;
    assert_true(profile_built_in(SLICE_NULL, &p) && p.n[PROFILE_window] > 0);
    assert_true(profile_built_in(SLICE_LIT("default"), &p));
    assert_true(profile_built_in(SLICE_LIT("bm25"), &p) && p.n[PROFILE_window] == 0);
    assert_false(profile_built_in(SLICE_LIT("other"), &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_changes_what_it_names_and_nothing_else),
        cmocka_unit_test(every_number_is_read_by_its_name_and_within_its_bounds),
        cmocka_unit_test(faults_name_the_line),
        cmocka_unit_test(bounds_are_told),
        cmocka_unit_test(built_in_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
