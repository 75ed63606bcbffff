#include "server/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/log_spare.h"
#include "tests/server/support_log.h"

static struct event_log *must_open(const struct event_log_options *o, uint64_t *cut)
{
    struct event_log *log;
    struct fault f = {0};
    enum status s = event_log_open(dir, o, &log, cut, &f);
    if (s)
        print_message("%s\n", f.text);
    assert_int_equal(s, STATUS_OK);
    return log;
}

static void must_append(struct event_log *log, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i <= to; i++) {
        char text[64];
        int n = snprintf(text, sizeof text, "change number %llu%.*s", (unsigned long long)i,
                         (int)(i % 9), "xxxxxxxxx");
        assert_int_equal(event_log_append(log, i, 7, slice_make(text, (size_t)n), false),
                         STATUS_OK);
    }
    assert_int_equal(event_log_sync(log), STATUS_OK);
}

struct seen {
    uint64_t next, count;
};

static enum status each(void *ctx, const struct log_record *r)
{
    struct seen *s = ctx;
    char text[64];
    int n = snprintf(text, sizeof text, "change number %llu%.*s", (unsigned long long)r->sequence,
                     (int)(r->sequence % 9), "xxxxxxxxx");
    assert_int_equal(r->sequence, s->next++);
    assert_true(slice_equal(r->payload, slice_make(text, (size_t)n)));
    s->count++;
    return STATUS_OK;
}

static uint64_t replayed(uint64_t after)
{
    struct seen s = {.next = after + 1};
    assert_int_equal(event_log_replay(dir, after, each, &s, NULL), STATUS_OK);
    return s.count;
}

static void what_was_synced_is_replayed_in_order(void **state)
{
    (void)state;
    uint64_t cut;
    struct event_log *log = must_open(&small, &cut);
    must_append(log, 1, 500); /* several files */
    event_log_close(&log);
    assert_int_equal(replayed(0), 500);
    assert_int_equal(replayed(437), 63);
    log = must_open(&small, &cut);
    assert_int_equal(cut, 0);
    assert_int_equal(event_log_last(log), 500);
    must_append(log, 501, 600);
    event_log_close(&log);
    assert_int_equal(replayed(0), 600);
}

static void only_file(char *path, size_t cap)
{
    snprintf(path, cap, "%s/%020d.log", dir, 1);
}

/* Whatever part of the last record reached the disk, the records before it stay and the log goes
 * on. */
static void a_torn_tail_is_cut_at_every_byte(void **state)
{
    (void)state;
    char path[128], bytes[4096];
    uint64_t cut;
    struct event_log *log = must_open(&small, &cut);
    must_append(log, 1, 10);
    event_log_close(&log);
    only_file(path, sizeof path);
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, bytes, sizeof bytes, 0), sizeof bytes);
    size_t end = sizeof bytes;
    while (!bytes[end - 1])
        end--;
    for (size_t at = end - 1; at > end - 20; at--) {
        char zero[4096] = {0};
        assert_int_equal(pwrite(fd, bytes, sizeof bytes, 0), sizeof bytes);
        assert_int_equal(pwrite(fd, zero, sizeof bytes - at, (off_t)at),
                         (ssize_t)(sizeof bytes - at));
        log = must_open(&small, &cut);
        assert_true(cut > 0);
        assert_int_equal(event_log_last(log), 9);
        must_append(log, 10, 11);
        event_log_close(&log);
        assert_int_equal(replayed(0), 11);
    }
    close(fd);
}

