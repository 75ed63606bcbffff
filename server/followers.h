/*
 * followers - where those who follow a catalog stand, by their names.
 *
 * A follower says with every question which change it has durable. One that was not heard of for
 * FOLLOWERS_HERE_MS is no longer counted as there, for FOLLOWERS_HOLD_MS it still holds the log. Of
 * more than FOLLOWERS_MOST the one that was silent for longest is forgotten. Times are monotonic
 * milliseconds, not 0. No system calls.
 */
#ifndef SOUK_SERVER_FOLLOWERS_H
#define SOUK_SERVER_FOLLOWERS_H

#include <stdint.h>

#include "protocol/slice.h"

enum { FOLLOWERS_MOST = 64, FOLLOWERS_NAME = 64 };
enum { FOLLOWERS_HERE_MS = 10000, FOLLOWERS_HOLD_MS = 60000 };

struct follower {
    char name[FOLLOWERS_NAME + 1];
    uint64_t after;
    int64_t seen_ms; /* 0 = free */
};

struct followers {
    struct follower all[FOLLOWERS_MOST];
};

void followers_note(struct followers *f, struct slice name, uint64_t after, int64_t now_ms);
/* Those that are there. */
uint32_t followers_here(const struct followers *f, int64_t now_ms);
/* The log behind this sequence is still asked for; UINT64_MAX = none is. */
uint64_t followers_hold(const struct followers *f, int64_t now_ms);
/* The sequence that `count` of those who are there have reached; 0 when they are fewer. */
uint64_t followers_reached(const struct followers *f, uint64_t count, int64_t now_ms);

#endif
