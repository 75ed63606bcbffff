/*
 * retry - how often and when a call is tried again. Pure: time and chance are arguments.
 *
 * The budget of a provider: each first try adds a tenth of a retry, each second adds one; what is
 * not used within ten seconds is gone. So retries never exceed a tenth of the first tries plus one
 * a second, however many callers fail at once.
 */
#ifndef SOUK_SERVER_RETRY_H
#define SOUK_SERVER_RETRY_H

#include <stdbool.h>
#include <stdint.h>

enum { RETRY_SECONDS = 10, RETRY_BASE_MS = 100, RETRY_CAP_MS = 5000 };

struct retry_budget {
    double tokens[RETRY_SECONDS]; /* by the second they were earned in */
    int64_t second;               /* the newest one */
    bool started;
};

/* A first try is made. */
void retry_first(struct retry_budget *b, int64_t now_ms);
/* One retry is taken; false when none is left. */
bool retry_take(struct retry_budget *b, int64_t now_ms);
/* Pause before try number `tries` + 1 (full jitter below a doubling bound); `random` is uniform. */
int64_t retry_pause_ms(uint32_t tries, int64_t base_ms, int64_t cap_ms, uint64_t random);

#endif
