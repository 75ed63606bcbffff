/*
 * schedule - when requests are to be sent: decided beforehand, never by the answers (open loop).
 *
 * schedule_next() gives the intended send times one after the other, in nanoseconds from the start
 * of the run. The rate may change over time (step, ramp, spike); arrivals are evenly spaced or
 * Poisson. Seeded: the same seed gives the same times.
 */
#ifndef SOUK_LOADTEST_SCHEDULE_H
#define SOUK_LOADTEST_SCHEDULE_H

#include "protocol/status.h"

#include <stdbool.h>
#include <stdint.h>

enum schedule_shape {
    SHAPE_CONSTANT, /* rate */
    SHAPE_STEP,     /* rate, then peak from at_s on */
    SHAPE_RAMP,     /* rate to peak, linearly over the run */
    SHAPE_SPIKE     /* rate; peak within [at_s, at_s + for_s); rate again */
};

struct schedule {
    enum schedule_shape shape;
    bool poisson;
    double rate, peak;           /* requests a second, > 0 */
    double at_s, for_s, total_s; /* seconds from the start */
    uint64_t random;             /* state of the generator */
    double at_us, phase_us;      /* last time given; time of the first */
    uint64_t given;
};

/*
 * Reads "constant", "poisson", "step:PEAK@AT", "ramp:PEAK", "spike:PEAK@AT+FOR" (any of them with
 * ",poisson" behind). INVALID with the fault's text on anything else.
 */
enum status schedule_parse(struct schedule *s, const char *text, double rate, double total_s,
                           uint64_t seed, struct fault *fault);
/* Rate asked for at a moment. */
double schedule_rate(const struct schedule *s, double at_s);
/* The step or the spike lies beyond the end. */
bool schedule_never_peaks(const struct schedule *s);
/* Makes of a fresh schedule the share of one of `parts` processes; together they give the whole. */
void schedule_part(struct schedule *s, uint32_t part, uint32_t parts);
/* Next intended send time, or END after total_s. */
enum status schedule_next(struct schedule *s, uint64_t *at_ns);

/* xorshift64* (Vigna 2016), shared by the plan: uniform 64 bits and [0, 1). */
uint64_t random_next(uint64_t *state);
double random_unit(uint64_t *state);

#endif
