/*
 * souk - libsouk, the C client of a Souk server: one connection, many requests on it at once.
 *
 * Blocking use:
 *
 *     struct souk *s;
 *     struct souk_reply reply;
 *     struct search_reply found;
 *     struct search_request q;
 *     souk_reply_init(&reply);
 *     if (souk_open("127.0.0.1:7685", NULL, &s, &reply.fault)) ...
 *     search_request_init(&q);
 *     q.catalog = SLICE_LIT("shop");
 *     q.text = SLICE_LIT("red shoes");
 *     if (souk_search(s, &q, &reply, &found)) puts(reply.fault.text);
 *
 * Everything `found` points to lives in `reply`, until the next call that uses it or
 * souk_reply_fini(). A reply that is used again allocates nothing once warm.
 *
 * Non-blocking use: souk_create(), then wait for souk_fd() in the directions of souk_want() for at
 * most souk_timeout_ms(), call souk_on_readable() / souk_on_writable() / souk_on_time(), and hand
 * in requests with souk_submit(). Answers come in any order, each to its callback, exactly once.
 * The fd changes when the connection is made anew: ask again after every call. souk_step() does
 * one such round with poll(). Requests handed in before the next write leave in one system call.
 *
 * The library connects again by itself, after a random pause below a doubling bound (full jitter).
 * A request that was on its way is sent again only when that is safe (reads; a PUT with an
 * idempotency key), at most `retries` times, and only while the retry budget lasts (one retry per
 * ten requests). Nothing is sent again where the server said that it is overloaded. When it refuses
 * most requests so, a part of the requests is refused here with OVERLOADED at once. A server that
 * says goodbye (GOAWAY) is left as soon as it has answered what it took; the rest goes to its
 * successor at the same address and counts as no retry. Deadlines: the time left travels with the
 * request; when it is over the callback gets DEADLINE and the server a CANCEL.
 *
 * TLS (options.tls): 1.2 or 1.3, and the server's certificate is always checked, by whom and for
 * whom. What is wrong with it, or a server that speaks no TLS, is TLS with a sentence; nothing is
 * tried again then. A connection cut within the handshake is UNAVAILABLE. OpenSSL is loaded when
 * the first handle asks for it.
 *
 * No globals, no abort, no signals (SIGPIPE is not raised), no threads. A handle belongs to one
 * thread at a time. Host names are looked up blocking; numeric addresses and unix: are not.
 */
#ifndef SOUK_PROTOCOL_SOUK_H
#define SOUK_PROTOCOL_SOUK_H

#include "protocol/hello.h"
#include "protocol/multi.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "protocol/suggest.h"
#include "protocol/traceparent.h"

struct souk;

struct souk_options {
    size_t size;                  /* of the caller's struct; set by souk_options_init_size() */
    const char *name;             /* client name told in HELLO */
    uint32_t connect_timeout_ms;  /* 0 = 2000 */
    uint32_t deadline_ms;         /* of a request that names none; 0 = 10000 */
    uint32_t retries;             /* sent again at most so often */
    uint32_t max_in_flight;       /* 0 = 1024, at most 65535 */
    uint32_t max_frame;           /* largest body accepted; 0 = FRAME_MAX_BODY */
    uint32_t backoff_ms;          /* first bound of the pause before connecting again; 0 = 20 */
    uint32_t backoff_max_ms;      /* last bound; 0 = 2000 */
    bool checksum;                /* bodies carry XXH64 */
    bool no_throttle;             /* never refuse here; the caller backs off by retry_after_ms */
    enum frame_class frame_class; /* of requests that name none; critical */
    bool tls;                     /* the address speaks TLS; there is no falling back from it */
    const char *tls_ca; /* file of those who may vouch for the server; NULL = the system's */
    const char *tls_certificate,
        *tls_key;         /* files that show who the client is; NULL = it does not */
    const char *tls_name; /* whose certificate it must be; NULL = the host's */
    const char *key;      /* API key, see api_key.h; NULL or empty = none */
};

/* Fills in the defaults; a library newer than the caller writes only `size` bytes. */
void souk_options_init_size(struct souk_options *o, size_t size);
#define souk_options_init(o) souk_options_init_size((o), sizeof(struct souk_options))

/*
 * A handle for "HOST:PORT", "[V6]:PORT", "HOST" (port 7685) or "unix:PATH". Does not connect yet:
 * the first request does. `o` may be NULL. INVALID for an address of another form, or a key.
 */
enum status souk_create(const char *address, const struct souk_options *o, struct souk **out,
                        struct fault *fault);
