/*
 * live - the view on a terminal while a run lasts: redrawn in place four times a second on
 * standard error, wiped at the end.
 */
#ifndef SOUK_LOADTEST_LIVE_H
#define SOUK_LOADTEST_LIVE_H

#include "loadtest/run.h"

enum { LIVE_SPARKS = 48 };

struct live {
    uint64_t at[RUN_MAX_WORKERS]; /* read so far of each worker's log */
    struct interval *last;        /* the youngest interval, workers merged */
    uint64_t last_start_us;
    double rates[LIVE_SPARKS];
    uint32_t rate_count, lines;
};

void live_init(struct live *l);
/* The callback of run_spec. */
void live_draw(void *ctx, const struct run *r);
void live_fini(struct live *l);

#endif
