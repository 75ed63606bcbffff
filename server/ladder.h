/*
 * ladder - the degrade level of a front: pure steps over pressure and time (rows in ladder.def).
 *
 * Each front climbs by its own pressure. An operator may pin the level of all fronts (opcode
 * DEGRADE, `souk degrade pin N`), until it is set to auto again.
 */
#ifndef SOUK_SERVER_LADDER_H
#define SOUK_SERVER_LADDER_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/slice.h"

enum ladder_feature {
#define LADDER_LEVEL(level, enter, leave, text)
#define LADDER_FEATURE(name, level, word, text) LADDER_##name,
#include "server/ladder.def"
#undef LADDER_FEATURE
#undef LADDER_LEVEL
    LADDER_FEATURE_COUNT
};

enum { LADDER_MAX = 4, LADDER_ENTER_US = 500000, LADDER_LEAVE_US = 1000000, LADDER_AUTO = -1 };
enum { LADDER_BUSY = 75 }; /* percent */
enum { LADDER_HURRY_US = 10000 };

/* The last window of about 100 ms. */
struct ladder_window {
    uint32_t pressure; /* admission_pressure() */
    uint32_t busy;     /* percent of the time in which the front was not idle */
    uint32_t cost_us;  /* mean of the requests that were run; 0 = too few to tell */
    uint32_t least;    /* not below this level: memory is short */
    int pin;           /* 0 to LADDER_MAX, or LADDER_AUTO */
};

struct ladder { /* all zero = level 0, never stepped */
    uint32_t level;
    uint32_t off;                  /* 1 << feature: what the level leaves out */
    int64_t stepped_us;            /* when it was stepped last */
    int64_t over_us, under_us;     /* for how long it has been over or under the next mark */
    uint32_t over_least;           /* the least pressure while it was over */
    float cost_us[LADDER_MAX + 1]; /* what a request takes at each level; 0 = not known */
    uint64_t entered[LADDER_MAX + 1];
    int64_t hurried_us; /* when a level was last entered in a hurry */
    bool pinned;
};

void ladder_step(struct ladder *l, const struct ladder_window *w, int64_t now_us);

/* Shoppers are about to run into their deadlines, or are refused: the next level at once, unless
 * the last was entered so less than LADDER_HURRY_US ago, or one is pinned. */
void ladder_hurry(struct ladder *l, int64_t now_us);

static inline bool ladder_off(const struct ladder *l, enum ladder_feature f)
{
    return l->off >> f & 1;
}

/* The word of a feature in replies, what it means, and the level it goes off at. */
struct slice ladder_word(enum ladder_feature f);
const char *ladder_text(enum ladder_feature f);
uint32_t ladder_level_of(enum ladder_feature f);
const char *ladder_level_text(uint32_t level);

#endif
