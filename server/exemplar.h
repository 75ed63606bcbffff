/*
 * exemplar - the last traced request of an operation, beside its histogram: where to look when a
 * bucket grows.
 *
 * One process writes, anybody reads: the version is odd while it is written, and who reads it odd
 * or changed has read nothing. All zeroes is none.
 */
#ifndef SOUK_SERVER_EXEMPLAR_H
#define SOUK_SERVER_EXEMPLAR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/traceparent.h"

struct shared_exemplar {
    _Atomic uint32_t version;
    _Atomic uint64_t trace[2]; /* the bytes of the id */
    _Atomic uint64_t us;       /* it took */
    _Atomic int64_t at_ms;     /* wall time of its end */
};

struct exemplar {
    uint8_t trace_id[TRACE_ID_LEN];
    uint64_t us;
    int64_t at_ms;
};

/* Whoever reads a new part of it has also seen the odd version before: release and acquire. */
static inline void exemplar_note(struct shared_exemplar *to, const struct exemplar *e)
{
    uint32_t version = atomic_load_explicit(&to->version, memory_order_relaxed) | 1;
    atomic_store_explicit(&to->version, version, memory_order_relaxed);
    atomic_store_explicit(&to->trace[0], wire_load64(e->trace_id), memory_order_release);
    atomic_store_explicit(&to->trace[1], wire_load64(e->trace_id + 8), memory_order_release);
    atomic_store_explicit(&to->us, e->us, memory_order_release);
    atomic_store_explicit(&to->at_ms, e->at_ms, memory_order_release);
    atomic_store_explicit(&to->version, version + 1, memory_order_release);
}

/* False: there is none, or it is being written. */
static inline bool exemplar_read(const struct shared_exemplar *from, struct exemplar *out)
{
    uint32_t version = atomic_load_explicit(&from->version, memory_order_acquire);
    if (!version || version & 1)
        return false;
    wire_store64(out->trace_id, atomic_load_explicit(&from->trace[0], memory_order_acquire));
    wire_store64(out->trace_id + 8, atomic_load_explicit(&from->trace[1], memory_order_acquire));
    out->us = atomic_load_explicit(&from->us, memory_order_acquire);
    out->at_ms = atomic_load_explicit(&from->at_ms, memory_order_acquire);
    return atomic_load_explicit(&from->version, memory_order_relaxed) == version;
}

#endif
