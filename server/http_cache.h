/*
 * http_cache - how long an upstream's answer stays good: RFC 9111 (age, lifetime) and RFC 5861
 * (stale-while-revalidate, stale-if-error), as pure functions of its headers.
 */
#ifndef SOUK_SERVER_HTTP_CACHE_H
#define SOUK_SERVER_HTTP_CACHE_H

#include "protocol/slice.h"

/* Values as they came; empty = absent. Repeated Cache-Control fields are joined with ", ". */
struct http_headers {
    struct slice cache_control, age, date, expires;
    bool conflicting; /* Age, Date or Expires came twice and differed */
};

struct http_cache {
    int64_t ttl_ms, swr_ms, sie_ms; /* -1 = the answer does not say; ttl is at least 1 */
    uint64_t age_ms;                /* of the answer when it came */
    bool no_store;                  /* not to be kept */
};

/* Wall times of sending the request and of the whole answer. A lifetime that cannot be read counts
 * as over (ttl 1); must-revalidate and its kin forbid serving stale (swr = sie = 0). */
void http_cache_read(const struct http_headers *h, int64_t request_ms, int64_t response_ms,
                     struct http_cache *out);
/* "Sun, 06 Nov 1994 08:49:37 GMT" (and the two older forms) into wall ms; false when it is none. */
bool http_date(struct slice text, int64_t *out_ms);
/* Retry-After: seconds or a date; -1 when it is neither. */
int64_t http_retry_after_ms(struct slice text, int64_t now_ms);

#endif
