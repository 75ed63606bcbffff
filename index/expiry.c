#include "index/expiry.h"

#include <xxhash.h>

__extension__ typedef unsigned __int128 wide;

static int64_t add_clamped(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? EXPIRY_NEVER : sum;
}

static int64_t or_default(int64_t own, int64_t fallback)
{
    return own >= 0 ? own : fallback;
}

int64_t expiry_stale_ms(const struct schema *schema, const struct windows *f, struct slice id)
{
    int64_t ttl = or_default(f->ttl_ms, schema->ttl_ms);
    if (ttl <= 0)
        return EXPIRY_NEVER;
    uint64_t hash = XXH3_64bits_withSeed(id.ptr, id.len, (uint64_t)f->validated_ms);
    int64_t tenth = ttl / 10;
    /* ttl x (0.9 + 0.1 u), u from the hash, in integers so that every process agrees. */
    int64_t part = (int64_t)(((wide)(uint64_t)tenth * (hash >> 32)) >> 32);
    return add_clamped(f->validated_ms, ttl - tenth + part);
}

int64_t expiry_limit_ms(const struct schema *schema, const struct windows *f, struct slice id)
{
    return expiry_limit_from_ms(schema, f, expiry_stale_ms(schema, f, id));
}

int64_t expiry_stale_earliest_ms(int64_t validated_ms, int64_t ttl_ms)
{
    return ttl_ms <= 0 ? EXPIRY_NEVER : add_clamped(validated_ms, ttl_ms - ttl_ms / 10);
}

int64_t expiry_limit_from_ms(const struct schema *schema, const struct windows *f, int64_t stale)
{
    int64_t swr = or_default(f->swr_ms, schema->swr_ms);
    int64_t sie = or_default(f->sie_ms, schema->sie_ms);
    if (stale == EXPIRY_NEVER)
        return stale;
#ifdef SOUK_FAULT_EARLY_EXPIRY /* a test build that must turn the outage tests red */
    int64_t window = 0 * (swr + sie);
#else
    int64_t window = swr > sie ? swr : sie;
#endif
    return add_clamped(stale, window > 0 ? window : 0);
}

void expiry_key(uint8_t key[EXPIRY_KEY_LEN], int64_t limit_ms, uint32_t docid)
{
    uint64_t t = limit_ms > 0 ? (uint64_t)limit_ms : 0;
    for (int i = 0; i < 8; i++)
        key[i] = (uint8_t)(t >> (56 - 8 * i));
    for (int i = 0; i < 4; i++)
        key[8 + i] = (uint8_t)(docid >> (24 - 8 * i));
}

bool expiry_parse(struct slice key, int64_t *limit_ms, uint32_t *docid)
{
    if (key.len != EXPIRY_KEY_LEN)
        return false;
    uint64_t t = 0;
    uint32_t d = 0;
    for (int i = 0; i < 8; i++)
        t = t << 8 | (uint8_t)key.ptr[i];
    for (int i = 8; i < EXPIRY_KEY_LEN; i++)
        d = d << 8 | (uint8_t)key.ptr[i];
    *limit_ms = (int64_t)t;
    *docid = d;
    return true;
}
