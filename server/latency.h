/*
 * latency - how long requests took, by opcode: cumulative-bucket histograms in the shared pages.
 *
 * One process writes a row, anybody reads it; figures of one row may be a moment apart. The bounds
 * are those of the metric souk_request_seconds.
 */
#ifndef SOUK_SERVER_LATENCY_H
#define SOUK_SERVER_LATENCY_H

#include <stdatomic.h>
#include <stdint.h>

enum { LATENCY_OPS = 24, LATENCY_BUCKETS = 17 };

/* Upper bounds in microseconds; one bucket more holds what is slower. */
static const uint32_t latency_bounds[LATENCY_BUCKETS] = {
    50,    100,    250,    500,    1000,    2500,    5000,    10000,   25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

struct latency {
    _Atomic uint64_t buckets[LATENCY_BUCKETS + 1];
    _Atomic uint64_t sum_us;
};

static inline void latency_add(_Atomic uint64_t *at, uint64_t n)
{
    uint64_t was = atomic_load_explicit(at, memory_order_relaxed); /* the one writer */
    atomic_store_explicit(at, was + n, memory_order_relaxed);
}

static inline void latency_note(struct latency *ops, uint8_t opcode, int64_t us)
{
    struct latency *l = &ops[opcode < LATENCY_OPS ? opcode : 0];
    uint32_t i = 0;
    while (i < LATENCY_BUCKETS && us > (int64_t)latency_bounds[i])
        i++;
    latency_add(&l->buckets[i], 1);
    latency_add(&l->sum_us, us > 0 ? (uint64_t)us : 0);
}

#endif
