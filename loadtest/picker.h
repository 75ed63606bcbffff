/*
 * picker - which of n items comes next: evenly, by given weights, by Zipf's law, by a bell curve
 * around the middle, or one after the other. Built once (alias tables, Walker 1977: constant time
 * a draw), shared read-only; the caller holds the generator's state and the counter.
 */
#ifndef SOUK_LOADTEST_PICKER_H
#define SOUK_LOADTEST_PICKER_H

#include "protocol/status.h"

enum picker_mode { PICK_UNIFORM, PICK_WEIGHTED, PICK_ZIPF, PICK_GAUSSIAN, PICK_SEQUENTIAL };

struct picker {
    enum picker_mode mode;
    double theta; /* ZIPF: weight of item i (from 1) is 1 / i^theta */
    uint32_t count;
    float *keep;     /* alias table: share of a column that is its own */
    uint32_t *other; /* the rest of the column */
};

/* "uniform", "weighted", "zipf", "zipf:THETA", "gaussian", "sequential". */
enum status picker_parse(struct picker *p, const char *text, struct fault *fault);
/* For `count` items (> 0); `weights` (count of them, >= 0) only for WEIGHTED, else NULL. */
enum status picker_build(struct picker *p, uint32_t count, const double *weights);
void picker_fini(struct picker *p);
uint32_t picker_next(const struct picker *p, uint64_t *random, uint64_t *counter);

#endif
