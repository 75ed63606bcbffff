/*
 * answer_times - the time within which most answers of an upstream come: the 95th percentile of the
 * last ones. Pure: durations are arguments.
 */
#ifndef SOUK_SERVER_ANSWER_TIMES_H
#define SOUK_SERVER_ANSWER_TIMES_H

#include <stdint.h>

enum { ANSWER_TIMES_KEPT = 128, ANSWER_TIMES_LEAST = 20 };

struct answer_times { /* a zeroed struct knows nothing */
    uint32_t ms[ANSWER_TIMES_KEPT];
    uint32_t count; /* of all that came; the last ANSWER_TIMES_KEPT are kept */
};

void answer_times_add(struct answer_times *l, int64_t ms);
/* -1 before ANSWER_TIMES_LEAST answers came. */
int64_t answer_times_p95_ms(const struct answer_times *l);

#endif