static void damage_in_the_middle_is_never_skipped(void **state)
{
    (void)state;
    char path[128], byte;
    uint64_t cut;
    struct event_log *log = must_open(&small, &cut);
    must_append(log, 1, 20);
    event_log_close(&log);
    only_file(path, sizeof path);
    int fd = open(path, O_RDWR);
    for (off_t at = 64; at < 64 + 400; at += 13) {
        struct fault f = {0};
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 4;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        enum status s = event_log_open(dir, &small, &log, &cut, &f);
        if (s == STATUS_OK) { /* a flipped padding byte is not part of any record */
            assert_int_equal(event_log_last(log), 20);
            event_log_close(&log);
        } else {
            assert_int_equal(s, STATUS_CORRUPT);
            assert_true(f.text[0]);
        }
        byte ^= 4;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
}

/* Files of the log by number: their paths. */
static uint32_t files_of(char paths[][128], uint32_t cap)
{
    uint32_t n = 0;
    for (uint64_t first = 1; first <= 500 && n < cap; first++) {
        snprintf(paths[n], sizeof paths[n], "%s/%020llu.log", dir, (unsigned long long)first);
        n += access(paths[n], F_OK) == 0;
    }
    return n;
}

static void a_file_that_is_missing_is_never_passed_over(void **state)
{
    (void)state;
    char paths[16][128];
    struct seen seen = {.next = 1};
    struct fault f = {0};
    uint64_t cut, first, last;
    struct event_log *log = must_open(&small, &cut);
    must_append(log, 1, 500);
    event_log_close(&log);
    assert_int_equal(event_log_check(dir, 500, &first, &last, &f), STATUS_OK);
    assert_int_equal(first, 1);
    assert_int_equal(last, 500);
    assert_int_equal(event_log_check(dir, 501, &first, &last, &f), STATUS_CORRUPT);
    assert_true(files_of(paths, 16) > 3);
    assert_int_equal(unlink(paths[1]), 0);
    assert_int_equal(event_log_replay(dir, 0, each, &seen, &f), STATUS_CORRUPT);
    assert_non_null(strstr(f.text, "are missing before"));
    assert_int_equal(event_log_open(dir, &small, &log, &cut, &f), STATUS_CORRUPT);
    assert_int_equal(event_log_check(dir, 500, &first, &last, &f), STATUS_CORRUPT);
    assert_int_equal(unlink(paths[0]), 0); /* the first ones may be pruned */
    assert_int_equal(event_log_replay(dir, 0, each, &seen, &f), STATUS_CORRUPT);
    assert_int_equal(event_log_check(dir, 500, &first, &last, &f), STATUS_OK);
    assert_int_equal(first, strtoull(paths[2] + strlen(dir) + 1, NULL, 10));
    assert_int_equal(replayed(first - 1), 500 - first + 1);
}

/* A restart reads what is not applied, however long the log is. */
static void what_is_applied_is_not_read_again(void **state)
{
    (void)state;
    char paths[16][128];
    uint64_t cut, first, last;
    struct event_log *log = must_open(&small, &cut);
    must_append(log, 1, 500);
    event_log_close(&log);
    assert_true(files_of(paths, 16) > 3);
    int fd = open(paths[0], O_WRONLY);
    assert_int_equal(pwrite(fd, "damage", 6, 200), 6);
    close(fd);
    struct event_log_options o = small;
    assert_int_equal(event_log_open(dir, &o, &log, &cut, NULL), STATUS_CORRUPT);
    o.applied = 400;
    log = must_open(&o, &cut);
    assert_int_equal(event_log_last(log), 500);
    event_log_close(&log);
    assert_int_equal(event_log_check(dir, 500, &first, &last, NULL), STATUS_CORRUPT);
}

static int failing_sync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

static void a_failed_sync_is_final(void **state)
{
    (void)state;
    uint64_t cut;
    struct event_log *log = must_open(&(struct event_log_options){.segment_bytes = 4096,
                                                                  .small_bytes = 4096,
                                                                  .sync = failing_sync},
                                      &cut);
    assert_int_equal(event_log_append(log, 1, 7, SLICE_LIT("x"), false), STATUS_OK);
    assert_int_equal(event_log_sync(log), STATUS_IO);
    assert_true(event_log_failed(log));
    assert_int_equal(event_log_append(log, 2, 7, SLICE_LIT("y"), false), STATUS_IO);
    assert_int_equal(event_log_sync(log), STATUS_IO);
    event_log_close(&log);
}

static void applied_files_are_pruned(void **state)
{
    (void)state;
    uint64_t cut;
    struct event_log *log = must_open(&small, &cut);
    must_append(log, 1, 500);
    uint64_t before = event_log_bytes(log);
    assert_int_equal(event_log_prune(log, 300, 0), STATUS_OK);
    assert_true(event_log_bytes(log) < before);
    assert_int_equal(replayed(300), 200);
    event_log_close(&log);
}

static bool room;

static bool told_room(const char *where, uint64_t bytes)
{
    assert_string_equal(where, dir);
    assert_true(bytes >= small.segment_bytes);
    return room;
}

/* Where the disk has no room for the next file, the end of this one is for those who may spend it,
 * and the log goes on when there is room again. */
static void a_full_disk_leaves_room_for_deletes(void **state)
{
    (void)state;
    const struct event_log_options o = {
        .segment_bytes = 4096, .small_bytes = 4096, .room = told_room};
    const struct slice payload = SLICE_LIT("a change of some forty bytes, more or less");
    uint64_t cut, taken = 0, spent = 0;
    enum status st;
    room = true;
    struct event_log *log = must_open(&o, &cut);
    assert_int_equal(event_log_append(log, 1, 7, payload, false), STATUS_OK);
    room = false;
    while (!(st = event_log_append(log, 2 + taken, 7, payload, false)))
        taken++;
    assert_int_equal(st, STATUS_NO_SPACE);
    assert_true(taken > 40 && taken < 55);
    while (!(st = event_log_append(log, 2 + taken + spent, 7, payload, true)))
        spent++;
    assert_int_equal(st, STATUS_NO_SPACE);
    assert_true(spent >= 6);
    assert_false(event_log_failed(log));
    assert_int_equal(event_log_sync(log), STATUS_OK);
    room = true;
    usleep(600000); /* it is not looked for without end */
    assert_int_equal(event_log_append(log, 2 + taken + spent, 7, payload, false), STATUS_OK);
    assert_int_equal(event_log_sync(log), STATUS_OK);
    event_log_close(&log);
    log = must_open(&o, &cut);
    assert_int_equal(event_log_last(log), 2 + taken + spent);
    assert_int_equal(cut, 0);
    event_log_close(&log);
}

/* The first file is small, for somebody waits for it; those behind are not. */
static void a_file_that_is_waited_for_is_small(void **state)
{
    (void)state;
    const struct event_log_options o = {.segment_bytes = 65536};
    uint64_t cut;
    struct stat st;
    char path[128];
    struct event_log *log = must_open(&o, &cut);
    must_append(log, 1, 1);
    snprintf(path, sizeof path, "%s/%020d.log", dir, 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 65536 / 8);
    for (uint64_t i = 2; i < 2000; i += 10) {
        must_append(log, i, i + 9);
        usleep(100);
    }
    event_log_close(&log);
    assert_int_equal(replayed(0), 2001);
    log = must_open(&o, &cut);
    assert_int_equal(event_log_last(log), 2001);
    event_log_close(&log);
}

static bool exists(const char *name)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) == 0;
}

