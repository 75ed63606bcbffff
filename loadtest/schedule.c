#include "loadtest/schedule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state ? *state : UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

double random_unit(uint64_t *state)
{
    return (double)(random_next(state) >> 11) / 9007199254740992.0;
}

static enum status parse_shape(struct schedule *s, const char *text)
{
    char end;
    if (!strcmp(text, "constant"))
        s->shape = SHAPE_CONSTANT;
    else if (!strcmp(text, "poisson"))
        s->poisson = true;
    else if (sscanf(text, "step:%lf@%lf%c", &s->peak, &s->at_s, &end) == 2)
        s->shape = SHAPE_STEP;
    else if (sscanf(text, "ramp:%lf%c", &s->peak, &end) == 1)
        s->shape = SHAPE_RAMP;
    else if (sscanf(text, "spike:%lf@%lf+%lf%c", &s->peak, &s->at_s, &s->for_s, &end) == 3)
        s->shape = SHAPE_SPIKE;
    else
        return STATUS_INVALID;
    return STATUS_OK;
}

enum status schedule_parse(struct schedule *s, const char *text, double rate, double total_s,
                           uint64_t seed, struct fault *fault)
{
    char shape[128];
    *s = (struct schedule){.rate = rate, .total_s = total_s, .random = seed * 2 + 1};
    snprintf(shape, sizeof shape, "%s", text);
    char *comma = strchr(shape, ',');
    if (comma) {
        *comma = '\0';
        if (strcmp(comma + 1, "poisson") != 0)
            return fault_set(fault, STATUS_INVALID, "arrivals",
                             "'%s' behind the comma is not 'poisson'", comma + 1);
        s->poisson = true;
    }
    if (parse_shape(s, shape))
        return fault_set(
            fault, STATUS_INVALID, "arrivals",
            "'%s' is none of constant, poisson, step:PEAK@AT, ramp:PEAK, spike:PEAK@AT+FOR", text);
    if (!(rate > 0) || (s->shape != SHAPE_CONSTANT && !(s->peak > 0)))
        return fault_set(fault, STATUS_INVALID, "rate", "a rate must be above 0");
    return STATUS_OK;
}

double schedule_rate(const struct schedule *s, double at_s)
{
    switch (s->shape) {
    case SHAPE_STEP:
        return at_s >= s->at_s ? s->peak : s->rate;
    case SHAPE_RAMP:
        return s->rate + (s->peak - s->rate) * (s->total_s > 0 ? at_s / s->total_s : 1);
    case SHAPE_SPIKE:
        return at_s >= s->at_s && at_s < s->at_s + s->for_s ? s->peak : s->rate;
    case SHAPE_CONSTANT:
        break;
    }
    return s->rate;
}

bool schedule_never_peaks(const struct schedule *s)
{
    return (s->shape == SHAPE_STEP || s->shape == SHAPE_SPIKE) && s->at_s >= s->total_s;
}

void schedule_part(struct schedule *s, uint32_t part, uint32_t parts)
{
    s->at_us = s->phase_us = 1e6 * part / s->rate;
    s->rate /= parts;
    s->peak /= parts;
    s->random += part * UINT64_C(0x9e3779b97f4a7c15);
}

static void move_on(struct schedule *s)
{
    if (s->shape == SHAPE_CONSTANT && !s->poisson) { /* no sum of gaps: it would drift */
        s->at_us = s->phase_us + (double)s->given * 1e6 / s->rate;
        return;
    }
    double gap = s->given || s->poisson ? 1e6 / schedule_rate(s, s->at_us / 1e6) : 0;
    if (s->poisson)
        gap *= -log(1 - random_unit(&s->random));
    s->at_us += gap;
}

enum status schedule_next(struct schedule *s, uint64_t *at_ns)
{
    move_on(s);
    if (s->at_us >= s->total_s * 1e6)
        return STATUS_END;
    s->given++;
    *at_ns = (uint64_t)(s->at_us * 1000);
    return STATUS_OK;
}
