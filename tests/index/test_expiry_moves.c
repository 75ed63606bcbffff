/* What commits tell of the expiry rows they touched, and how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "index/expiry_moves.h"

static struct store *store;
static char dir[32];
static uint32_t seen[64], seen_count;

static int set_up(void **state)
{
    (void)state;
    struct store_options o = {.map_bytes = 16 << 20, .create = true, .max_readers = 4};
    snprintf(dir, sizeof dir, "/tmp/souk-moves-XXXXXX");
    return !mkdtemp(dir) || store_open(dir, &o, &store);
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    store_close(&store);
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static enum status each(void *ctx, uint32_t docid)
{
    (void)ctx;
    seen[seen_count++] = docid;
    return STATUS_OK;
}

static void add(uint64_t generation, struct expiry_move *m)
{
    struct store_txn *t;
    assert_int_equal(store_begin(store, true, &t), STATUS_OK);
    assert_int_equal(expiry_moves_add(t, generation, m), STATUS_OK);
    assert_int_equal(store_commit(&t), STATUS_OK);
    expiry_move_fini(m);
}

static bool since(uint64_t generation, int64_t until, uint64_t most)
{
    struct store_txn *t;
    bool told;
    seen_count = 0;
    assert_int_equal(store_begin(store, false, &t), STATUS_OK);
    assert_int_equal(expiry_moves_since(t, generation, until, most, each, NULL, &told), STATUS_OK);
    store_abort(&t);
    return told;
}

/* Confirmed at 1000; limits near it are named, later ones are not. */
static struct expiry_move renewal(uint32_t docid, int64_t was, int64_t is)
{
    struct expiry_move m;
    expiry_move_init(&m);
    expiry_move_confirmed(&m, 1000);
    expiry_move_note(&m, was, docid);
    expiry_move_note(&m, is, docid);
    return m;
}

static void what_is_past_is_named_and_what_is_to_come_is_not(void **state)
{
    (void)state;
    struct expiry_move a = renewal(7, 500, 900000), b = renewal(8, 800000, 900000);
    add(1, &a);
    add(2, &b);
    assert_true(since(0, 1000, 10));
    assert_int_equal(seen_count, 1);
    assert_int_equal(seen[0], 7);
    assert_true(since(1, 1000, 10)); /* the second touched nothing up to there */
    assert_int_equal(seen_count, 0);
    assert_true(since(0, 499, 10)); /* nor the first up to here */
    assert_int_equal(seen_count, 0);
    assert_false(since(1, 800000, 10)); /* touched, and by whom is not told */
    assert_false(since(0, 900000, 10));
    assert_int_equal(seen_count, 0);
}

static void more_than_wanted_are_not_told(void **state)
{
    (void)state;
    struct expiry_move a = renewal(7, 500, 900000), b = renewal(8, 600, 900000);
    add(1, &a);
    add(2, &b);
    assert_true(since(0, 1000, 2));
    assert_int_equal(seen_count, 2);
    assert_false(since(0, 1000, 1));
    assert_true(since(1, 1000, 1));
    struct expiry_move unnamed;
    expiry_move_init(&unnamed);
    expiry_move_unnamed(&unnamed, 400);
    add(3, &unnamed);
    assert_false(since(1, 1000, 10));
    assert_true(since(1, 399, 10));
}

static void who_names_some_and_not_others_tells_up_to_the_others(void **state)
{
    (void)state;
    struct expiry_move m = renewal(7, 500, 900000);
    expiry_move_unnamed(&m, 700);
    add(1, &m);
    assert_true(since(0, 699, 10));
    assert_int_equal(seen_count, 1);
    assert_false(since(0, 700, 10));
}

static void names_go_with_the_commits_that_are_forgotten(void **state)
{
    (void)state;
    struct store_txn *t;
    struct store_cursor *c;
    struct slice key, value;
    uint32_t rows = 0;
    for (uint64_t g = 1; g <= UINT64_C(3) * EXPIRY_MOVES; g++) {
        struct expiry_move m = renewal((uint32_t)g, 500, 900000);
        add(g, &m);
    }
    assert_false(since(EXPIRY_MOVES, 1000, 1000));
    assert_true(since(2 * EXPIRY_MOVES + 1, 1000, 1000));
    assert_int_equal(seen_count, EXPIRY_MOVES - 1);
    assert_int_equal(store_begin(store, false, &t), STATUS_OK);
    assert_int_equal(store_cursor_open(t, STORE_META, &c), STATUS_OK);
    for (enum status st = store_seek(c, SLICE_LIT("expiry"), &key, &value); !st;
         st = store_next(c, &key, &value))
        rows += key.len == 14 && memcmp(key.ptr, "expiry", 6) == 0;
    store_cursor_close(&c);
    store_abort(&t);
    assert_int_equal(rows, EXPIRY_MOVES);
}

static void so_many_are_named_and_no_more(void **state)
{
    (void)state;
    struct expiry_move m;
    expiry_move_init(&m);
    expiry_move_confirmed(&m, 1000);
    for (uint32_t i = 0; i < EXPIRY_NAMED; i++)
        expiry_move_note(&m, 500, i);
    assert_int_equal(m.untold, INT64_MAX);
    expiry_move_note(&m, 600, EXPIRY_NAMED);
    assert_int_equal(m.count, EXPIRY_NAMED);
    assert_int_equal(m.untold, 600);
    assert_int_equal(m.least, 500);
    expiry_move_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_past_is_named_and_what_is_to_come_is_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(more_than_wanted_are_not_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_names_some_and_not_others_tells_up_to_the_others,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_go_with_the_commits_that_are_forgotten, set_up,
                                        tear_down),
        cmocka_unit_test(so_many_are_named_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
