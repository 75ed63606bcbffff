/* A log read while it is written: in order, over files, never behind what is durable. */
#include "server/event_log.h"
#include "server/log_reader.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/server/support_log.h"

#include "protocol/follow.h"
#include "server/log_readers.h"
#include "server/log_record.h"
#include "server/promoted.h"

static struct event_log *must_open(uint64_t applied)
{
    struct event_log *log;
    uint64_t cut;
    struct event_log_options o = small;
    o.applied = applied;
    assert_int_equal(event_log_open(dir, &o, &log, &cut, NULL), STATUS_OK);
    return log;
}

static int text_of(uint64_t sequence, char text[64])
{
    return snprintf(text, 64, "change number %llu", (unsigned long long)sequence);
}

/* Records of `step` sequences each. */
static void must_append(struct event_log *log, uint64_t from, uint64_t to, uint64_t step)
{
    char text[64];
    for (uint64_t i = from; i <= to; i += step) {
        int n = text_of(i, text);
        assert_int_equal(event_log_append(log, i, 7, slice_make(text, (size_t)n), false),
                         STATUS_OK);
    }
    assert_int_equal(event_log_sync(log), STATUS_OK);
}

static struct log_reader *reader_at(uint64_t after)
{
    struct log_reader *r;
    assert_int_equal(log_reader_open(dir, after, &r), STATUS_OK);
    assert_int_equal(log_reader_at(r), after);
    return r;
}

static void must_read(struct log_reader *r, uint64_t from, uint64_t to, uint64_t durable)
{
    struct log_record record;
    char text[64];
    for (uint64_t i = from; i <= to; i++) {
        assert_int_equal(log_reader_peek(r, durable, &record), STATUS_OK);
        int n = text_of(i, text);
        assert_int_equal(record.sequence, i);
        assert_true(slice_equal(record.payload, slice_make(text, (size_t)n)));
        log_reader_skip(r);
        assert_int_equal(log_reader_hash(r), log_piece_hash(i, 7, slice_make(text, (size_t)n)));
    }
    assert_int_equal(log_reader_peek(r, durable, &record), STATUS_AGAIN);
}

static void it_follows_the_writer_over_files(void **state)
{
    (void)state;
    struct event_log *log = must_open(0);
    must_append(log, 1, 100, 1);
    struct log_reader *r = reader_at(0);
    must_read(r, 1, 60, 60);
    must_read(r, 61, 100, 100);
    must_append(log, 101, 500, 1); /* several files on */
    must_read(r, 101, 500, 500);
    log_reader_close(&r);
    for (uint64_t after = 0; after < 500; after++) {
        char text[64];
        struct slice before = slice_make(text, (size_t)text_of(after, text));
        r = reader_at(after);
        /* also where a file begins: it is compared with a follower's */
        assert_int_equal(log_reader_hash(r), after ? log_piece_hash(after, 7, before) : 0);
        must_read(r, after + 1, 500, 500);
        log_reader_close(&r);
    }
    event_log_close(&log);
}

static void nothing_is_read_behind_what_is_durable(void **state)
{
    (void)state;
    struct event_log *log = must_open(0);
    must_append(log, 1, 10, 1);
    struct log_reader *r = reader_at(4);
    must_read(r, 5, 7, 7);
    must_read(r, 8, 10, 10);
    log_reader_close(&r);
    event_log_close(&log);
}

static void a_sequence_inside_a_record_is_no_place_to_go_on(void **state)
{
    (void)state;
    struct log_reader *r;
    struct event_log *log = must_open(0);
    must_append(log, 3, 30, 3);
    for (uint64_t after = 1; after < 30; after++) {
        enum status st = log_reader_open(dir, after, &r);
        assert_int_equal(st, after % 3 ? STATUS_MOVED : STATUS_OK);
        log_reader_close(&r);
    }
    event_log_close(&log);
}

static void what_is_pruned_is_not_found(void **state)
{
    (void)state;
    struct log_reader *r;
    struct event_log *log = must_open(0);
    assert_int_equal(log_reader_open(dir, 0, &r), STATUS_AGAIN); /* nothing yet */
    must_append(log, 1, 500, 1);
    assert_int_equal(log_reader_first(dir), 0);
    assert_int_equal(event_log_prune(log, 400, 0), STATUS_OK);
    uint64_t first = log_reader_first(dir);
    assert_true(first > 0 && first <= 400);
    assert_int_equal(log_reader_open(dir, first - 1, &r), STATUS_NOT_FOUND);
    r = reader_at(first);
    must_read(r, first + 1, 500, 500);
    log_reader_close(&r);
    event_log_close(&log);
}

