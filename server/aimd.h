/*
 * aimd - how many calls an upstream is asked to answer at once, learned from how it answers.
 *
 * One more in each tenth of a second in which at least half of the places were taken and all went
 * well; a tenth fewer in each in which the upstream was overrun: it did not answer in time, or said
 * so (5xx, 429, 408). So a service that slows down is met with less, not with a heap of calls that
 * wait, and one that nobody uses is not trusted with more. Pure: time is an argument.
 */
#ifndef SOUK_SERVER_AIMD_H
#define SOUK_SERVER_AIMD_H

#include <stdbool.h>
#include <stdint.h>

enum { AIMD_WINDOW_MS = 100 };

struct aimd {
    double limit; /* 0 = not begun */
    int64_t window_ms;
    bool used, overrun; /* in this window */
};

/* Places there are now: at least 1, at most `most`; the first time `start`. */
uint32_t aimd_room(struct aimd *a, uint32_t start, uint32_t most, int64_t now_ms);
/* A call ended; `in_flight` with it. */
void aimd_good(struct aimd *a, uint32_t in_flight, int64_t now_ms);
void aimd_overrun(struct aimd *a, int64_t now_ms);

#endif
