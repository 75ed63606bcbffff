/*
 * freshness - what time and the upstream's state make of a product; decided once for each request.
 *
 *   validated      stale                 soft                     limit
 *      |-- fresh ----|------- stale -------|---- stale_if_error ----|-- expired: never returned
 *
 * `stale` is validated + ttl, up to a tenth earlier; `soft` ends stale-while-revalidate, `limit`
 * ends the longer of both windows (index/expiry.h). While the upstream does not answer well a stale
 * product is labelled stale_if_error from the start: nobody is renewing it. The label never decides
 * whether a product is served, only the limit does.
 */
#ifndef SOUK_SERVER_FRESHNESS_H
#define SOUK_SERVER_FRESHNESS_H

#include "index/query.h"
#include "index/snapshot.h"
#include "protocol/labels.h"
#include "server/shared.h"

/* The same for all products of a reply. */
struct moment {
    int64_t now_ms;
    enum upstream_state upstream;
    uint32_t safe_mode; /* bits of enum safe_mode */
};

/* `row` may be NULL: the writer has not published the catalog. */
struct moment moment_now(const struct shared *s, const struct shared_catalog *row);
/* The same behind a begun snapshot, at a monotonic time read behind it: while the writer has not
 * come, what is stored of safe mode counts. */
struct moment moment_of(const struct shared *s, int64_t now_us, const struct shared_catalog *row,
                        struct snapshot *snap);
/* True while nobody renews stale products. */
bool moment_failing(const struct moment *m);

struct label {
    enum freshness state;
    bool future;     /* confirmed later than now: the age is told as 0 */
    uint64_t age_ms; /* since it was confirmed */
    int64_t
        changes_ms; /* the state does not become another by time alone before; INT64_MAX = never */
    int64_t stale_ms; /* how long it has been stale; < 0 while fresh (then nothing more) */
};

/* Pure. */
struct label freshness_label(const struct product_times *t, int64_t now_ms, bool failing);
/* Of a docid; `id` may be empty. */
enum status freshness_of(struct snapshot *s, uint32_t docid, struct slice id,
                         const struct moment *m, struct label *out);
/* Of all hits of a page, into out[count]. */
enum status freshness_of_hits(struct snapshot *s, const struct hit *hits, uint32_t count,
                              const struct moment *m, struct label *out);

/* What the labels of one reply add up to. */
struct freshness_sum {
    uint64_t counts[FRESHNESS_COUNT];
    uint64_t oldest_ms;
    int64_t changes_ms; /* the first change of any label */
};
void freshness_sum_init(struct freshness_sum *s);
void freshness_sum_add(struct freshness_sum *s, const struct label *l);

#endif
