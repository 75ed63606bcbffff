/*
 * spin - whether a process that has nothing to do stays awake for a moment.
 *
 * A processor that sleeps takes some 20 to 40 us to wake, more on virtual machines, and while
 * requests come closer together than that, each pays for it. So for a moment behind the last work
 * the loop goes round and looks, instead of waiting to be told:
 *
 *   at work --spin_rest()--> awake --nothing for most_us--> asleep
 *      ^                       │ work                          │ work
 *      └──────spin_work()──────┴───────────────────────────────┘
 *
 * Only where it pays: while the waits of late were shorter than most_us on average (each counted as
 * at most SPIN_GAP_MOST times that). And not where somebody else could use the processor: between
 * two looks it is offered to others (the caller yields), so a look that comes more than
 * SPIN_LATE_US behind the one before means that somebody ran. Where that is so in more than a fifth
 * of the waits (SPIN_STRIKES), or at one hole of SPIN_HOLE_US (the share of the processor was used
 * up, or the machine went to others), the process sleeps in each wait for SPIN_PAUSE_US; for twice
 * as long as the last time, up to SPIN_PAUSE_MOST_US, when that is over for less than
 * SPIN_AGAIN_US. A process that shares its
 * processor with its client is so as it were without: sleeping is the quickest way to let it run.
 *
 * Pure: times are arguments, in monotonic microseconds. One thread.
 */
#ifndef SOUK_SERVER_SPIN_H
#define SOUK_SERVER_SPIN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SPIN_GAP_MOST = 8,
    SPIN_LATE_US = 10,
    SPIN_HOLE_US = 2000,
    SPIN_STRIKE = 4, /* a wait in which somebody else ran; one without takes 1 back */
    SPIN_STRIKES = 12,
    SPIN_PAUSE_US = 100000,
    SPIN_PAUSE_MOST_US = 3200000,
    SPIN_AGAIN_US = 1000000
};

struct spin {
    int64_t most_us;            /* longest time awake without work; 0 = never */
    int64_t begun_us;           /* of this wait; 0 = at work */
    int64_t looked_us;          /* the last look of it; 0 = asleep */
    int64_t gap_us16;           /* moving average of waits, 1/16 us */
    int64_t again_us, pause_us; /* not before; how long that pause was */
    bool disturbed;             /* somebody else ran in this wait */
    uint32_t strikes;           /* how much so in those before */
    int64_t spun_us;            /* awake without work, ever */
    uint64_t pauses;            /* ever */
};

/* Begins as a process that has long been idle; also when the option changes. */
void spin_init(struct spin *s, int64_t most_us);
/* Whether staying awake from `now` on would pay, as far as times tell. */
bool spin_pays(const struct spin *s, int64_t now_us);
/* There is nothing to do from `now` on; what it decided. No new wait when one goes on. */
void spin_rest(struct spin *s, int64_t now_us, bool awake);
/* Awake, and still nothing: true = offer the processor to others, then look again; false = sleep.
 */
bool spin_look(struct spin *s, int64_t now_us);
/* Something is to be done. */
void spin_work(struct spin *s, int64_t now_us);

static inline bool spin_awake(const struct spin *s)
{
    return s->looked_us != 0;
}

#endif