static off_t size_of(const char *name)
{
    char path[256];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) ? -1 : st.st_size;
}

/* The next file is there before it is needed; one that is whole outlives the log, and is used. */
static void the_next_file_is_made_ahead(void **state)
{
    (void)state;
    uint64_t cut;
    struct event_log *log = must_open(&small, &cut);
    must_append(log, 1, 10);
    assert_false(exists("next.tmp"));
    must_append(log, 11, 50);
    for (int i = 0; i < 1000 && !exists("next.tmp"); i++)
        usleep(5000);
    assert_true(exists("next.tmp"));
    must_append(log, 51, 400); /* several files */
    event_log_close(&log);
    assert_true(!exists("next.tmp") || size_of("next.tmp") == (off_t)small.segment_bytes);
    assert_int_equal(replayed(0), 400);
    char path[256];
    snprintf(path, sizeof path, "%s/next.tmp", dir);
    for (int whole = 0; whole < 2; whole++) { /* left by one that was killed */
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0640);
        off_t bytes = (off_t)small.segment_bytes - !whole;
        assert_true(fd >= 0 && ftruncate(fd, bytes) == 0);
        close(fd);
        log = must_open(&small, &cut);
        assert_int_equal(event_log_last(log), 400);
        assert_int_equal(exists("next.tmp"), whole);
        if (whole)
            must_append(log, 401, 900);
        event_log_close(&log);
    }
    assert_int_equal(replayed(0), 900);
}

/* One catalog is closed while the next file of another, which takes long, is being made. */
static void who_stops_does_not_wait_for_the_files_of_others(void **state)
{
    (void)state;
    enum { MANY = 8 };
    char path[MANY + 1][256];
    struct log_spare *large, *waiting[MANY];
    int fd;
    snprintf(path[MANY], sizeof path[MANY], "%s/large", dir);
    assert_int_equal(log_spare_start(path[MANY], UINT64_C(1) << 30, NULL, &large), STATUS_OK);
    for (int i = 0; i < 2000 && !exists("large"); i++)
        usleep(1000);
    assert_true(exists("large"));
    for (int i = 0; i < MANY; i++) {
        snprintf(path[i], sizeof path[i], "%s/%d", dir, i);
        assert_int_equal(log_spare_start(path[i], 4096, NULL, &waiting[i]), STATUS_OK);
    }
    for (int i = 0; i < MANY; i++) {
        log_spare_stop(waiting[i]);
        assert_int_equal(log_spare_take(&waiting[i], &fd), STATUS_CANCELLED);
        assert_int_equal(fd, -1);
    }
    assert_false(log_spare_done(large));
    log_spare_stop(large);
    assert_int_equal(log_spare_take(&large, &fd), STATUS_CANCELLED);
    assert_false(exists("large"));
}

static _Atomic int asked;

static bool room_for_one(const char *where, uint64_t bytes)
{
    return !strcmp(where, dir) && bytes == 4096 && asked++ == 0;
}

/* Room for one of two, whose logs both saw it before either was made. */
static void what_is_made_in_turn_looks_for_room_in_its_turn(void **state)
{
    (void)state;
    char path[2][256];
    struct log_spare *spare[2];
    int made = 0, fd;
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/%d", dir, i);
        assert_int_equal(log_spare_start(path[i], 4096, room_for_one, &spare[i]), STATUS_OK);
    }
    for (int i = 0; i < 2; i++) {
        enum status st = log_spare_take(&spare[i], &fd);
        assert_true(st == STATUS_OK || st == STATUS_NO_SPACE);
        made += st == STATUS_OK;
        if (fd >= 0)
            close(fd);
    }
    assert_int_equal(made, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_stops_does_not_wait_for_the_files_of_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_made_in_turn_looks_for_room_in_its_turn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_synced_is_replayed_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_torn_tail_is_cut_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_in_the_middle_is_never_skipped, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_sync_is_final, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_missing_is_never_passed_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_applied_is_not_read_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_room_for_deletes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_waited_for_is_small, setup, teardown),
        cmocka_unit_test_setup_teardown(the_next_file_is_made_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(applied_files_are_pruned, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
