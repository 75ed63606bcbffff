/* clock - the one clock of the load tester: CLOCK_MONOTONIC in nanoseconds. */
#ifndef SOUK_LOADTEST_CLOCK_H
#define SOUK_LOADTEST_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#endif