/* The same, and connects now, blocking: UNAVAILABLE with the system's reason, BAD_VERSION, or
 * UNAUTHENTICATED when the server does not take the key, or wants one. */
enum status souk_open(const char *address, const struct souk_options *o, struct souk **out,
                      struct fault *fault);
/* Every callback still due is called with CANCELLED. NULL is fine. */
void souk_close(struct souk *s);
/* What the server said in HELLO; NULL before that. */
const struct hello *souk_server(const struct souk *s);
const char *souk_address(const struct souk *s);

/* --- non-blocking ----------------------------------------------------------------------------- */

struct souk_answer {
    enum status status;        /* OK or why not */
    struct slice body;         /* valid during the callback */
    uint32_t server_us;        /* time inside the server */
    const struct fault *fault; /* details when status is not OK */
};
typedef void souk_callback(void *ctx, const struct souk_answer *answer);

struct souk_request {
    uint8_t opcode;
    struct slice body;    /* copied */
    uint32_t deadline_ms; /* 0 = the option's */
    bool safe;            /* may be sent twice */
    bool classed;         /* frame_class below counts */
    enum frame_class frame_class;
};

enum souk_direction { SOUK_READ = 1, SOUK_WRITE = 2 };

/*
 * Hands in a request. AGAIN: max_in_flight are under way (or refused by nobody yet: step and try
 * again). OVERLOADED: refused by the throttle. `id` (may be NULL) names it for souk_cancel().
 * After an error the callback is never called. May be called from a callback.
 */
enum status souk_submit(struct souk *s, const struct souk_request *q, souk_callback *callback,
                        void *ctx, uint32_t *id);
/* Gives up a request: its callback gets CANCELLED now, the server a CANCEL. */
void souk_cancel(struct souk *s, uint32_t id);
/* Requests handed in from now on, but for PING, belong to this trace; NULL: to none. */
void souk_trace(struct souk *s, const struct trace_context *t);
uint32_t souk_in_flight(const struct souk *s);
int souk_fd(const struct souk *s);         /* -1 when not connected */
unsigned souk_want(const struct souk *s);  /* SOUK_READ | SOUK_WRITE */
int souk_timeout_ms(const struct souk *s); /* until souk_on_time() has work; -1 = none */
void souk_on_readable(struct souk *s);
void souk_on_writable(struct souk *s);
void souk_on_time(struct souk *s);
/* One round with poll(), waiting at most timeout_ms (-1 = as long as it takes). */
void souk_step(struct souk *s, int timeout_ms);

/* --- blocking --------------------------------------------------------------------------------- */

/* Memory of one reply. */
struct souk_reply {
    struct arena arena;
    struct buf bytes;
    struct slice body;
    uint32_t server_us;
    struct fault fault; /* what went wrong, when the call did not return OK */
};
void souk_reply_init(struct souk_reply *r);
void souk_reply_fini(struct souk_reply *r);

/* Any request; other requests under way go on meanwhile (their callbacks run). */
enum status souk_call(struct souk *s, const struct souk_request *q, struct souk_reply *r);

enum status souk_ping(struct souk *s, struct souk_reply *r);
enum status souk_search(struct souk *s, const struct search_request *q, struct souk_reply *r,
                        struct search_reply *out);
enum status souk_get(struct souk *s, const struct get_request *q, struct souk_reply *r,
                     struct get_reply *out);
/* Items are in p->items; safe to send again when p->key is set. */
enum status souk_put(struct souk *s, const struct put_request *p, struct souk_reply *r,
                     struct put_reply *out);
/* The reply's fields are in r->body (TAG_CATALOG_*); see catalog_entry_next(). */
enum status souk_catalog(struct souk *s, const struct catalog_request *c, struct souk_reply *r);
/* Blocks until the sequence is visible or timeout_ms passed (DEADLINE). */
enum status souk_wait(struct souk *s, const struct wait_request *w, uint32_t timeout_ms,
                      struct souk_reply *r);
enum status souk_stats(struct souk *s, struct souk_reply *r, struct stats_row **rows,
                       uint32_t *count);
enum status souk_suggest(struct souk *s, const struct suggest_request *q, struct souk_reply *r,
                         struct suggest_reply *out);
enum status souk_queries(struct souk *s, const struct queries_request *q, struct souk_reply *r,
                         struct queries_row **rows, uint32_t *count);
enum status souk_scan(struct souk *s, const struct scan_request *q, struct souk_reply *r,
                      struct scan_reply *out);
enum status souk_delete(struct souk *s, const struct scan_request *q, struct souk_reply *r,
                        struct scan_reply *out);

#endif
