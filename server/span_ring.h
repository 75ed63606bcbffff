/*
 * span_ring - finished spans on their way from one process to the fetcher, in the shared pages.
 *
 *   producer: the one thread of a process that makes spans     consumer: the fetcher
 *   put ──> slots[head % SPAN_RING], head + 1 (release) ──> take ──> tail + 1 (release)
 *
 * Lock-free, one producer and one consumer at a time; both may die at any moment and a successor
 * goes on. A full ring drops what comes and counts it: nobody waits for a collector. All zeroes is
 * an empty ring.
 */
#ifndef SOUK_SERVER_SPAN_RING_H
#define SOUK_SERVER_SPAN_RING_H

#include <stdatomic.h>

#include "server/span.h"

enum { SPAN_RING = 512 };

struct span_ring {
    _Atomic uint64_t head;    /* put so far; the producer's */
    _Atomic uint64_t dropped; /* spans, with their stages, that found no room; the producer's */
    _Atomic uint64_t tail __attribute__((aligned(64))); /* taken so far; the consumer's */
    struct span slots[SPAN_RING] __attribute__((aligned(64)));
};

/* False when it was dropped. */
bool span_ring_put(struct span_ring *r, const struct span *s);
/* The oldest; false when there is none. What is not sound is passed over. */
bool span_ring_take(struct span_ring *r, struct span *out);
/* How many wait. */
uint32_t span_ring_count(const struct span_ring *r);

#endif
