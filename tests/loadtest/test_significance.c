#include "loadtest/significance.h"

#include <math.h>
#include "loadtest/schedule.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void p_is_that_of_the_published_tables(void **state)
{
    (void)state;
    struct significance g;
    /* R: wilcox.test(c(1,2,3,4,5), c(6,7,8,9,10)) gives p = 0.007937 (2 / 252) */
    double a[] = {3, 1, 2, 5, 4}, b[] = {10, 6, 9, 7, 8};
    significance_test(a, 5, b, 5, &g);
    assert_true(fabs(g.p - 2.0 / 252) < 1e-9);
    assert_true(g.median_a == 3 && g.median_b == 8);
    /* 3 and 3, one pair out of order: U = 1, p = 2 * 2 / 20 */
    double c[] = {1, 2, 4}, d[] = {3, 5, 6};
    significance_test(c, 3, d, 3, &g);
    assert_true(fabs(g.p - 0.2) < 1e-9);
    /* all ties */
    double e[] = {7, 7, 7}, f[] = {7, 7, 7, 7};
    significance_test(e, 3, f, 4, &g);
    assert_true(g.p == 1 && g.ratio == 1);
}

static void chance_is_called_a_difference_as_often_as_p_says(void **state)
{
    (void)state;
    uint64_t random = 77;
    int found = 0;
    enum { TRIALS = 150, N = 30 };
    for (int t = 0; t < TRIALS; t++) {
        double a[N], b[N];
        for (int i = 0; i < N; i++) {
            a[i] = -log(1 - random_unit(&random));
            b[i] = -log(1 - random_unit(&random));
        }
        struct significance g;
        significance_test(a, N, b, N, &g);
        found += g.p < 0.05;
        assert_true(g.ratio_low <= g.ratio_high);
    }
    assert_true(found >= 2 && found <= 15);
}

static void a_shift_of_a_fifth_is_found(void **state)
{
    (void)state;
    uint64_t random = 5;
    double a[40], b[40];
    for (int i = 0; i < 40; i++) {
        a[i] = 100 + 20 * random_unit(&random);
        b[i] = 120 + 20 * random_unit(&random);
    }
    struct significance g;
    significance_test(a, 40, b, 40, &g);
    assert_true(g.p < 1e-6 && g.ratio_low > 1.1 && g.ratio_high < 1.3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p_is_that_of_the_published_tables),
        cmocka_unit_test(chance_is_called_a_difference_as_often_as_p_says),
        cmocka_unit_test(a_shift_of_a_fifth_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
