#include "server/ladder.h"

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

void ladder_step(struct ladder *l, uint32_t pressure, int pin, int64_t now_us)
{
    if (pin >= 0) {
        take_level(l, pin > LADDER_MAX ? LADDER_MAX : (uint32_t)pin);
        return;
    }
    bool up = l->level < LADDER_MAX && pressure >= levels[l->level + 1].enter;
    bool down = l->level > 0 && pressure < levels[l->level].leave;
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
