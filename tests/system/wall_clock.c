/*
 * Preloaded into soukd by tests: the machine's clock as a file says. SOUK_TEST_CLOCK names a file
 * of eight bytes, the nanoseconds to add to CLOCK_REALTIME; monotonic time is left alone. So a test
 * steps the clock of a running server and nobody else's.
 */
#include "tests/system/preload.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static const volatile int64_t *offset_ns;

/* Takes the place of libc's: the names of its parameters are our own.
 * NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int clock_gettime(clockid_t clock, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int rc = real(clock, t);
    if (rc || clock != CLOCK_REALTIME)
        return rc;
    int64_t ns = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec +
                 preload_number("SOUK_TEST_CLOCK", &offset_ns);
    t->tv_sec = ns / 1000000000;
    t->tv_nsec = ns % 1000000000;
    return 0;
}
