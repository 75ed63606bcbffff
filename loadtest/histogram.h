/*
 * histogram - latencies in microseconds, 1 us to 1 h, three significant digits, fixed memory.
 *
 * The layout of HdrHistogram (Gil Tene): buckets double in range, each of 1,024 linear steps, so
 * any recorded value is off by at most 0.1 %. Same layout everywhere: histograms of connections,
 * processes and machines add up exactly. Values above the range count as the highest. About 190 KB.
 */
#ifndef SOUK_LOADTEST_HISTOGRAM_H
#define SOUK_LOADTEST_HISTOGRAM_H

#include "protocol/buf.h"

#include <stdio.h>

enum { HISTOGRAM_SLOTS = 23 * 1024 };
#define HISTOGRAM_MAX_US UINT64_C(3600000000)

struct histogram {
    uint64_t counts[HISTOGRAM_SLOTS];
    uint64_t total, min, max; /* min is UINT64_MAX while empty */
    double sum, sum_squares;
};

void histogram_init(struct histogram *h);
void histogram_record(struct histogram *h, uint64_t us);
/* Adds `from` to `h`. */
void histogram_add(struct histogram *h, const struct histogram *from);
/* Value at a percentile 0..100: no less than that share of the recorded values. 0 when empty. */
uint64_t histogram_percentile(const struct histogram *h, double percentile);
/* The rank-th smallest value, from 1. */
uint64_t histogram_ranked(const struct histogram *h, uint64_t rank);
double histogram_mean(const struct histogram *h);
double histogram_stddev(const struct histogram *h);

/* The percentile spectrum as .hgrm text, values in milliseconds: opens in HdrHistogram's plotter.
 */
void histogram_write_hgrm(const struct histogram *h, FILE *f);
/* Calls back for the steps of the spectrum (5 per halving of the distance to 100 %). */
void histogram_spectrum(const struct histogram *h,
                        void (*each)(void *ctx, uint64_t us, double percentile, uint64_t count),
                        void *ctx);
/* HdrHistogram's V2 form, deflated, in base64: a field of an interval log. False without memory. */
bool histogram_encode(const struct histogram *h, struct buf *out);

#endif
