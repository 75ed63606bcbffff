#include "loadtest/picker.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 100, DRAWS = 400000 };

static void draw(const char *how, const double *weights, uint32_t counts[ITEMS])
{
    struct picker p;
    uint64_t random = 5, counter = 0;
    memset(counts, 0, ITEMS * sizeof *counts);
    assert_int_equal(picker_parse(&p, how, NULL), STATUS_OK);
    assert_int_equal(picker_build(&p, ITEMS, weights), STATUS_OK);
    for (int i = 0; i < DRAWS; i++) {
        uint32_t at = picker_next(&p, &random, &counter);
        assert_true(at < ITEMS);
        counts[at]++;
    }
    picker_fini(&p);
}

static void each_way_gives_the_shares_it_promises(void **state)
{
    (void)state;
    uint32_t counts[ITEMS];
    double weights[ITEMS], sum = 0;
    for (int i = 0; i < ITEMS; i++)
        weights[i] = i % 10 == 0 ? 0 : i;
    for (int i = 0; i < ITEMS; i++)
        sum += weights[i];
    draw("weighted", weights, counts);
    for (int i = 0; i < ITEMS; i++)
        assert_true(fabs(counts[i] - DRAWS * weights[i] / sum) < 6 * sqrt(DRAWS * 0.02) + 1);
    draw("zipf:1.2", NULL, counts);
    for (int i = 1; i < 20; i++) /* item i is 1 / (i + 1)^1.2 of the first */
        assert_true(fabs((double)counts[i] / counts[0] * pow(i + 1, 1.2) - 1) < 0.1);
    draw("uniform", NULL, counts);
    for (int i = 0; i < ITEMS; i++)
        assert_true(fabs(counts[i] - DRAWS / (double)ITEMS) < 6 * sqrt(DRAWS / (double)ITEMS));
    draw("sequential", NULL, counts);
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(counts[i], DRAWS / ITEMS);
    draw("gaussian", NULL, counts);
    assert_true(counts[50] > 5 * counts[10] && counts[49] > 5 * counts[90]);
}

static void one_item_and_no_weight_at_all_still_give_something(void **state)
{
    (void)state;
    struct picker p;
    uint64_t random = 1, counter = 0;
    double zero[3] = {0};
    picker_parse(&p, "weighted", NULL);
    assert_int_equal(picker_build(&p, 3, zero), STATUS_OK);
    for (int i = 0; i < 100; i++)
        assert_true(picker_next(&p, &random, &counter) < 3);
    picker_fini(&p);
    picker_parse(&p, "zipf", NULL);
    assert_int_equal(picker_build(&p, 1, NULL), STATUS_OK);
    assert_int_equal(picker_next(&p, &random, &counter), 0);
    picker_fini(&p);
}

static void a_wrong_word_is_named(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "zipf:", "zipf:x", "zipf:-1", "random"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct picker p;
        struct fault f = {0};
        assert_int_equal(picker_parse(&p, wrong[i], &f), STATUS_INVALID);
        assert_true(f.text[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_gives_the_shares_it_promises),
        cmocka_unit_test(one_item_and_no_weight_at_all_still_give_something),
        cmocka_unit_test(a_wrong_word_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
