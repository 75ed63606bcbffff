#include "server/span_ring.h"

bool span_ring_put(struct span_ring *r, const struct span *s)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    if (head - tail >= SPAN_RING) {
        atomic_fetch_add_explicit(&r->dropped, 1u + s->stage_count, memory_order_relaxed);
        return false;
    }
    r->slots[head % SPAN_RING] = *s;
    atomic_store_explicit(&r->head, head + 1, memory_order_release);
    return true;
}

bool span_ring_take(struct span_ring *r, struct span *out)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
    if (head - tail > SPAN_RING) { /* nobody can have written that */
        atomic_store_explicit(&r->tail, head, memory_order_release);
        return false;
    }
    while (tail != head) {
        *out = r->slots[tail % SPAN_RING];
        atomic_store_explicit(&r->tail, ++tail, memory_order_release);
        if (span_sound(out))
            return true;
    }
    return false;
}

uint32_t span_ring_count(const struct span_ring *r)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    return head - tail > SPAN_RING ? 0 : (uint32_t)(head - tail);
}
