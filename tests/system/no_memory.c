/*
 * Preloaded into soukd by tests: of so many allocations one fails, by chance. SOUK_TEST_NO_MEMORY
 * names a file of eight bytes, that number; 0 = none fails. So a test takes memory from a running
 * server and gives it back.
 */
#include "tests/system/preload.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static const volatile int64_t *one_in;

static bool fails(void)
{
    static _Thread_local uint64_t dice;
    uint64_t n = (uint64_t)preload_number("SOUK_TEST_NO_MEMORY", &one_in);
    if (!n)
        return false;
    if (!dice) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        dice = (uint64_t)now.tv_nsec << 20 | 1;
    }
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    if (dice % n)
        return false;
    errno = ENOMEM;
    return true;
}

/* They take the place of libc's: the names of their parameters are our own. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
