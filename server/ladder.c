#include "server/ladder.h"

enum { STEP_MOST_US = 200000 }; /* a longer pause is no window */
/* Per window of 100 ms. */
static const float LEARN = 0.2f, FORGET = 0.003f, UNKNOWN_DEARER = 1.5f;

#define LADDER_FEATURE(name, level, word, text)
static const struct {
    uint32_t enter, leave;
    const char *text;
} levels[LADDER_MAX + 1] = {
#define LADDER_LEVEL(level, enter, leave, text) [level] = {enter, leave, text},
#include "server/ladder.def"
#undef LADDER_LEVEL
};
#undef LADDER_FEATURE

#define LADDER_LEVEL(level, enter, leave, text)
static const struct {
    uint32_t level;
    struct slice word;
    const char *text;
} features[LADDER_FEATURE_COUNT] = {
#define LADDER_FEATURE(name, level, word, text) {level, {word, sizeof(word) - 1}, text},
#include "server/ladder.def"
#undef LADDER_FEATURE
};
#undef LADDER_LEVEL

static void take_level(struct ladder *l, uint32_t level)
{
    if (level == l->level)
        return;
    l->level = level;
    l->over_us = l->under_us = l->over_least = 0;
    l->off = 0;
    l->entered[level]++;
    for (int i = 0; i < LADDER_FEATURE_COUNT; i++)
        if (features[i].level <= level)
            l->off |= 1u << i;
}

/* Time over the mark adds up, twice where it is twice the mark: in half a second shoppers would run
 * into their deadlines. Time below it takes away twice as much, for single windows say little: a
 * queue that was just emptied by deadlines looks short. */
static bool over_long_enough(struct ladder *l, bool over, bool far, int64_t past_us)
{
    l->over_us += !over ? -2 * past_us : far ? 2 * past_us : past_us;
    if (l->over_us < 0)
        l->over_us = 0;
    return over && l->over_us >= LADDER_ENTER_US;
}

/* Far above the marks steps are skipped: to the last level that twice its mark still leads to, for
 * each level takes some of the pressure away. */
static uint32_t level_above(const struct ladder *l)
{
    uint32_t level = l->level + 1;
    while (level < LADDER_MAX && l->over_least >= 2 * levels[level + 1].enter)
        level++;
    return level;
}

/* Any window over the mark begins the time anew. */
static bool under_long_enough(struct ladder *l, bool under, int64_t past_us)
{
    l->under_us = under ? l->under_us + past_us : 0;
    return l->under_us >= LADDER_LEAVE_US;
}

/* What was learnt of other levels is forgotten within a minute: traffic changes. */
static void learn_cost(struct ladder *l, uint32_t cost_us)
{
    float *here = &l->cost_us[l->level];
    if (!cost_us)
        return;
    *here += ((float)cost_us - *here) * (*here > 0 ? LEARN : 1);
    for (uint32_t i = 0; i < l->level; i++)
        if (l->cost_us[i] > 0) /* what is not known stays so: forgetting is no knowledge */
            l->cost_us[i] += (*here - l->cost_us[i]) * FORGET;
}

/* What a request would take one level lower; of levels that were skipped on the way up nothing is
 * known but that they are not dearer than those below them. 0 = nothing known. */
static float cost_below(const struct ladder *l)
{
    for (uint32_t i = l->level; i-- > 0;)
        if (l->cost_us[i] > 0)
            return l->cost_us[i];
    return 0;
}

/* How busy the front would be one level lower, with the same load. A level makes requests cheaper:
 * left at the wrong time, the load would be too much again at once. */
static float busy_below(const struct ladder *l, uint32_t busy)
{
    float here = l->cost_us[l->level], below = cost_below(l);
    float dearer = here > 0 && below > 0 ? below / here : UNKNOWN_DEARER;
    return (float)busy * (dearer > 1 ? dearer : 1);
}

void ladder_step(struct ladder *l, const struct ladder_window *w, int64_t now_us)
{
    int64_t past_us = l->stepped_us ? now_us - l->stepped_us : 0;
    l->stepped_us = now_us;
    if (past_us > STEP_MOST_US)
        past_us = STEP_MOST_US;
    learn_cost(l, w->cost_us);
    l->pinned = w->pin >= 0;
    if (l->pinned) {
        take_level(l, w->pin > LADDER_MAX ? LADDER_MAX : (uint32_t)w->pin);
        return;
    }
    if (l->level < w->least)
        take_level(l, w->least);
    bool up = l->level < LADDER_MAX && w->pressure >= levels[l->level + 1].enter;
    if (up && (!l->over_us || w->pressure < l->over_least))
        l->over_least = w->pressure;
    bool down = l->level > w->least && w->pressure < levels[l->level].leave &&
                busy_below(l, w->busy) < LADDER_BUSY;
    bool far = up && w->pressure >= 2 * levels[l->level + 1].enter;
    if (over_long_enough(l, up, far, past_us))
        take_level(l, level_above(l));
    else if (under_long_enough(l, down, past_us))
        take_level(l, l->level - 1);
}

void ladder_hurry(struct ladder *l, int64_t now_us)
{
    if (l->pinned || l->level == LADDER_MAX || now_us - l->hurried_us < LADDER_HURRY_US)
        return;
    l->hurried_us = now_us;
    take_level(l, l->level + 1);
}

struct slice ladder_word(enum ladder_feature f)
{
    return features[f].word;
}

const char *ladder_text(enum ladder_feature f)
{
    return features[f].text;
}

uint32_t ladder_level_of(enum ladder_feature f)
{
    return features[f].level;
}

const char *ladder_level_text(uint32_t level)
{
    return levels[level > LADDER_MAX ? LADDER_MAX : level].text;
}
