/* lease: a late answer of the upstream is told from a current one, also when the table forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/lease.h"

static void lease_holds_until_the_product_changes(void **state)
{
    (void)state;
    struct lease_table *t;
    assert_int_equal(lease_create(64, 10, &t), STATUS_OK);
    assert_true(lease_holds(t, SLICE_LIT("a"), 10));
    lease_note(t, SLICE_LIT("a"), 11);
    assert_false(lease_holds(t, SLICE_LIT("a"), 10));
    assert_true(lease_holds(t, SLICE_LIT("a"), 11));
    assert_true(lease_holds(t, SLICE_LIT("b"), 10));
    lease_destroy(&t);
}

static void lease_from_before_the_table_is_refused(void **state)
{
    (void)state;
    struct lease_table *t;
    assert_int_equal(lease_create(64, 10, &t), STATUS_OK);
    assert_false(lease_holds(t, SLICE_LIT("a"), 9));
    lease_destroy(&t);
}

/* Against a plain array: the table may refuse a lease that would hold, never the other way. */
static void lease_random_changes_never_hold_wrongly(void **state)
{
    (void)state;
    enum { PRODUCTS = 500, STEPS = 200000, KEPT = 64 };
    static uint64_t last[PRODUCTS];
    struct lease_table *t;
    uint64_t sequence = 0, held = 0;
    srand(7);
    assert_int_equal(lease_create(KEPT, 0, &t), STATUS_OK);
    for (int i = 0; i < STEPS; i++) {
        int at = rand() % PRODUCTS, asked = rand() % PRODUCTS;
        uint64_t back = (uint64_t)rand() % 100, lease = sequence > back ? sequence - back : 0;
        if (lease_holds(t, slice_make(&asked, sizeof asked), lease)) {
            assert_true(last[asked] <= lease);
            held++;
        }
        last[at] = ++sequence;
        lease_note(t, slice_make(&at, sizeof at), sequence);
    }
    assert_true(held > STEPS / 10);
    lease_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lease_holds_until_the_product_changes),
        cmocka_unit_test(lease_from_before_the_table_is_refused),
        cmocka_unit_test(lease_random_changes_never_hold_wrongly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
