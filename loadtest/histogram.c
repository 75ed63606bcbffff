#include "loadtest/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <zlib.h>

/*
 * Slot of a value: values below 2,048 have a slot each; above, bucket b holds [2^(b+10), 2^(b+11))
 * in 1,024 steps of 2^b.
 *
 *   value   0 .. 2047 | 2048 .. 4095 | 4096 .. 8191 | ...
 *   step        1     |      2       |      4       |
 */
enum { HALF_BITS = 10, HALF = 1 << HALF_BITS };

static uint32_t slot_of(uint64_t v)
{
    uint32_t bucket = 63 - (uint32_t)__builtin_clzll(v | (2 * HALF - 1)) - HALF_BITS;
    return (bucket << HALF_BITS) + (uint32_t)(v >> bucket);
}

/* Highest value that falls into the slot. */
static uint64_t slot_top(uint32_t slot)
{
    if (slot < 2 * HALF)
        return slot;
    uint32_t bucket = (slot >> HALF_BITS) - 1;
    uint64_t step = (slot & (HALF - 1)) + HALF;
    return ((step + 1) << bucket) - 1;
}

void histogram_init(struct histogram *h)
{
    memset(h, 0, sizeof *h);
    h->min = UINT64_MAX;
}

void histogram_record(struct histogram *h, uint64_t us)
{
    uint64_t v = us > HISTOGRAM_MAX_US ? HISTOGRAM_MAX_US : us;
    h->counts[slot_of(v)]++;
    h->total++;
    h->sum += (double)v;
    h->sum_squares += (double)v * (double)v;
    if (v < h->min)
        h->min = v;
    if (v > h->max)
        h->max = v;
}

void histogram_add(struct histogram *h, const struct histogram *from)
{
    for (uint32_t i = 0; i < HISTOGRAM_SLOTS; i++)
        h->counts[i] += from->counts[i];
    h->total += from->total;
    h->sum += from->sum;
    h->sum_squares += from->sum_squares;
    if (from->min < h->min)
        h->min = from->min;
    if (from->max > h->max)
        h->max = from->max;
}

uint64_t histogram_ranked(const struct histogram *h, uint64_t rank)
{
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_SLOTS && h->total; i++) {
        seen += h->counts[i];
        if (seen >= rank) {
            uint64_t top = slot_top(i);
            return top < h->max ? top : h->max;
        }
    }
    return h->max;
}

uint64_t histogram_percentile(const struct histogram *h, double percentile)
{
    double share = percentile < 0 ? 0 : percentile > 100 ? 1 : percentile / 100;
    uint64_t rank = (uint64_t)ceil(share * (double)h->total);
    return histogram_ranked(h, rank ? rank : 1);
}

double histogram_mean(const struct histogram *h)
{
    return h->total ? h->sum / (double)h->total : 0;
}

double histogram_stddev(const struct histogram *h)
{
    if (!h->total)
        return 0;
    double mean = histogram_mean(h), variance = h->sum_squares / (double)h->total - mean * mean;
    return variance > 0 ? sqrt(variance) : 0;
}

void histogram_spectrum(const struct histogram *h,
                        void (*each)(void *ctx, uint64_t us, double percentile, uint64_t count),
                        void *ctx)
{
    double next = 0;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_SLOTS && seen < h->total; i++) {
        if (!h->counts[i])
            continue;
        seen += h->counts[i];
        double here = 100.0 * (double)seen / (double)h->total;
        uint64_t top = slot_top(i) < h->max ? slot_top(i) : h->max;
        while (next <= here) {
            each(ctx, top, next, seen);
            if (next >= 100)
                return;
            double halvings = floor(log2(100.0 / (100.0 - next)));
            next += 100.0 / (pow(2, halvings + 1) * 5);
            if (seen == h->total)
                next = 100;
        }
    }
}

