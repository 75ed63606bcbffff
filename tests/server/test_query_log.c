#include "server/query_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAY = 24 * 3600 * 1000 };

static struct query_log *logs; /* two fronts */
static struct arena arena;

static int fresh(void **state)
{
    (void)state;
    logs = calloc(2, sizeof *logs);
    arena_init(&arena, 0);
    return logs == NULL;
}

static int done(void **state)
{
    (void)state;
    free(logs);
    arena_fini(&arena);
    return 0;
}

static void note(uint32_t front, const char *catalog, const char *text, uint64_t found,
                 uint32_t took_us, int64_t now_ms)
{
    struct query_note n = {
        slice_str(catalog), slice_str(text), slice_str(text), found, took_us, now_ms, 1};
    query_log_note(&logs[front], &n);
}

static struct queries_row *rows_of(const char *catalog, enum queries_kind kind, int64_t now_ms,
                                   uint32_t *count)
{
    struct queries_row *rows;
    assert_int_equal(
        query_log_read(logs, 2, slice_str(catalog), kind, 10, now_ms, &arena, &rows, count),
        STATUS_OK);
    return rows;
}

static void counts_are_summed_over_fronts(void **state)
{
    (void)state;
    uint32_t n;
    for (int i = 0; i < 5; i++)
        note((uint32_t)i % 2, "shop", "red shoes", 10, 100, 1000);
    note(0, "shop", "lamp", 3, 50, 1000);
    note(0, "other", "lamp", 3, 50, 1000);
    struct queries_row *r = rows_of("shop", QUERIES_POPULAR, 1000, &n);
    assert_int_equal(n, 2);
    assert_true(slice_equal(r[0].text, SLICE_LIT("red shoes")));
    assert_true(r[0].count == 5);
    assert_int_equal(r[0].found, 10);
    assert_true(r[1].count == 1);
}

static void counts_halve_with_every_day(void **state)
{
    (void)state;
    uint32_t n;
    for (int i = 0; i < 8; i++)
        note(0, "shop", "yesterday", 1, 10, 1000);
    for (int i = 0; i < 3; i++)
        note(1, "shop", "today", 1, 10, 1000 + 2 * DAY);
    struct queries_row *r = rows_of("shop", QUERIES_POPULAR, 1000 + 2 * DAY, &n);
    assert_int_equal(n, 2);
    assert_true(slice_equal(r[0].text, SLICE_LIT("today")));
    assert_true(r[1].count > 1.99 && r[1].count < 2.01);
    assert_int_equal(r[1].age_ms, 2 * DAY);
}

static void only_fruitless_queries_are_listed_as_such(void **state)
{
    (void)state;
    uint32_t n;
    note(0, "shop", "found", 1, 10, 1);
    note(0, "shop", "nothing", 0, 10, 2);
    struct queries_row *r = rows_of("shop", QUERIES_NO_HITS, 3, &n);
    assert_int_equal(n, 1);
    assert_true(slice_equal(r[0].text, SLICE_LIT("nothing")));
}

static void the_slowest_stay_however_many_come(void **state)
{
    (void)state;
    char text[32];
    uint32_t n;
    note(0, "shop", "slowest", 1, 90000, 1);
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "query %d", i);
        note(0, "shop", text, 1, 100, 2);
    }
    struct queries_row *r = rows_of("shop", QUERIES_SLOW, 3, &n);
    assert_int_equal(n, 10);
    assert_true(slice_equal(r[0].text, SLICE_LIT("slowest")));
    assert_int_equal(r[0].slowest_us, 90000);
}

static void popular_queries_survive_a_flood_of_rare_ones(void **state)
{
    (void)state;
    char text[32];
    uint32_t n;
    for (int i = 0; i < 50; i++)
        note(0, "shop", "popular", 1, 10, 1);
    for (int i = 0; i < 100000; i++) {
        snprintf(text, sizeof text, "rare %d", i);
        note(0, "shop", text, 1, 10, 2);
    }
    struct queries_row *r = rows_of("shop", QUERIES_POPULAR, 3, &n);
    assert_true(slice_equal(r[0].text, SLICE_LIT("popular")));
    assert_true(r[0].count > 49);
}

static void a_record_that_is_being_written_is_left_out(void **state)
{
    (void)state;
    uint32_t n;
    note(0, "shop", "whole", 1, 10, 1);
    note(0, "shop", "torn", 1, 10, 1);
    for (uint32_t i = 0; i < QUERY_RECORDS; i++)
        if (logs[0].records[i].len == 4)
            atomic_fetch_add(&logs[0].records[i].version, 1);
    struct queries_row *r = rows_of("shop", QUERIES_POPULAR, 3, &n);
    assert_int_equal(n, 1);
    assert_true(slice_equal(r[0].text, SLICE_LIT("whole")));
    /* the writer died in between: its successor makes the record whole again */
    note(0, "shop", "torn", 1, 10, 4);
    rows_of("shop", QUERIES_POPULAR, 5, &n);
    assert_int_equal(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_are_summed_over_fronts, fresh, done),
        cmocka_unit_test_setup_teardown(counts_halve_with_every_day, fresh, done),
        cmocka_unit_test_setup_teardown(only_fruitless_queries_are_listed_as_such, fresh, done),
        cmocka_unit_test_setup_teardown(the_slowest_stay_however_many_come, fresh, done),
        cmocka_unit_test_setup_teardown(popular_queries_survive_a_flood_of_rare_ones, fresh, done),
        cmocka_unit_test_setup_teardown(a_record_that_is_being_written_is_left_out, fresh, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
