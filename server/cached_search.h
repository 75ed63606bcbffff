/*
 * cached_search - searches of a front by way of its result cache.
 *
 *   the same bytes as before ── alias ──┐
 *   decoded, normalised, hashed ────────┴─> page found ── judged ──> sent as it lies there: ages
 * are │ too old, none        made older, took, query id and v                      level are
 * appended computed, kept when it was worth the work
 *
 * A page may be used while the catalog's generation is the one it was made from and no product of
 * the catalog expired since; or within cache.fresh of its making. Then, for cache.stale (from
 * degrade level 2 on: cache.old), it is served as an old page, and one request for a newer one
 * joins the background queue. It is never used once the freshness of one of its hits has changed,
 * upstream or safe mode change the labels, or the request's min_sequence is newer. Equal misses
 * compute once: a front runs one search at a time, so the second finds the page of the first.
 *
 * A page is kept by what was left out of it too: full pages are preferred at every level, degraded
 * ones are never served at a lower one.
 */
#ifndef SOUK_SERVER_CACHED_SEARCH_H
#define SOUK_SERVER_CACHED_SEARCH_H

#include "protocol/reply.h"
#include "server/degrade.h"
#include "server/freshness.h"
#include "server/front.h"
#include "server/result_cache.h"

/* The end of every body: what differs each time the page is sent. */
struct search_tail {
    uint64_t oldest_ms, took_us;
    struct slice query_id;
    uint32_t cache; /* as in struct search_reply */
    uint64_t cache_age_ms;
};
void cached_search_tail(const struct front *f, struct buf *b, const struct search_tail *t);

/* Answers the frame when its very bytes were answered lately and the page is still good. */
bool cached_search_again(struct front *f, struct request *rq);
/* One search over the snapshot that is open; appends the body of a reply. `whole`: it is the whole
 * request, so its bytes may become an alias. */
enum status cached_search(struct front *f, struct request *rq, struct catalog *c,
                          struct search_request *in, bool whole, struct buf *b,
                          struct fault *fault);
/* A request for a newer page, whose time has come or that is dropped (verdict not OK). */
void cached_search_renew(struct front *f, const struct waiting *w, enum status verdict);

/* While a page is computed: one of its hits (offsets from the start of the body), and the rest. */
void cached_search_note(struct cache_facts *facts, const struct hit *h, const struct label *l,
                        size_t hit_off, size_t age_end);
void cached_search_facts(struct cache_facts *facts, const struct catalog *c, const struct moment *m,
                         const struct freshness_sum *sum, uint64_t took_us, size_t body_len);

/* handle_search.c: computes, without the cache; `left_out` was taken from `in` already. */
enum status search_compute(struct front *f, int64_t deadline_us, struct catalog *c,
                           const struct search_request *in, const struct left_out *left,
                           struct buf *b, struct cache_facts *facts, struct fault *fault);

/* Makes, resizes or (0 bytes) ends the cache of the front. */
void cached_search_resize(struct front *f, size_t bytes);
void cached_search_fini(struct front *f);
void cached_search_stats(const struct front *f, struct buf *b);

#endif