static void hgrm_row(void *ctx, uint64_t us, double percentile, uint64_t count)
{
    FILE *f = ctx;
    double p = percentile / 100;
    if (p < 1)
        fprintf(f, "%12.3f %2.12f %10llu %14.2f\n", (double)us / 1000, p, (unsigned long long)count,
                1 / (1 - p));
    else
        fprintf(f, "%12.3f %2.12f %10llu\n", (double)us / 1000, p, (unsigned long long)count);
}

void histogram_write_hgrm(const struct histogram *h, FILE *f)
{
    fprintf(f, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    histogram_spectrum(h, hgrm_row, f);
    fprintf(f, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", histogram_mean(h) / 1000,
            histogram_stddev(h) / 1000);
    fprintf(f, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)h->max / 1000,
            (unsigned long long)h->total);
    fprintf(f, "#[Buckets = %12d, SubBuckets     = %12d]\n", HISTOGRAM_SLOTS / HALF - 1, 2 * HALF);
}

/* --- HdrHistogram V2 -------------------------------------------------------------------------- */

static void put_be32(struct buf *b, uint32_t v)
{
    uint8_t p[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    buf_put(b, p, sizeof p);
}

static void put_be64(struct buf *b, uint64_t v)
{
    put_be32(b, (uint32_t)(v >> 32));
    put_be32(b, (uint32_t)v);
}

/* ZigZag LEB128 of at most 9 bytes; the ninth byte carries 8 bits. */
static void put_zigzag(struct buf *b, int64_t value)
{
    uint64_t v = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    for (int i = 0; i < 8 && v >= 0x80; i++, v >>= 7)
        buf_put_u8(b, (uint8_t)(v | 0x80));
    buf_put_u8(b, (uint8_t)v);
}

static void put_counts(const struct histogram *h, struct buf *b)
{
    uint32_t used = h->total ? slot_of(h->max) + 1 : 0;
    for (uint32_t i = 0; i < used;) {
        uint32_t zeros = 0;
        while (i + zeros < used && !h->counts[i + zeros])
            zeros++;
        if (zeros) {
            put_zigzag(b, -(int64_t)zeros);
            i += zeros;
        } else {
            put_zigzag(b, (int64_t)h->counts[i++]);
        }
    }
}

static void put_base64(struct buf *out, const uint8_t *p, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (left > 2 ? p[i + 2] : 0);
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63], left > 1 ? digits[v >> 6 & 63] : '=',
                        left > 2 ? digits[v & 63] : '='};
        buf_put(out, four, sizeof four);
    }
}

bool histogram_encode(const struct histogram *h, struct buf *out)
{
    struct buf counts = BUF_INIT, raw = BUF_INIT, packed = BUF_INIT;
    put_counts(h, &counts);
    put_be32(&raw, 0x1c849313);
    put_be32(&raw, (uint32_t)counts.len);
    put_be32(&raw, 0); /* normalising index offset */
    put_be32(&raw, 3); /* significant digits */
    put_be64(&raw, 1);
    put_be64(&raw, HISTOGRAM_MAX_US);
    double ratio = 1;
    uint64_t bits;
    memcpy(&bits, &ratio, sizeof bits);
    put_be64(&raw, bits);
    buf_put_slice(&raw, buf_slice(&counts));
    uLongf len = compressBound((uLong)raw.len);
    bool ok = !raw.failed && !counts.failed && buf_reserve(&packed, len + 8);
    if (ok) {
        put_be32(&packed, 0x1c849314);
        put_be32(&packed, 0);
        ok =
            compress((Bytef *)packed.ptr + 8, &len, (const Bytef *)raw.ptr, (uLong)raw.len) == Z_OK;
    }
    if (ok) {
        packed.ptr[4] = (char)(len >> 24);
        packed.ptr[5] = (char)(len >> 16);
        packed.ptr[6] = (char)(len >> 8);
        packed.ptr[7] = (char)len;
        put_base64(out, (const uint8_t *)packed.ptr, len + 8);
        ok = !out->failed;
    }
    buf_fini(&counts);
    buf_fini(&raw);
    buf_fini(&packed);
    return ok;
}
