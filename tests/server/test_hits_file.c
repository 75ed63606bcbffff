/* Hits outlive the memory they are counted in; a damaged file is no file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/hits_file.h"

enum { COUNT = 1000 };

static char path[] = "/tmp/souk-hits-XXXXXX";
static _Atomic uint8_t memory[COUNT];
static const struct shared_pages pages = {.hits = memory};

static void count_some(void)
{
    for (uint32_t d = 0; d < COUNT; d++)
        memory[d] = (uint8_t)(d % (PAGES_HITS_MOST + 1));
}

static void forget(void)
{
    for (uint32_t d = 0; d < COUNT; d++)
        memory[d] = 0;
}

static void hits_come_back_once(void **state)
{
    (void)state;
    count_some();
    assert_int_equal(hits_save(path, &pages, COUNT), STATUS_OK);
    forget();
    memory[1] = 3; /* read since: 1 in the file */
    assert_int_equal(hits_load(path, &pages, COUNT - 100), STATUS_OK);
    assert_int_equal(memory[1], 3);
    for (uint32_t d = 2; d < COUNT; d++)
        assert_int_equal(memory[d], d < COUNT - 100 ? d % (PAGES_HITS_MOST + 1) : 0);
    assert_int_equal(hits_load(path, &pages, COUNT), STATUS_NOT_FOUND);
}

static void damage(long at, int how)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    int c = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(c ^ how, f);
    fclose(f);
}

static void a_damaged_file_is_no_file(void **state)
{
    (void)state;
    for (long at = 0; at < COUNT + 20; at += 7) {
        count_some();
        assert_int_equal(hits_save(path, &pages, COUNT), STATUS_OK);
        forget();
        damage(at, 1 << at % 8);
        assert_int_equal(hits_load(path, &pages, COUNT), STATUS_CORRUPT);
        for (uint32_t d = 0; d < COUNT; d++)
            assert_int_equal(memory[d], 0);
    }
    for (long len = 0; len < COUNT + 20; len += 101) {
        assert_int_equal(hits_save(path, &pages, COUNT), STATUS_OK);
        assert_int_equal(truncate(path, len), 0);
        assert_int_equal(hits_load(path, &pages, COUNT), STATUS_CORRUPT);
    }
}

static int choose_path(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 || close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_come_back_once),
        cmocka_unit_test(a_damaged_file_is_no_file),
    };
    return cmocka_run_group_tests(tests, choose_path, remove_path);
}
