#include "server/followers.h"

void followers_note(struct followers *f, struct slice name, uint64_t after, int64_t now_ms)
{
    struct follower *at = &f->all[0];
    if (name.len > FOLLOWERS_NAME)
        name.len = FOLLOWERS_NAME;
    for (int i = 0; i < FOLLOWERS_MOST; i++) {
        struct follower *one = &f->all[i];
        if (one->seen_ms && slice_equal(slice_str(one->name), name)) {
            at = one;
            break;
        }
        if (one->seen_ms < at->seen_ms)
            at = one;
    }
    *at = (struct follower){.after = after, .seen_ms = now_ms};
    if (name.len)
        memcpy(at->name, name.ptr, name.len);
}

static bool heard(const struct follower *one, int64_t now_ms, int64_t within_ms)
{
    return one->seen_ms && now_ms - one->seen_ms <= within_ms;
}

uint32_t followers_here(const struct followers *f, int64_t now_ms)
{
    uint32_t here = 0;
    for (int i = 0; i < FOLLOWERS_MOST; i++)
        here += heard(&f->all[i], now_ms, FOLLOWERS_HERE_MS);
    return here;
}

uint64_t followers_hold(const struct followers *f, int64_t now_ms)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < FOLLOWERS_MOST; i++)
        if (heard(&f->all[i], now_ms, FOLLOWERS_HOLD_MS) && f->all[i].after < least)
            least = f->all[i].after;
    return least;
}

uint64_t followers_reached(const struct followers *f, uint64_t count, int64_t now_ms)
{
    uint64_t places[FOLLOWERS_MOST], here = 0;
    for (int i = 0; i < FOLLOWERS_MOST; i++) {
        if (!heard(&f->all[i], now_ms, FOLLOWERS_HERE_MS))
            continue;
        uint64_t k = here++;
        for (; k && places[k - 1] < f->all[i].after; k--) /* the furthest first */
            places[k] = places[k - 1];
        places[k] = f->all[i].after;
    }
    return count && here >= count ? places[count - 1] : 0;
}
