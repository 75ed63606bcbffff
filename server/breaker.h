/*
 * breaker - whether to call a provider: closed, open, half open. Pure: time is an argument.
 *
 *              failures or slow calls beyond the limits
 *   CLOSED ───────────────────────────────────────────────> OPEN
 *      ^                                                     │ its time is over, or a probe
 *      │ `close_after` good calls, one at a time             v succeeded
 *      └──────────────────────────────────────────────── HALF_OPEN ──> OPEN at the first bad call
 *
 * Calls are counted in a window of ten buckets. The open time is open_ms * 2^k with equal jitter
 * (half of it and a random part of the other half); k grows with each opening and shrinks by one
 * per decay_ms closed. A caller begins a call, keeps the token, and ends it with that: what belongs
 * to an earlier state no longer counts. A pause (Retry-After) is not a failure: no calls until it
 * is over.
 */
#ifndef SOUK_SERVER_BREAKER_H
#define SOUK_SERVER_BREAKER_H

#include "server/shared.h"

enum { BREAKER_BUCKETS = 10, BREAKER_PROBE_MS = 30000, BREAKER_PAUSE_MAX_MS = 300000 };

struct breaker_options {
    int64_t window_ms;
    uint32_t min_calls;       /* rates count from so many calls in the window */
    uint32_t failure_percent; /* opens */
    uint32_t slow_percent;    /* opens */
    int64_t slow_ms;          /* a good call that took longer is slow */
    uint32_t consecutive;     /* failures in a row that open */
    int64_t open_ms, open_max_ms;
    uint32_t close_after; /* good calls in a row */
    int64_t decay_ms;
};

struct breaker_bucket {
    uint32_t calls, failures, slow;
};

struct breaker {
    struct breaker_options options;
    enum breaker_state state; /* never PAUSED: see breaker_now() */
    struct breaker_bucket buckets[BREAKER_BUCKETS];
    int64_t bucket;        /* number of the newest one: time / bucket length */
    uint32_t in_row, good; /* failures in a row; good probes in a row */
    uint32_t k, opens;
    int64_t since_ms;  /* start of the open time */
    int64_t until_ms;  /* end of the open time */
    int64_t paused_ms; /* end of the pause */
    int64_t closed_ms; /* k shrinks from here */
    int64_t probe_ms;  /* start of the probe under way, 0 = none */
    uint32_t epoch;    /* counts changes of state, from 1 */
    uint64_t random;
};

void breaker_options_init(struct breaker_options *o);
void breaker_init(struct breaker *b, const struct breaker_options *o, uint64_t seed, int64_t now);
/* 0: do not call. Else the token for the end of the call. */
uint32_t breaker_begin(struct breaker *b, int64_t now);
/* Would breaker_begin() say yes? */
bool breaker_allows(const struct breaker *b, int64_t now);
void breaker_good(struct breaker *b, uint32_t token, int64_t now, int64_t took_ms);
void breaker_bad(struct breaker *b, uint32_t token, int64_t now);
/* The call ended without telling anything about the provider. */
void breaker_forget(struct breaker *b, uint32_t token);
/* No calls for that long (at most BREAKER_PAUSE_MAX_MS). */
void breaker_pause(struct breaker *b, int64_t now, int64_t pause_ms);
/* An active probe beside real calls succeeded: OPEN becomes HALF_OPEN once half of its time is
 * over, nothing more. */
void breaker_probed(struct breaker *b, int64_t now);
/* With the time that passed: OPEN whose time is over is HALF_OPEN. */
enum breaker_state breaker_now(const struct breaker *b, int64_t now);

#endif
