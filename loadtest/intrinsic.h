/*
 * intrinsic - what this machine adds on its own: no figure of the server can be better than these.
 */
#ifndef SOUK_LOADTEST_INTRINSIC_H
#define SOUK_LOADTEST_INTRINSIC_H

#include <stdint.h>

struct intrinsic {
    uint64_t stall_max_us;             /* longest time a spinning process was not running */
    uint64_t wake_p50_us, wake_max_us; /* how late a sleep of 1 ms ended */
};

/* Takes about 150 ms. */
void intrinsic_measure(struct intrinsic *out);

#endif
