/*
 * fetch_try - one request to one provider: it takes a place there, is asked with the validator and
 * the headers of the provider, and tells its breaker and its concurrency limit how it went.
 *
 *   begin ──> on the way ──> the HTTP answer ──> good, bad ──> end
 *                 └────────────── cancel ───────────────────────^
 *
 * Belongs to a fetch_call, which decides what an answer is worth and whether there is another try.
 */
#ifndef SOUK_SERVER_FETCH_TRY_H
#define SOUK_SERVER_FETCH_TRY_H

#include "server/fetch_route.h"

struct fetch_try {
    struct fetch_catalog *catalog;
    struct fetch_provider *provider; /* NULL = no place is held */
    enum call_kind kind;
    struct fetch_http_call *http; /* NULL = not on the way */
    uint32_t token;               /* of the breaker */
    int64_t sent_wall_ms;
    bool conditional;
    char validator[256];        /* asked with; of the product's last answer */
    void *owner;                /* the caller's */
    struct trace_context trace; /* of who it is made for; zeroes = of nobody */
    struct span *span;          /* NULL = not sampled */
};

/* Takes a place and asks. `t` is zero or ended; catalog, kind, owner and trace are set by the
 * caller. UPSTREAM: the breaker has just closed the way. `done` gets `t` as its context. */
enum status fetch_try_begin(struct fetch_try *t, struct fetch_provider *p, enum call_what what,
                            struct slice subject, fetch_http_fn done);
/* `done` was called: the try is not on the way any more. */
void fetch_try_landed(struct fetch_try *t, const struct fetch_http_answer *h);
/* Verdicts, before the end. `judged`: the breaker hears of it. `overrun`: it did not answer in
 * time, or said that it cannot. */
void fetch_try_good(struct fetch_try *t, int64_t took_ms);
void fetch_try_bad(struct fetch_try *t, const char *text, bool judged, bool overrun);
/* A 304 means something only to a question with the validator it names. */
bool fetch_try_means_304(const struct fetch_try *t, const struct fetch_http_answer *h);
/* Gives the place back. */
void fetch_try_end(struct fetch_try *t);
/* Without `done`: nothing is learned of the provider. Does nothing to a try that has ended. */
void fetch_try_cancel(struct fetch_try *t);

#endif
