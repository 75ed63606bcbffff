/*
 * result_cache - encoded pages of a front by the hash of their request; S3-FIFO, sized in bytes.
 *
 *   new ──> [small, a tenth] ── asked for again ──> [main] ──┐ asked for since: once more round
 *              │ never                                 │ <───┘
 *              v                                       v not
 *           [ghost: hashes] ── comes again ──> main   gone
 *
 * A page that is asked for once leaves through the small queue and costs the others nothing; one
 * that comes again while its hash is in the ghost goes straight to main. Expensive pages stay after
 * a single second look. Keys are 128-bit hashes with a secret seed: nobody can make two requests
 * meet.
 *
 * An alias is a second way to an entry: the hash of a request's raw bytes, so that the same bytes
 * need not be decoded again. Knows nothing of searches: whoever finds an entry decides whether it
 * may still be used.
 */
#ifndef SOUK_SERVER_RESULT_CACHE_H
#define SOUK_SERVER_RESULT_CACHE_H

#include "protocol/buf.h"
#include "protocol/status.h"

struct cache_key {
    uint64_t lo, hi;
};

struct cached_hit {
    uint32_t docid;
    uint32_t id_off, id_len; /* of its id in the body */
    uint32_t age_off; /* of its age in the body; 0 = the age is told as 0 whatever time it is */
    uint8_t state;    /* enum freshness */
};

enum { CACHE_HITS_MAX = 100, CACHE_NAME = 64, CACHE_TEXT = 100 };

/* What an entry remembers beside its bytes. */
struct cache_facts {
    char catalog[CACHE_NAME + 1];
    uint64_t edition, generation, sequence;
    int64_t made_ms;   /* ages in the body are of this time */
    int64_t until_ms;  /* the first freshness change of its hits: never used after it */
    int64_t expiry_ms; /* the first product of the snapshot to expire: counts are right till then */
    uint64_t oldest_ms; /* age of the oldest hit at made_ms */
    uint32_t upstream, safe_mode;
    uint32_t cost_us;
    uint64_t found;
    uint32_t body_len; /* of the page, without its tail */
    uint8_t text_len;  /* of the words as they were typed, for the query log; 0 = not noted there */
    char text[CACHE_TEXT];
    uint32_t hit_count;
    struct cached_hit hits[CACHE_HITS_MAX];
};

struct cached {
    struct cached *hash_next, *next, *prev;
    struct cache_key key;
    uint32_t charge, alias; /* bytes it counts for; slot + 1 of its alias */
    uint8_t freq;
    bool in_main;
    uint32_t alias_tag;
    /* The user's: when a newer one was asked for last; uses not told to the query log, and when
     * it was told last. */
    int64_t renew_ms, told_ms;
    uint32_t untold;
    struct slice body;         /* behind the hits */
    struct cache_facts *facts; /* behind the struct; only hit_count hits are there */
};

struct result_cache;

/* Holds at most `bytes`, entries and their bookkeeping included. */
enum status result_cache_create(size_t bytes, uint64_t seed, struct result_cache **out);
void result_cache_destroy(struct result_cache **c);
/* Less or more from now on; what is too much goes at once. */
void result_cache_resize(struct result_cache *c, size_t bytes);

struct cache_key result_cache_key(const struct result_cache *c, struct slice bytes);
/* NULL when there is none. Valid until the next put, drop or resize. */
struct cached *result_cache_find(struct result_cache *c, struct cache_key key);
/* By the hash of raw bytes; `tag` must be what it was aliased with. */
struct cached *result_cache_find_alias(struct result_cache *c, struct cache_key raw, uint32_t tag);
void result_cache_alias(struct result_cache *c, struct cache_key raw, uint32_t tag,
                        struct cached *e);
/* It was used: that is what keeps it. */
static inline void result_cache_used(struct cached *e)
{
    if (e->freq < 3)
        e->freq++;
}
/* Copies; takes the place of an entry with the same key. NULL when it is too large (an eighth of
 * the cache) or memory is refused. */
struct cached *result_cache_put(struct result_cache *c, struct cache_key key,
                                const struct cache_facts *facts, struct slice body);
void result_cache_drop(struct result_cache *c, struct cached *e);

struct result_cache_figures {
    size_t bytes, bytes_max;
    uint64_t entries, stored, evicted, promoted, from_ghost;
};
struct result_cache_figures result_cache_figures(const struct result_cache *c);

#endif
