/* Pages asked for together are mapped: reading them takes no page fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "index/map_ahead.h"

enum { PAGES = 4096 };

static const size_t kept = 1024;

struct file {
    int fd;
    size_t page, len;
    volatile const char *map;
};

static struct file file_open(void)
{
    char path[] = "/tmp/souk-map-XXXXXX";
    struct file f = {.fd = mkstemp(path), .page = (size_t)sysconf(_SC_PAGESIZE)};
    assert_true(f.fd >= 0);
    unlink(path);
    char *page = calloc(1, f.page);
    f.len = f.page * PAGES;
    for (int i = 0; i < PAGES; i++) {
        memset(page, i, f.page);
        assert_int_equal(write(f.fd, page, f.page), (ssize_t)f.page);
    }
    free(page);
    void *map = mmap(NULL, f.len, PROT_READ, MAP_SHARED, f.fd, 0);
    assert_true(map != MAP_FAILED);
    f.map = map;
    return f;
}

static void file_close(struct file *f)
{
    munmap((void *)(uintptr_t)f->map, f->len);
    close(f->fd);
}

static long faults_of_reading(const struct file *f, size_t from, size_t to)
{
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    for (size_t at = from; at < to; at += f->page)
        assert_int_equal((unsigned char)f->map[at], at / f->page & 0xff);
    getrusage(RUSAGE_SELF, &after);
    return after.ru_minflt - before.ru_minflt;
}

static void what_was_mapped_ahead_takes_no_faults(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* the shadow of what is read takes faults of its own */
#endif
    struct file f = file_open();
    struct map_ahead m = map_ahead_of(f.fd);
    assert_int_equal(m.done, 0);
    assert_true(map_ahead_to(&m, f.len, kept * f.page)); /* a part of it */
    if (m.done == SIZE_MAX)
        skip(); /* a kernel that cannot */
    assert_int_equal(m.done, kept * f.page);
    assert_true(faults_of_reading(&f, 0, kept * f.page) < 4);
    assert_true(faults_of_reading(&f, kept * f.page, 2 * kept * f.page) > 4);
    assert_false(map_ahead_to(&m, f.len, f.len));
    assert_int_equal(m.done, f.len);
    assert_true(faults_of_reading(&f, 2 * kept * f.page, f.len) < 4);
    assert_false(map_ahead_to(&m, f.len, f.len)); /* there is no more */
    file_close(&f);
}

static void a_file_that_is_not_mapped_is_left_alone(void **state)
{
    (void)state;
    char path[] = "/tmp/souk-map-XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    struct map_ahead m = map_ahead_of(fd);
    assert_int_equal(m.done, SIZE_MAX);
    assert_false(map_ahead_to(&m, 1 << 20, 1 << 20));
    close(fd);
}

static void the_middle_of_a_page_is_not_beyond_the_end(void **state)
{
    (void)state;
    struct file f = file_open();
    struct map_ahead m = map_ahead_of(f.fd);
    assert_false(map_ahead_to(&m, 10 * f.page + 7, f.len));
    assert_true(m.done == 10 * f.page || m.done == SIZE_MAX);
    file_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_mapped_ahead_takes_no_faults),
        cmocka_unit_test(a_file_that_is_not_mapped_is_left_alone),
        cmocka_unit_test(the_middle_of_a_page_is_not_beyond_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
