/* An id on its way in another bulk is found until that bulk ended, however many came since. */
#include "cli/recent_ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct recent_ids *ids;

static uint64_t note(unsigned id, uint64_t serial, uint64_t oldest)
{
    char text[16];
    int n = snprintf(text, sizeof text, "p%u", id);
    return recent_ids_note(ids, slice_make(text, (size_t)n), serial, oldest);
}

static int setup(void **state)
{
    (void)state;
    ids = calloc(1, sizeof *ids);
    return ids ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(ids);
    return 0;
}

static void the_bulk_that_holds_an_id_is_named(void **state)
{
    (void)state;
    assert_int_equal(note(1, 1, 1), 0);
    assert_int_equal(note(1, 1, 1), 0); /* twice in one bulk: they stay in order */
    assert_int_equal(note(1, 2, 1), 1);
    assert_int_equal(note(1, 3, 2), 2);
    assert_int_equal(note(1, 9, 9), 0); /* the others ended */
    assert_int_equal(note(2, 9, 9), 0);
}

static void what_is_on_its_way_is_found_among_a_million(void **state)
{
    (void)state;
    enum { BULK = 1000, WINDOW = 16, BULKS = 1000 };
    for (unsigned s = 1; s <= BULKS; s++) {
        uint64_t oldest = s > WINDOW ? s - WINDOW : 1;
        for (unsigned i = 0; i < BULK; i++)
            assert_int_equal(note(s * BULK + i, s, oldest), 0);
        if (s > 3)
            assert_int_equal(note((s - 3) * BULK + 17, s, oldest), s - 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_bulk_that_holds_an_id_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_on_its_way_is_found_among_a_million, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
