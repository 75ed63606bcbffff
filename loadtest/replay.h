/*
 * replay - requests of a recorded log at their recorded times.
 *
 * The log is text, one request a line, tab-separated: time in milliseconds from any zero (fractions
 * allowed, not falling), operation (a name of the mix, or its number from 0), and the words, id or
 * nothing. Speed 2 halves the gaps.
 */
#ifndef SOUK_LOADTEST_REPLAY_H
#define SOUK_LOADTEST_REPLAY_H

#include "loadtest/mix.h"

struct replay_entry {
    uint64_t at_ns; /* from the first */
    uint32_t op;
    struct slice text;
};

struct replay {
    struct replay_entry *entries;
    uint32_t count;
};

enum status replay_parse(struct slice text, const struct mix *m, double speed, struct arena *a,
                         struct replay *out, struct fault *fault);
/* The request of an entry, built with the player's memory; valid until its next use. */
void replay_frame(const struct replay_entry *e, struct player *p, struct frame *f);

#endif
