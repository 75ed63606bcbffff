/*
 * fetch_call - one question to the upstream of a catalog: which provider, is its breaker closed, is
 * there room, shall it be tried again, and what does the answer say.
 *
 * The providers are taken in order; a background call leaves half of a provider's places to calls
 * somebody waits for. A failed try is made again within the catalog's budget, at the next provider
 * when there is one. Answers come out as products of the catalog; whatever is not one (broken JSON,
 * HTML, a wrong type) counts as a failure of the provider and reaches nobody.
 */
#ifndef SOUK_SERVER_FETCH_CALL_H
#define SOUK_SERVER_FETCH_CALL_H

#include "server/fetch_catalog.h"
#include "server/mapping.h"

/* A PROBE is a background call to one provider that is made once. */
enum call_kind { CALL_FOREGROUND, CALL_BACKGROUND, CALL_CHANGES, CALL_PROBE, CALL_CANARY };
enum call_what { CALL_ONE, CALL_MANY, CALL_FEED };

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
};

struct fetch_call;

/* UPSTREAM: no provider can be called just now; `done` will not be called. */
enum status fetch_call_start(struct fetch_catalog *c, const struct call_request *q, call_fn done,
                             void *ctx, struct fetch_call **out);
/* Without the callback. */
void fetch_call_cancel(struct fetch_call *call);
/* The provider such a call would go to now, NULL = none. */
struct fetch_provider *fetch_call_provider(struct fetch_catalog *c, enum call_kind kind,
                                           enum call_what what);
/* Is it only room that such a call lacks, should none go out now? */
bool fetch_call_full(struct fetch_catalog *c, enum call_kind kind, enum call_what what);

#endif
