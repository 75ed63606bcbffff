/* arrival: when requests came, told from when their connection was read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/arrival.h"

static void what_is_read_at_once_came_at_once(void **state)
{
    (void)state;
    struct arrival a = {0};
    arrival_read(&a, 100, 0, 5000);
    assert_int_equal(arrival_of(&a, 1, 100), 5000);
    assert_int_equal(arrival_of(&a, 100, 100), 5000);
    arrival_read(&a, 100, 50, 6000);
    assert_int_equal(arrival_of(&a, 1, 100), 6000);
}

static void what_stood_unread_came_evenly_since(void **state)
{
    (void)state;
    struct arrival a = {0};
    arrival_stands(&a, 1000);
    arrival_stands(&a, 4000); /* still */
    arrival_read(&a, 100, 0, 5000);
    assert_int_equal(arrival_of(&a, 25, 100), 2000);
    assert_int_equal(arrival_of(&a, 75, 100), 4000);
    assert_int_equal(arrival_of(&a, 100, 100), 5000); /* a single request came just now */
    arrival_read(&a, 10, 0, 6000);                    /* and nothing is unread any more */
    assert_int_equal(arrival_of(&a, 1, 10), 6000);
}

static void what_is_left_there_is_older_than_the_read(void **state)
{
    (void)state;
    struct arrival a = {0};
    arrival_stands(&a, 1000);
    arrival_read(&a, 100, 300, 5000);
    assert_int_equal(arrival_of(&a, 50, 100), 1500);
    assert_int_equal(arrival_of(&a, 100, 100), 2000);
    arrival_read(&a, 300, 0, 6000);
    assert_int_equal(arrival_of(&a, 150, 300), 4000);
    assert_int_equal(arrival_of(&a, 300, 300), 6000);
}

static void what_waits_in_the_buffer_keeps_its_age(void **state)
{
    (void)state;
    struct arrival a = {0};
    arrival_stands(&a, 1000);
    arrival_read(&a, 100, 0, 5000);
    arrival_taken(&a, 25, 100);
    assert_int_equal(arrival_of(&a, 25, 75), 3000); /* now the 50th of the hundred */
    assert_int_equal(arrival_of(&a, 75, 75), 5000);
    arrival_taken(&a, 75, 75);
    assert_int_equal(arrival_of(&a, 0, 0), 5000);
}

static void an_empty_socket_makes_nothing_old(void **state)
{
    (void)state;
    struct arrival a = {0};
    arrival_stands(&a, 1000);
    arrival_empty(&a);
    arrival_read(&a, 100, 0, 5000);
    assert_int_equal(arrival_of(&a, 1, 100), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_at_once_came_at_once),
        cmocka_unit_test(what_stood_unread_came_evenly_since),
        cmocka_unit_test(what_is_left_there_is_older_than_the_read),
        cmocka_unit_test(what_waits_in_the_buffer_keeps_its_age),
        cmocka_unit_test(an_empty_socket_makes_nothing_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
