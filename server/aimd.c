#include "server/aimd.h"

/* The window that ended decides, once, however long ago that was. */
static void turn(struct aimd *a, int64_t now_ms)
{
    if (now_ms - a->window_ms < AIMD_WINDOW_MS)
        return;
    if (a->overrun)
        a->limit *= 0.9;
    else if (a->used)
        a->limit += 1;
    a->window_ms = now_ms;
    a->used = a->overrun = false;
}

uint32_t aimd_room(struct aimd *a, uint32_t start, uint32_t most, int64_t now_ms)
{
    if (a->limit < 1)
        a->limit = a->window_ms ? 1 : start;
    if (!a->window_ms)
        a->window_ms = now_ms;
    turn(a, now_ms);
    if (a->limit < 1)
        a->limit = 1;
    if (a->limit > most)
        a->limit = most;
    return (uint32_t)a->limit;
}

void aimd_good(struct aimd *a, uint32_t in_flight, int64_t now_ms)
{
    turn(a, now_ms);
    a->used |= 2 * in_flight >= (uint32_t)a->limit;
}

void aimd_overrun(struct aimd *a, int64_t now_ms)
{
    turn(a, now_ms);
    a->overrun = true;
}
