#include "server/retry.h"

static void advance(struct retry_budget *b, int64_t now_ms)
{
    int64_t second = now_ms / 1000;
    if (!b->started) {
        b->started = true;
        b->second = second;
        b->tokens[second % RETRY_SECONDS] = 1;
    }
    if (second - b->second > RETRY_SECONDS)
        b->second = second - RETRY_SECONDS;
    while (b->second < second)
        b->tokens[++b->second % RETRY_SECONDS] = 1;
}

void retry_first(struct retry_budget *b, int64_t now_ms)
{
    advance(b, now_ms);
    b->tokens[b->second % RETRY_SECONDS] += 0.1;
}

bool retry_take(struct retry_budget *b, int64_t now_ms)
{
    double sum = 0, want = 1;
    advance(b, now_ms);
    for (int i = 0; i < RETRY_SECONDS; i++)
        sum += b->tokens[i];
    if (sum < 0.999999) /* ten tenths make one */
        return false;
    for (int64_t s = b->second - RETRY_SECONDS + 1; s <= b->second && want > 0; s++) {
        if (s < 0)
            continue;
        double *at = &b->tokens[s % RETRY_SECONDS], taken = *at < want ? *at : want;
        *at -= taken;
        want -= taken;
    }
    return true;
}

int64_t retry_pause_ms(uint32_t tries, int64_t base_ms, int64_t cap_ms, uint64_t random)
{
    int64_t bound = base_ms;
    for (uint32_t i = 1; i < tries && bound < cap_ms; i++)
        bound *= 2;
    if (bound > cap_ms)
        bound = cap_ms;
    return (int64_t)(random % (uint64_t)(bound + 1));
}
