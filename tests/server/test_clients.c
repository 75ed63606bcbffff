#include "server/clients.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void connections_of_one_name_share_its_rate(void **state)
{
    (void)state;
    struct clients *t = calloc(1, sizeof *t);
    struct client_limits limits = {.rate = 100};
    struct client *a = clients_join(t, SLICE_LIT("shop"));
    assert_ptr_equal(clients_join(t, SLICE_LIT("shop")), a);
    assert_ptr_not_equal(clients_join(t, SLICE_LIT("feed")), a);
    int64_t now = 5000000;
    int taken = 0;
    uint32_t wait = 0;
    while (!wait && taken < 1000) {
        wait = client_take(a, now, limits);
        taken += !wait;
    }
    assert_in_range(taken, 95, 101); /* one second's worth at once, then one in 10 ms */
    assert_in_range(wait, 1, 20);
    assert_int_equal(client_take(a, now + (int64_t)wait * 1000, limits), 0);
    assert_true(client_take(a, now + (int64_t)wait * 1000, limits) > 0);
    clients_leave(t, a);
    clients_leave(t, a);
    assert_ptr_equal(clients_join(t, SLICE_LIT("shop")), a);
    assert_true(client_take(a, now, limits) > 0); /* coming again does not fill the bucket */
    free(t);
}

static void requests_under_way_are_bounded(void **state)
{
    (void)state;
    struct client c = {.in_flight = 3};
    assert_true(client_take(&c, 0, (struct client_limits){.in_flight = 3}) > 0);
    c.in_flight = 2;
    assert_int_equal(client_take(&c, 0, (struct client_limits){.in_flight = 3}), 0);
    assert_int_equal(client_take(&c, 0, (struct client_limits){0}), 0);
}

static void more_names_than_rows_share_the_nameless_one(void **state)
{
    (void)state;
    struct clients *t = calloc(1, sizeof *t);
    struct client *none = clients_join(t, SLICE_NULL);
    char name[16];
    for (int i = 1; i < CLIENTS; i++) {
        snprintf(name, sizeof name, "c%d", i);
        assert_ptr_not_equal(clients_join(t, slice_str(name)), none);
    }
    assert_ptr_equal(clients_join(t, SLICE_LIT("late")), none);
    clients_leave(t, &t->rows[5]);
    assert_ptr_equal(clients_join(t, SLICE_LIT("late")), &t->rows[5]);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_of_one_name_share_its_rate),
        cmocka_unit_test(requests_under_way_are_bounded),
        cmocka_unit_test(more_names_than_rows_share_the_nameless_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
