/* Versions of deletes: known within the window, pruned in order of time, given up by a delete
 * without one. */
#include "server/deleted.h"
#include "tests/index/support_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct shop shop;
static uint64_t sequence;

static int setup(void **state)
{
    (void)state;
    sequence = 0;
    shop_open(&shop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    shop_close(&shop);
    return 0;
}

static void delete_some(unsigned from, unsigned count, uint64_t version, int64_t ms, int64_t window)
{
    struct batch *b;
    uint64_t added = 0;
    assert_int_equal(batch_begin(shop.ix, &b), STATUS_OK);
    sequence++;
    for (unsigned i = from; i < from + count; i++) {
        char id[16];
        struct put_item item = {.op = PUT_DELETE, .version = version};
        snprintf(id, sizeof id, "p%u", i);
        assert_int_equal(deleted_apply(b, &item, slice_str(id), ms, sequence, i - from, &added),
                         STATUS_OK);
    }
    assert_int_equal(added, version ? count : 0);
    assert_int_equal(deleted_prune(b, ms - window, added), STATUS_OK);
    assert_int_equal(batch_commit(&b, sequence), STATUS_OK);
}

static uint64_t version_of(const char *id, int64_t oldest)
{
    uint64_t version;
    assert_int_equal(deleted_version(shop.ix, slice_str(id), oldest, &version), STATUS_OK);
    return version;
}

static unsigned rows_with(const char *prefix)
{
    struct batch *b;
    struct slice key, value;
    char from[600];
    unsigned n = 0;
    size_t len = strlen(prefix);
    memcpy(from, prefix, len + 1);
    assert_int_equal(batch_begin(shop.ix, &b), STATUS_OK);
    while (batch_row_seek(b, slice_make(from, len), &key, &value) == STATUS_OK &&
           slice_starts(key, slice_str(prefix))) {
        n++;
        memcpy(from, key.ptr, key.len);
        from[key.len] = 0;
        len = key.len + 1;
    }
    batch_abort(&b);
    return n;
}

static void the_last_delete_counts_within_the_window(void **state)
{
    (void)state;
    delete_some(0, 3, 7, 1000, 500);
    assert_int_equal(version_of("p1", 0), 7);
    assert_int_equal(version_of("p9", 0), 0);
    assert_int_equal(version_of("p1", 1001), 0);
    delete_some(1, 1, 9, 1100, 500);
    assert_int_equal(version_of("p1", 0), 9);
    delete_some(1, 1, 0, 1200, 500);
    assert_int_equal(version_of("p1", 0), 0);
    assert_int_equal(version_of("p2", 0), 7);
}

static void what_is_beyond_the_window_is_removed(void **state)
{
    (void)state;
    delete_some(0, 40, 7, 1000, 500);
    delete_some(0, 1, 8, 1400,
                500); /* again: the row of the first time is not that of the second */
    delete_some(100, 1, 7, 1600, 500);
    assert_int_equal(version_of("p0", 0), 8);
    assert_int_equal(version_of("p1", 0), 0);
    assert_int_equal(rows_with("gone/"), 2);
    assert_int_equal(rows_with("gonet/"), 2);
    delete_some(200, 1, 7, 9000, 500);
    assert_int_equal(rows_with("gone/"), 1);
    assert_int_equal(rows_with("gonet/"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_delete_counts_within_the_window, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_beyond_the_window_is_removed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
