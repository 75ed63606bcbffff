/* Catalogs as a front opens them, while the writer exchanges what is below their names. */
#include "server/catalogs.h"
#include "server/writer_catalog.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/index/support_index.h"

enum { MAP = 1 << 24, EXCHANGES = 150 };

static char dir[64], staged[128], aside[128];
static struct shared *shared;
static int shared_fd;

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/souk-catalogs-XXXXXX");
    if (!mkdtemp(dir) || shared_create(&shared, &shared_fd))
        return -1;
    snprintf(staged, sizeof staged, "%s/catalogs/staged", dir);
    snprintf(aside, sizeof aside, "%s/catalogs/.aside", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_tree(dir);
    munmap(shared, sizeof *shared);
    close(shared_fd);
    return 0;
}

static void make(const char *name, uint64_t edition)
{
    struct schema *schema = shop_schema();
    assert_int_equal(writer_catalog_create(dir, slice_str(name), schema, edition, MAP, NULL),
                     STATUS_OK);
    schema_destroy(&schema);
}

/* What the writer does when a copy has come; `apart`: where the file system cannot exchange. */
struct exchanging {
    bool apart;
    _Atomic bool ended;
};

static void *exchange(void *ctx)
{
    struct exchanging *x = ctx;
    char home[128];
    snprintf(home, sizeof home, "%s/catalogs/shop", dir);
    for (uint64_t e = 2; e < 2 + EXCHANGES; e++) {
        make("staged", e);
        if (x->apart) {
            assert_int_equal(rename(home, aside), 0);
            assert_int_equal(rename(staged, home), 0);
            remove_tree(aside);
        } else {
            assert_int_equal(writer_catalog_adopt(dir, SLICE_LIT("shop"), staged), STATUS_OK);
            remove_tree(staged);
        }
        shared->catalogs[0].edition = e;
        shared->catalog_epoch++;
    }
    x->ended = true;
    return NULL;
}

static void open_meanwhile(bool apart)
{
    struct exchanging x = {.apart = apart};
    pthread_t thread;
    uint64_t opened = 0, failed = 0;
    make("shop", 1);
    assert_ptr_equal(shared_catalog_claim(shared, SLICE_LIT("shop")), &shared->catalogs[0]);
    assert_int_equal(pthread_create(&thread, NULL, exchange, &x), 0);
    while (!x.ended) {
        struct catalogs *front;
        struct catalog *c;
        struct fault fault = {0};
        assert_int_equal(catalogs_create(dir, shared, shared_fd, MAP, &front), STATUS_OK);
        enum status st = catalogs_get(front, SLICE_LIT("shop"), &c, &fault);
        opened++;
        if (st && !failed++)
            print_message("%s: %s\n", status_text(st), fault.text);
        assert_true(st || !fault.status);
        catalogs_destroy(&front);
    }
    pthread_join(thread, NULL);
    print_message("opened %llu times, %llu failed\n", (unsigned long long)opened,
                  (unsigned long long)failed);
    assert_int_equal(failed, 0);
}

static void one_that_is_exchanged_just_now_is_opened(void **state)
{
    (void)state;
    open_meanwhile(false);
}

static void also_where_that_takes_two_renames(void **state)
{
    (void)state;
    open_meanwhile(true);
}

static void one_that_is_not_there_or_damaged_is_told(void **state)
{
    (void)state;
    struct catalogs *front;
    struct catalog *c;
    struct fault fault = {0};
    char path[160];
    make("shop", 1);
    assert_int_equal(catalogs_create(dir, shared, shared_fd, MAP, &front), STATUS_OK);
    assert_int_equal(catalogs_get(front, SLICE_LIT("other"), &c, &fault), STATUS_UNKNOWN_CATALOG);
    assert_int_equal(catalogs_get(front, SLICE_LIT("../x"), &c, &fault), STATUS_UNKNOWN_CATALOG);
    snprintf(path, sizeof path, "%s/catalogs/shop/e-000001", dir);
    remove_tree(path);
    assert_int_not_equal(catalogs_get(front, SLICE_LIT("shop"), &c, &fault), STATUS_OK);
    catalogs_destroy(&front);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_is_exchanged_just_now_is_opened, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(also_where_that_takes_two_renames, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_not_there_or_damaged_is_told, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
