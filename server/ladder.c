#include "server/ladder.h"

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
    l->over_us = l->under_us = 0;
    l->off = 0;
    l->entered[level]++;
    for (int i = 0; i < LADDER_FEATURE_COUNT; i++)
        if (features[i].level <= level)
            l->off |= 1u << i;
}

/* True when the condition has held for `us`; *since remembers from when. */
static bool held(bool condition, int64_t *since, int64_t now, int64_t us)
{
    if (!condition)
        *since = 0;
    else if (!*since)
        *since = now;
    return condition && now - *since >= us;
}

/* What was learnt of other levels is forgotten within a minute: traffic changes. */
static void learn_cost(struct ladder *l, uint32_t cost_us)
{
    float *here = &l->cost_us[l->level];
    if (!cost_us)
        return;
    *here += ((float)cost_us - *here) * (*here > 0 ? LEARN : 1);
    for (uint32_t i = 0; i < l->level; i++)
        l->cost_us[i] += (*here - l->cost_us[i]) * FORGET;
}

/* How busy the front would be one level lower, with the same load. A level makes requests cheaper:
 * left at the wrong time, the load would be too much again at once. */
static float busy_below(const struct ladder *l, uint32_t busy)
{
    float here = l->cost_us[l->level], below = l->cost_us[l->level - 1];
    float dearer = here > 0 && below > 0 ? below / here : UNKNOWN_DEARER;
    return (float)busy * (dearer > 1 ? dearer : 1);
}

void ladder_step(struct ladder *l, const struct ladder_window *w, int64_t now_us)
{
    learn_cost(l, w->cost_us);
    if (w->pin >= 0) {
        take_level(l, w->pin > LADDER_MAX ? LADDER_MAX : (uint32_t)w->pin);
        return;
    }
    if (l->level < w->least)
        take_level(l, w->least);
    bool up = l->level < LADDER_MAX && w->pressure >= levels[l->level + 1].enter;
    bool down = l->level > w->least && w->pressure < levels[l->level].leave &&
                busy_below(l, w->busy) < LADDER_BUSY;
    if (held(up, &l->over_us, now_us, LADDER_ENTER_US))
        take_level(l, l->level + 1);
    else if (held(down, &l->under_us, now_us, LADDER_LEAVE_US))
        take_level(l, l->level - 1);
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
