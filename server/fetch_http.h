/*
 * fetch_http - HTTP GETs (and POSTs) on the loop, many at once. The only door to libcurl.
 *
 * What protects us from the other side: http and https only, no redirects, no proxies of the
 * environment, no cookies, TLS always verified; the body is counted after decompression while it
 * comes in; each phase has its own time. One thread. A call ends exactly once, by its callback or
 * by fetch_http_cancel(); `done` runs from the loop, never from fetch_http_get().
 */
#ifndef SOUK_SERVER_FETCH_HTTP_H
#define SOUK_SERVER_FETCH_HTTP_H

#include "protocol/buf.h"
#include "server/http_cache.h"
#include "server/loop.h"

enum { FETCH_HTTP_HEADERS = 12 };

enum fetch_error { /* why there is no whole answer */
                   FETCH_OK,
                   FETCH_CONNECT, /* name, refused, unreachable, no connection in time */
                   FETCH_TLS,
                   FETCH_FIRST_BYTE, /* no answer in time */
                   FETCH_SLOW,       /* silent, or too slow, inside the answer */
                   FETCH_TOTAL,
                   FETCH_CUT, /* closed, or not the announced length, or not HTTP */
                   FETCH_TOO_LARGE,
                   FETCH_BROKEN, /* cannot be decompressed, or anything else */
                   FETCH_ERROR_COUNT
};

struct fetch_http_request {
    const char *url;
    const char *headers[FETCH_HTTP_HEADERS]; /* "Name: value" */
    uint32_t header_count;
    struct slice post;   /* not empty: it is posted */
    const char *ca_file; /* NULL = the system's */
    int64_t connect_ms, tls_ms, first_byte_ms, between_ms, total_ms;
    int64_t body_max;
};

struct fetch_http_answer { /* valid during the callback */
    enum fetch_error error;
    const char *text; /* of the error */
    long status;      /* 0 without an answer */
    struct slice body, etag, last_modified, retry_after;
    struct http_headers cache;
    int64_t took_ms;
};
typedef void (*fetch_http_fn)(void *ctx, const struct fetch_http_answer *a);

struct fetch_http;
struct fetch_http_call;

enum status fetch_http_create(struct loop *loop, uint32_t connections_per_host,
                              struct fetch_http **out);
/* Cancels what is under way. */
void fetch_http_destroy(struct fetch_http **h);
/* Copies the request. */
enum status fetch_http_get(struct fetch_http *h, const struct fetch_http_request *q,
                           fetch_http_fn done, void *ctx, struct fetch_http_call **out);
void fetch_http_cancel(struct fetch_http_call *c);
/* Bytes of bodies held just now. */
uint64_t fetch_http_held(const struct fetch_http *h);

/* "connect", "tls", ... */
const char *fetch_error_name(enum fetch_error e);

#endif
