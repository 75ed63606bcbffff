#include "server/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static const struct event_log_options small = {.segment_bytes = 4096};

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/souk-log-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

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
        assert_int_equal(event_log_append(log, i, 7, slice_make(text, (size_t)n)), STATUS_OK);
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
    struct event_log *log =
        must_open(&(struct event_log_options){.segment_bytes = 4096, .sync = failing_sync}, &cut);
    assert_int_equal(event_log_append(log, 1, 7, SLICE_LIT("x")), STATUS_OK);
    assert_int_equal(event_log_sync(log), STATUS_IO);
    assert_true(event_log_failed(log));
    assert_int_equal(event_log_append(log, 2, 7, SLICE_LIT("y")), STATUS_IO);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_synced_is_replayed_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_torn_tail_is_cut_at_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_in_the_middle_is_never_skipped, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_sync_is_final, setup, teardown),
        cmocka_unit_test_setup_teardown(applied_files_are_pruned, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
