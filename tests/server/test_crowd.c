/* crowd: what is read of the kernel's count of those who want to run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/crowd.h"

static void more_than_processors_are_a_crowd(void **state)
{
    (void)state;
    assert_false(crowd_read("0.20 0.18 0.12 1/80 11206\n", 2));
    assert_false(crowd_read("7.20 5.18 3.12 2/80 11206\n", 2)); /* what was does not count */
    assert_true(crowd_read("0.20 0.18 0.12 3/80 11206\n", 2));
    assert_true(crowd_read("0.20 0.18 0.12 2/80 11206\n", 1));
    assert_false(crowd_read("0.20 0.18 0.12 64/80 11206\n", 64));
}

static void what_cannot_be_told_is_a_crowd(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "0.20",
                                        "0.20 0.18 0.12",
                                        "0.20 0.18 0.12 ",
                                        "0.20 0.18 0.12 x/80 1",
                                        "0.20 0.18 0.12 1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_true(crowd_read(texts[i], 2));
    struct crowd none = {.fd = -1, .processors = 64};
    assert_true(crowd_over(&none, 1));
}

static void a_look_is_kept_for_a_moment(void **state)
{
    (void)state;
    struct crowd c;
    crowd_init(&c);
    assert_true(c.processors >= 1);
    c.processors = 1000000;
    assert_false(crowd_over(&c, 5000));
    c.processors = 0; /* this thread runs: one too many */
    assert_false(crowd_over(&c, 5000 + CROWD_US - 1));
    assert_true(crowd_over(&c, 5000 + CROWD_US));
    c.processors = 1000000;
    assert_true(crowd_over(&c, 5000 + 2 * CROWD_US - 1));
    assert_false(crowd_over(&c, 5000 + 2 * CROWD_US));
    crowd_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_processors_are_a_crowd),
        cmocka_unit_test(what_cannot_be_told_is_a_crowd),
        cmocka_unit_test(a_look_is_kept_for_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