/* The log of a copy: nothing before the sequence it stands at, everything behind it. */
static void a_log_that_begins_in_the_middle(void **state)
{
    (void)state;
    struct log_reader *r;
    struct fault fault;
    uint64_t first, last;
    assert_int_equal(event_log_begin(dir, 1000), STATUS_OK);
    assert_int_equal(event_log_check(dir, 1000, &first, &last, &fault), STATUS_OK);
    struct event_log *log = must_open(1000);
    assert_int_equal(event_log_last(log), 1000);
    assert_int_equal(log_reader_open(dir, 999, &r), STATUS_NOT_FOUND);
    r = reader_at(1000);
    assert_int_equal(log_reader_hash(r), 0); /* of a record it does not hold */
    must_append(log, 1001, 1010, 1);
    must_read(r, 1001, 1010, 1010);
    log_reader_close(&r);
    event_log_close(&log);
    log = must_open(1000);
    assert_int_equal(event_log_last(log), 1010);
    event_log_close(&log);
}

static void a_damaged_record_is_told(void **state)
{
    (void)state;
    char path[128];
    struct log_reader *r;
    struct log_record record;
    struct event_log *log = must_open(0);
    must_append(log, 1, 10, 1);
    event_log_close(&log);
    snprintf(path, sizeof path, "%s/%020d.log", dir, 1);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "X", 1, LOG_HEADER + LOG_RECORD_HEAD + 3), 1);
    close(fd);
    r = reader_at(0);
    assert_int_equal(log_reader_peek(r, 10, &record), STATUS_CORRUPT);
    log_reader_close(&r);
    assert_int_equal(log_reader_open(dir, 5, &r), STATUS_CORRUPT);
}

/* Files of logs under `dir` that are mapped here. */
static int mapped(void)
{
    char line[512];
    int n = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        n += strstr(line, dir) != NULL;
    fclose(f);
    return n;
}

static void a_reader_that_nobody_uses_holds_no_file(void **state)
{
    (void)state;
    static struct log_readers readers;
    char command[128], data[64];
    struct log_reader *r;
    struct log_record record;
    snprintf(data, sizeof data, "%s", dir);
    snprintf(command, sizeof command, "mkdir -p %s/catalogs/shop/log", data);
    assert_int_equal(system(command), 0);
    snprintf(dir, sizeof dir, "%.40s/catalogs/shop/log", data);
    struct event_log *log = must_open(0);
    must_append(log, 1, 10, 1);
    assert_int_equal(log_readers_get(&readers, data, "shop", 5, &r), STATUS_OK);
    assert_int_equal(log_readers_get(&readers, data, "shop", 7, &r), STATUS_OK);
    int64_t now = clock_mono_ms();
    log_readers_tidy(&readers, now - 1000); /* they were used since */
    assert_int_equal(mapped(), 2);
    usleep(3000);
    assert_int_equal(log_readers_get(&readers, data, "shop", 7, &r), STATUS_OK);
    log_readers_tidy(&readers, now + 1);
    assert_int_equal(mapped(), 1);
    assert_int_equal(log_reader_peek(r, 10, &record), STATUS_OK);
    assert_int_equal(record.sequence, 8);
    log_readers_close(&readers);
    assert_int_equal(mapped(), 0);
    event_log_close(&log);
    snprintf(dir, sizeof dir, "%s", data);
}

static void a_record_without_a_time_is_told_by_what_stands_before_it(void **state)
{
    (void)state;
    const struct log_record first = {7, LOG_CHANGES, {"one", 3}},
                            other = {7, LOG_CHANGES, {"two", 3}};
    const struct log_record setting = {8, LOG_SETTING, {"same", 4}},
                            next = {9, LOG_REBUILD, {"", 0}};
    uint64_t a = log_record_hash(0, &first), b = log_record_hash(0, &other);
    assert_int_equal(a, log_record_hash(b, &first));
    assert_int_equal(log_record_hash(0, &setting), 0);
    assert_int_not_equal(log_record_hash(a, &setting), 0);
    assert_int_not_equal(log_record_hash(a, &setting), log_record_hash(b, &setting));
    assert_int_not_equal(log_record_hash(log_record_hash(a, &setting), &next),
                         log_record_hash(log_record_hash(b, &setting), &next));
}

static void who_was_promoted_follows_no_more(void **state)
{
    (void)state;
    assert_true(promoted_follows(dir, "a:1"));
    assert_false(promoted_follows(dir, ""));
    assert_int_equal(promoted_write(dir, "a:1"), STATUS_OK);
    assert_false(promoted_follows(dir, "a:1"));
    assert_false(promoted_follows(dir, "a:1"));
    assert_true(promoted_follows(dir, "b:1")); /* another leader: it means nothing now */
    assert_true(promoted_follows(dir, "a:1"));
    assert_int_equal(promoted_write(dir, "a:1"), STATUS_OK);
    assert_false(promoted_follows(dir, "")); /* who takes the option away and gives it again */
    assert_true(promoted_follows(dir, "a:1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_follows_the_writer_over_files, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_read_behind_what_is_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sequence_inside_a_record_is_no_place_to_go_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_pruned_is_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_begins_in_the_middle, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_record_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_nobody_uses_holds_no_file, setup, teardown),
        cmocka_unit_test(a_record_without_a_time_is_told_by_what_stands_before_it),
        cmocka_unit_test_setup_teardown(who_was_promoted_follows_no_more, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
