#include "loadtest/intrinsic.h"

#include <stdlib.h>
#include <sys/prctl.h>

#include "loadtest/clock.h"

enum { SPIN_NS = 100000000, SLEEPS = 40, SLEEP_NS = 1000000 };

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void intrinsic_measure(struct intrinsic *out)
{
    uint64_t start = clock_ns(), last = start, now, most = 0, late[SLEEPS];
    while ((now = clock_ns()) - start < SPIN_NS) {
        if (now - last > most)
            most = now - last;
        last = now;
    }
    prctl(PR_SET_TIMERSLACK, 1UL);
    for (int i = 0; i < SLEEPS; i++) {
        struct timespec t = {0, SLEEP_NS};
        uint64_t from = clock_ns();
        nanosleep(&t, NULL);
        uint64_t took = clock_ns() - from;
        late[i] = took > SLEEP_NS ? took - SLEEP_NS : 0;
    }
    qsort(late, SLEEPS, sizeof late[0], ascending);
    *out = (struct intrinsic){.stall_max_us = most / 1000,
                              .wake_p50_us = late[SLEEPS / 2] / 1000,
                              .wake_max_us = late[SLEEPS - 1] / 1000};
}
