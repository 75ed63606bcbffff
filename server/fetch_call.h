/*
 * fetch_call - one question to the upstream of a catalog, until it is answered: which provider is
 * asked (fetch_route), shall it be asked again, and what does the answer say (fetch_answer).
 *
 *             failed, budget left           no answer in time
 *   try ───────────────────────> try    try ────────────────> a second one beside it (hedge)
 *    │ answered                          │        the first valid answer wins, the other is
 * cancelled v                                   v done                                done
 *
 * A failed try is made again within the catalog's budget, at the next provider when there is one. A
 * question about one product that somebody waits for may be hedged (off by default, `hedge_ms` of
 * the provider): the second try counts as a retry, into the same budget and the same most tries.
 */
#ifndef SOUK_SERVER_FETCH_CALL_H
#define SOUK_SERVER_FETCH_CALL_H

#include "server/fetch_answer.h"

enum call_result {
    RESULT_GOOD,
    RESULT_NOT_MODIFIED, /* what is stored is still right */
    RESULT_NOT_FOUND,
    RESULT_GONE,
    RESULT_FAILED
};

struct call_answer { /* valid during the callback */
    enum call_result result;
    struct fetch_provider *provider; /* of the last try; NULL when none was made */
    struct mapped *items;            /* GOOD */
    uint32_t item_count, bad_items;
    struct slice next;      /* FEED: the next cursor */
    struct slice validator; /* ONE */
    struct http_cache cache;
    bool storable;
    const char *text; /* of a failure */
};
typedef void (*call_fn)(void *ctx, const struct call_answer *a);

struct call_request {
    enum call_kind kind;
    enum call_what what;
    struct slice subject;            /* id; ids joined with commas; cursor */
    struct fetch_provider *provider; /* NULL = whichever is right */
    int64_t deadline_ms; /* monotonic; no further try after it, but a try is not cut: 0 = none */
    struct trace_context trace; /* what the tries are a part of; zeroes = nothing */
};

struct fetch_call;

/* UPSTREAM: no provider can be called just now; `done` will not be called. */
enum status fetch_call_start(struct fetch_catalog *c, const struct call_request *q, call_fn done,
                             void *ctx, struct fetch_call **out);
/* Without the callback. */
void fetch_call_cancel(struct fetch_call *call);

#endif
