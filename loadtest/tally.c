#include "loadtest/tally.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "protocol/wire.h"

enum { COUNT_WORDS = sizeof(struct counts) / sizeof(uint64_t) };

struct tally *tally_create(void)
{
    struct tally *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (t == MAP_FAILED)
        return NULL;
    histogram_init(&t->interval);
    for (int i = 0; i < TALLY_OPS; i++) {
        /* The pages are zero already; touching only min keeps them untaken. */
        t->ops[i].response.min = UINT64_MAX;
        t->ops[i].lost.min = UINT64_MAX;
        t->ops[i].service.min = UINT64_MAX;
    }
    return t;
}

void tally_destroy(struct tally *t)
{
    if (t)
        munmap(t, sizeof *t);
}

void counts_add(struct counts *to, const struct counts *from)
{
    uint64_t *a = (uint64_t *)to;
    const uint64_t *b = (const uint64_t *)from;
    for (size_t i = 0; i < COUNT_WORDS; i++)
        a[i] += b[i];
}

void counts_subtract(struct counts *to, const struct counts *from)
{
    uint64_t *a = (uint64_t *)to;
    const uint64_t *b = (const uint64_t *)from;
    for (size_t i = 0; i < COUNT_WORDS; i++)
        a[i] -= b[i];
}

uint64_t counts_failed(const struct counts *c)
{
    uint64_t sum = 0;
    for (int i = 0; i < FAILURE_SLOTS; i++)
        sum += c->failed[i];
    return sum;
}

const char *failure_name(uint32_t slot)
{
    switch (slot) {
    case FAILURE_HELD_BACK:
        return "HELD_BACK";
    case FAILURE_TIMEOUT:
        return "TIMEOUT";
    case FAILURE_DISCONNECTED:
        return "DISCONNECTED";
    case FAILURE_UNCONNECTED:
        return "UNCONNECTED";
    case FAILURE_UNSENT:
        return "UNSENT";
    case FAILURE_BAD_REPLY:
        return "BAD_REPLY";
    default:
        return status_name((enum status)slot);
    }
}

void tally_sum(const struct tally *t, struct counts *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < TALLY_OPS; i++)
        counts_add(out, &t->ops[i].counts);
}

/*
 * A record: u32 length of what follows, then varints: start_us, length_us, the words of the counts,
 * min, max, the two sums as f64, and the histogram as (slot gap, count) pairs until a gap of 0.
 */
static void pack(const struct tally *t, uint64_t start_us, uint64_t length_us,
                 const struct counts *c, struct buf *out)
{
    const struct histogram *h = &t->interval;
    wire_put_u32(out, 0);
    wire_put_varint(out, start_us);
    wire_put_varint(out, length_us);
    for (size_t i = 0; i < COUNT_WORDS; i++)
        wire_put_varint(out, ((const uint64_t *)c)[i]);
    wire_put_varint(out, h->min);
    wire_put_varint(out, h->max);
    wire_put_f64(out, h->sum);
    wire_put_f64(out, h->sum_squares);
    for (uint32_t i = 0, last = 0; i < HISTOGRAM_SLOTS; i++)
        if (h->counts[i]) {
            wire_put_varint(out, i + 1 - last);
            wire_put_varint(out, h->counts[i]);
            last = i + 1;
        }
    wire_put_varint(out, 0);
    if (!out->failed)
        wire_store32(out->ptr, (uint32_t)out->len - 4);
}

void tally_roll(struct tally *t, uint64_t start_us, uint64_t length_us, struct counts *before)
{
    struct counts now, c;
    struct buf record = BUF_INIT;
    tally_sum(t, &now);
    c = now;
    counts_subtract(&c, before);
    *before = now;
    pack(t, start_us, length_us, &c, &record);
    uint64_t len = atomic_load_explicit(&t->log_len, memory_order_relaxed);
    if (record.failed || len + record.len > TALLY_LOG) {
        t->log_full = true;
    } else {
        memcpy(t->log + len, record.ptr, record.len);
        atomic_store_explicit(&t->log_len, len + record.len, memory_order_release);
    }
    buf_fini(&record);
    histogram_init(&t->interval);
}

enum status tally_log_next(const struct tally *t, uint64_t *at, struct interval *out)
{
    uint64_t len = atomic_load_explicit(&t->log_len, memory_order_acquire);
    if (*at >= len)
        return STATUS_END;
    struct wire_reader r = wire_reader_of(slice_make(t->log + *at + 4, wire_load32(t->log + *at)));
    out->start_us = wire_varint(&r);
    out->length_us = wire_varint(&r);
    for (size_t i = 0; i < COUNT_WORDS; i++)
        ((uint64_t *)&out->counts)[i] = wire_varint(&r);
    struct histogram *h = &out->response;
    histogram_init(h);
    h->min = wire_varint(&r);
    h->max = wire_varint(&r);
    h->sum = wire_f64(&r);
    h->sum_squares = wire_f64(&r);
    uint64_t gap, slot = 0;
    while ((gap = wire_varint(&r)) && !r.failed) {
        slot += gap;
        if (slot > HISTOGRAM_SLOTS)
            return STATUS_CORRUPT;
        h->counts[slot - 1] = wire_varint(&r);
        h->total += h->counts[slot - 1];
    }
    *at += 4 + wire_load32(t->log + *at);
    return r.failed ? STATUS_CORRUPT : STATUS_OK;
}
