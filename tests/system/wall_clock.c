/*
 * Preloaded into soukd by tests: the machine's clock as a file says. SOUK_TEST_CLOCK names a file
 * of eight bytes, the nanoseconds to add to CLOCK_REALTIME; monotonic time is left alone. So a test
 * steps the clock of a running server and nobody else's.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static const volatile int64_t *offset_ns(void)
{
    static const volatile int64_t *at;
    static const int64_t none = 0;
    if (at)
        return at;
    const char *path = getenv("SOUK_TEST_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
    at = p == MAP_FAILED ? &none : p; /* the descriptor goes at exec */
    return at;
}

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
    int64_t ns = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec + *offset_ns();
    t->tv_sec = ns / 1000000000;
    t->tv_nsec = ns % 1000000000;
    return 0;
}
