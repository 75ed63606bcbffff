#include "server/result_cache.h"

#include <stddef.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { ALIASES = 4096, GHOSTS = 16384, BUCKETS_LEAST = 1024, SMALL_SHARE = 10, DEAR_US = 1000 };

struct queue {
    struct cached *newest, *oldest;
    size_t bytes;
};

struct alias {
    struct cache_key raw;
    struct cached *entry;
};

struct result_cache {
    size_t bytes_max, fixed_bytes;
    uint64_t seed;
    struct cached **buckets;
    size_t bucket_count; /* a power of two */
    struct queue small, main;
    struct alias aliases[ALIASES];
    uint64_t ghosts[GHOSTS];
    struct result_cache_figures figures;
};

enum status result_cache_create(size_t bytes, uint64_t seed, struct result_cache **out)
{
    struct result_cache *c = calloc(1, sizeof *c);
    if (!c)
        return STATUS_NO_MEMORY;
    c->bucket_count = BUCKETS_LEAST;
    while (c->bucket_count < bytes / 2048)
        c->bucket_count *= 2;
    c->buckets = calloc(c->bucket_count, sizeof(struct cached *));
    if (!c->buckets) {
        free(c);
        return STATUS_NO_MEMORY;
    }
    c->bytes_max = bytes;
    c->seed = seed;
    *out = c;
    return STATUS_OK;
}

void result_cache_destroy(struct result_cache **c)
{
    if (!*c)
        return;
    result_cache_resize(*c, 0);
    free((*c)->buckets);
    free(*c);
    *c = NULL;
}

struct cache_key result_cache_key(const struct result_cache *c, struct slice bytes)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(bytes.ptr, bytes.len, c->seed);
    return (struct cache_key){h.low64, h.high64};
}

/* --- queues ----------------------------------------------------------------------------------- */

static struct queue *queue_of(struct result_cache *c, const struct cached *e)
{
    return e->in_main ? &c->main : &c->small;
}

static void queue_push(struct result_cache *c, struct cached *e)
{
    struct queue *q = queue_of(c, e);
    e->prev = q->newest;
    e->next = NULL;
    *(q->newest ? &q->newest->next : &q->oldest) = e;
    q->newest = e;
    q->bytes += e->charge;
}

static void queue_take(struct result_cache *c, struct cached *e)
{
    struct queue *q = queue_of(c, e);
    *(e->prev ? &e->prev->next : &q->oldest) = e->next;
    *(e->next ? &e->next->prev : &q->newest) = e->prev;
    q->bytes -= e->charge;
}

static struct cached **bucket_of(const struct result_cache *c, struct cache_key key)
{
    return &c->buckets[key.lo & (c->bucket_count - 1)];
}

void result_cache_drop(struct result_cache *c, struct cached *e)
{
    struct cached **at = bucket_of(c, e->key);
    while (*at != e)
        at = &(*at)->hash_next;
    *at = e->hash_next;
    queue_take(c, e);
    if (e->alias)
        c->aliases[e->alias - 1].entry = NULL;
    c->figures.entries--;
    free(e);
}

/* Makes one step towards less: a page goes, or gets another chance. */
static void evict_step(struct result_cache *c)
{
    struct cached *e;
    bool from_small =
        c->small.oldest && (c->small.bytes > c->bytes_max / SMALL_SHARE || !c->main.oldest);
    if (from_small) {
        e = c->small.oldest;
        if (e->freq >= 2 || (e->freq && e->facts->cost_us >= DEAR_US)) {
            queue_take(c, e);
            e->freq = 0;
            e->in_main = true;
            queue_push(c, e);
            c->figures.promoted++;
            return;
        }
        c->ghosts[e->key.hi % GHOSTS] = e->key.lo;
    } else {
        e = c->main.oldest;
        if (e->freq) {
            queue_take(c, e);
            e->freq--;
            queue_push(c, e);
            return;
        }
    }
    result_cache_drop(c, e);
    c->figures.evicted++;
}

static void shrink_to(struct result_cache *c, size_t bytes)
{
    while (c->small.bytes + c->main.bytes > bytes && c->figures.entries)
        evict_step(c);
}

void result_cache_resize(struct result_cache *c, size_t bytes)
{
    c->bytes_max = bytes;
    shrink_to(c, bytes);
}

/* --- finding and putting ---------------------------------------------------------------------- */

struct cached *result_cache_find(struct result_cache *c, struct cache_key key)
{
    struct cached *e = *bucket_of(c, key);
    while (e && (e->key.lo != key.lo || e->key.hi != key.hi))
        e = e->hash_next;
    return e;
}

struct cached *result_cache_find_alias(struct result_cache *c, struct cache_key raw, uint32_t tag)
{
    struct alias *a = &c->aliases[raw.lo % ALIASES];
    bool same = a->entry && a->raw.lo == raw.lo && a->raw.hi == raw.hi;
    return same && a->entry->alias_tag == tag ? a->entry : NULL;
}

void result_cache_alias(struct result_cache *c, struct cache_key raw, uint32_t tag,
                        struct cached *e)
{
    struct alias *a = &c->aliases[raw.lo % ALIASES];
    if (a->entry)
        a->entry->alias = 0;
    if (e->alias)
        c->aliases[e->alias - 1].entry = NULL;
    *a = (struct alias){raw, e};
    e->alias = (uint32_t)(a - c->aliases) + 1;
    e->alias_tag = tag;
}

struct cached *result_cache_put(struct result_cache *c, struct cache_key key,
                                const struct cache_facts *facts, struct slice body)
{
    size_t facts_len =
        offsetof(struct cache_facts, hits) + facts->hit_count * sizeof(struct cached_hit);
    facts_len = (facts_len + 7) & ~(size_t)7;
    size_t charge = sizeof(struct cached) + facts_len + body.len + 32; /* + the allocator's */
    struct cached *old = result_cache_find(c, key);
    if (charge > c->bytes_max / 8)
        return NULL;
    struct cached *e = malloc(sizeof *e + facts_len + body.len);
    if (!e)
        return NULL;
    *e = (struct cached){.key = key, .charge = (uint32_t)charge};
    if (old) { /* the place and the fame of the older page */
        e->freq = old->freq;
        e->in_main = old->in_main;
        result_cache_drop(c, old);
    } else if (c->ghosts[key.hi % GHOSTS] == key.lo) {
        c->ghosts[key.hi % GHOSTS] = 0;
        e->in_main = true;
        c->figures.from_ghost++;
    }
    e->facts = (struct cache_facts *)(e + 1);
    memcpy(e->facts, facts,
           offsetof(struct cache_facts, hits) + facts->hit_count * sizeof(struct cached_hit));
    char *bytes = (char *)(e + 1) + facts_len;
    memcpy(bytes, body.ptr, body.len);
    e->body = slice_make(bytes, body.len);
    shrink_to(c, c->bytes_max - charge);
    struct cached **bucket = bucket_of(c, key);
    e->hash_next = *bucket;
    *bucket = e;
    queue_push(c, e);
    c->figures.entries++;
    c->figures.stored++;
    return e;
}

struct result_cache_figures result_cache_figures(const struct result_cache *c)
{
    struct result_cache_figures f = c->figures;
    f.bytes = c->small.bytes + c->main.bytes;
    f.bytes_max = c->bytes_max;
    return f;
}
