/*
 * significance - is the difference between two sets of samples more than chance?
 *
 * Mann-Whitney U, two-sided: exact where both sets have at most 25 values and no ties, else the
 * normal approximation with ties corrected. The ratio of the medians gets an interval by bootstrap
 * (2,000 resamples, seeded, so that the same samples give the same answer).
 */
#ifndef SOUK_LOADTEST_SIGNIFICANCE_H
#define SOUK_LOADTEST_SIGNIFICANCE_H

#include <stdint.h>

struct significance {
    double median_a, median_b;
    double ratio, ratio_low, ratio_high; /* median b / median a, 95 % interval */
    double p;                            /* chance of such a difference between equals */
};

/* Counts of at least 1; samples are sorted in place. */
void significance_test(double *a, uint32_t a_count, double *b, uint32_t b_count,
                       struct significance *out);

#endif
