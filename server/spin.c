#include "server/spin.h"

void spin_init(struct spin *s, int64_t most_us)
{
    *s = (struct spin){.most_us = most_us, .gap_us16 = most_us * SPIN_GAP_MOST * 16};
}

bool spin_pays(const struct spin *s, int64_t now_us)
{
    return s->gap_us16 < s->most_us * 16 && now_us >= s->again_us;
}

void spin_rest(struct spin *s, int64_t now_us, bool awake)
{
    if (s->begun_us)
        return;
    s->begun_us = now_us;
    s->looked_us = awake ? now_us : 0;
}

static void take_pause(struct spin *s, int64_t now_us)
{
    bool again = s->pause_us && now_us - s->again_us < SPIN_AGAIN_US;
    s->pause_us = again ? s->pause_us * 2 : SPIN_PAUSE_US;
    if (s->pause_us > SPIN_PAUSE_MOST_US)
        s->pause_us = SPIN_PAUSE_MOST_US;
    s->pauses++;
    s->again_us = now_us + s->pause_us;
    s->strikes = 0;
}

static void note_look(struct spin *s, int64_t now_us)
{
    int64_t since = now_us - s->looked_us;
    s->looked_us = now_us;
    s->disturbed |= since > SPIN_LATE_US;
    if (since > SPIN_HOLE_US)
        take_pause(s, now_us);
}

/* Is awake no longer, be it that work came or that none did. */
static void end_awake(struct spin *s, int64_t now_us)
{
    s->spun_us += now_us - s->begun_us;
    s->looked_us = 0;
    if (s->disturbed)
        s->strikes += SPIN_STRIKE;
    else if (s->strikes)
        s->strikes--;
    s->disturbed = false;
    if (s->strikes >= SPIN_STRIKES)
        take_pause(s, now_us);
}

bool spin_look(struct spin *s, int64_t now_us)
{
    note_look(s, now_us);
    if (now_us - s->begun_us < s->most_us && now_us >= s->again_us)
        return true;
    end_awake(s, now_us);
    return false;
}

void spin_work(struct spin *s, int64_t now_us)
{
    if (!s->begun_us)
        return;
    if (spin_awake(s)) {
        note_look(s, now_us);
        end_awake(s, now_us);
    }
    int64_t gap = now_us - s->begun_us, most = s->most_us * SPIN_GAP_MOST;
    s->gap_us16 += (gap < most ? gap : most) - s->gap_us16 / 16;
    s->begun_us = 0;
}
