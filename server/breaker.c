#include "server/breaker.h"

enum { K_MAX = 16 };

void breaker_options_init(struct breaker_options *o)
{
    *o = (struct breaker_options){.window_ms = 10000,
                                  .min_calls = 20,
                                  .failure_percent = 50,
                                  .slow_percent = 80,
                                  .slow_ms = 1000,
                                  .consecutive = 5,
                                  .open_ms = 5000,
                                  .open_max_ms = 300000,
                                  .close_after = 3,
                                  .decay_ms = 30000};
}

void breaker_init(struct breaker *b, const struct breaker_options *o, uint64_t seed, int64_t now)
{
    *b = (struct breaker){.options = *o,
                          .closed_ms = now,
                          .epoch = 1,
                          .random = seed * 2 + UINT64_C(0x9e3779b97f4a7c15)};
}

/* Below `bound`; splitmix64. */
static int64_t random_below(struct breaker *b, int64_t bound)
{
    uint64_t z = b->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return bound > 0 ? (int64_t)(z % (uint64_t)bound) : 0;
}

/* --- states ----------------------------------------------------------------------------------- */

static void enter(struct breaker *b, enum breaker_state state, int64_t now)
{
    b->state = state;
    b->epoch += 1 + (b->epoch == UINT32_MAX);
    b->probe_ms = 0;
    b->good = b->in_row = 0;
    if (state == BREAKER_OPEN) {
        int64_t time = b->options.open_ms << b->k;
        if (time > b->options.open_max_ms)
            time = b->options.open_max_ms;
        else if (b->k < K_MAX)
            b->k++;
        b->opens++;
        b->since_ms = now;
        b->until_ms = now + time / 2 + random_below(b, time - time / 2 + 1);
    } else if (state == BREAKER_CLOSED) {
        b->closed_ms = now;
        for (int i = 0; i < BREAKER_BUCKETS; i++)
            b->buckets[i] = (struct breaker_bucket){0};
    }
}

/* What time alone changes. */
static void advance(struct breaker *b, int64_t now)
{
    if (b->state == BREAKER_OPEN && now >= b->until_ms)
        enter(b, BREAKER_HALF_OPEN, now);
    while (b->state == BREAKER_CLOSED && b->k && now - b->closed_ms >= b->options.decay_ms) {
        b->k--;
        b->closed_ms += b->options.decay_ms;
    }
    if (b->state == BREAKER_HALF_OPEN && b->probe_ms && now - b->probe_ms > BREAKER_PROBE_MS) {
        b->probe_ms = 0; /* its answer is lost: another may go */
        b->epoch += 1 + (b->epoch == UINT32_MAX);
    }
}

enum breaker_state breaker_now(const struct breaker *b, int64_t now)
{
    if (now < b->paused_ms && b->state != BREAKER_OPEN)
        return BREAKER_PAUSED;
    return b->state == BREAKER_OPEN && now >= b->until_ms ? BREAKER_HALF_OPEN : b->state;
}

/* --- the window ------------------------------------------------------------------------------- */

static void count(struct breaker *b, int64_t now, bool failed, bool slow)
{
    int64_t bucket = now * BREAKER_BUCKETS / b->options.window_ms;
    int64_t from = bucket - BREAKER_BUCKETS > b->bucket ? bucket - BREAKER_BUCKETS : b->bucket;
    for (int64_t i = from + 1; i <= bucket; i++)
        b->buckets[i % BREAKER_BUCKETS] = (struct breaker_bucket){0};
    if (bucket > b->bucket)
        b->bucket = bucket;
    struct breaker_bucket *at = &b->buckets[b->bucket % BREAKER_BUCKETS];
    at->calls++;
    at->failures += failed;
    at->slow += slow;
    b->in_row = failed ? b->in_row + 1 : 0;
}

static bool beyond(const struct breaker *b)
{
    struct breaker_bucket sum = {0};
    for (int i = 0; i < BREAKER_BUCKETS; i++) {
        sum.calls += b->buckets[i].calls;
        sum.failures += b->buckets[i].failures;
        sum.slow += b->buckets[i].slow;
    }
    return b->in_row >= b->options.consecutive ||
           (sum.calls >= b->options.min_calls &&
            (sum.failures * 100 >= sum.calls * b->options.failure_percent ||
             sum.slow * 100 >= sum.calls * b->options.slow_percent));
}

/* --- calls ------------------------------------------------------------------------------------ */

bool breaker_allows(const struct breaker *b, int64_t now)
{
    struct breaker copy = *b;
    return breaker_begin(&copy, now) != 0;
}

uint32_t breaker_begin(struct breaker *b, int64_t now)
{
    advance(b, now);
    if (now < b->paused_ms || b->state == BREAKER_OPEN ||
        (b->state == BREAKER_HALF_OPEN && b->probe_ms))
        return 0;
    if (b->state == BREAKER_HALF_OPEN)
        b->probe_ms = now ? now : 1;
    return b->epoch;
}

void breaker_good(struct breaker *b, uint32_t token, int64_t now, int64_t took_ms)
{
    bool slow = took_ms > b->options.slow_ms;
    advance(b, now);
    if (token != b->epoch)
        return;
    if (b->state == BREAKER_HALF_OPEN) {
        b->probe_ms = 0;
        if (slow)
            enter(b, BREAKER_OPEN, now);
        else if (++b->good >= b->options.close_after)
            enter(b, BREAKER_CLOSED, now);
        return;
    }
    count(b, now, false, slow);
    if (slow && beyond(b))
        enter(b, BREAKER_OPEN, now);
}

void breaker_bad(struct breaker *b, uint32_t token, int64_t now)
{
    advance(b, now);
    if (token != b->epoch)
        return;
    if (b->state == BREAKER_CLOSED)
        count(b, now, true, false);
    if (b->state == BREAKER_HALF_OPEN || beyond(b))
        enter(b, BREAKER_OPEN, now);
}

void breaker_forget(struct breaker *b, uint32_t token)
{
    if (token == b->epoch)
        b->probe_ms = 0;
}

void breaker_pause(struct breaker *b, int64_t now, int64_t pause_ms)
{
    if (pause_ms > BREAKER_PAUSE_MAX_MS)
        pause_ms = BREAKER_PAUSE_MAX_MS;
    if (now + pause_ms > b->paused_ms)
        b->paused_ms = now + pause_ms;
}

void breaker_probed(struct breaker *b, int64_t now)
{
    advance(b, now);
    if (b->state == BREAKER_OPEN && now - b->since_ms >= (b->until_ms - b->since_ms) / 2)
        enter(b, BREAKER_HALF_OPEN, now);
}
