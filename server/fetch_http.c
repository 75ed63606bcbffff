/*
 * libcurl's multi_socket on our loop:
 *
 *   curl wants a descriptor watched -> on_socket() -> loop_watch -> on_ready() -> socket_action
 *   curl wants to be called in n ms -> on_timer()  -> loop_timer -> on_time()  -> socket_action
 *
 * curl is never called from its own callbacks: those only note. After each action the finished
 * calls are taken from its queue (drain). The phases of a call are timed by on_watch(), because
 * curl knows fewer times than we need.
 */
#include "server/fetch_http.h"

#define CURL_DISABLE_TYPECHECK /* its macros would call past the table */
#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#include "protocol/late_library.h"
#include "server/shared.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt
#define CURL_FUNCTIONS(X)                                                                          \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_init)                                                                              \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_strerror)                                                                          \
    X(curl_global_cleanup)                                                                         \
    X(curl_global_init)                                                                            \
    X(curl_multi_add_handle)                                                                       \
    X(curl_multi_assign)                                                                           \
    X(curl_multi_cleanup)                                                                          \
    X(curl_multi_info_read)                                                                        \
    X(curl_multi_init)                                                                             \
    X(curl_multi_remove_handle)                                                                    \
    X(curl_multi_setopt)                                                                           \
    X(curl_multi_socket_action)                                                                    \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)
LATE_TABLE(curl, CURL_FUNCTIONS)
#define curl_easy_cleanup        late_curl.curl_easy_cleanup
#define curl_easy_getinfo        late_curl.curl_easy_getinfo
#define curl_easy_init           late_curl.curl_easy_init
#define curl_easy_setopt         late_curl.curl_easy_setopt
#define curl_easy_strerror       late_curl.curl_easy_strerror
#define curl_global_cleanup      late_curl.curl_global_cleanup
#define curl_global_init         late_curl.curl_global_init
#define curl_multi_add_handle    late_curl.curl_multi_add_handle
#define curl_multi_assign        late_curl.curl_multi_assign
#define curl_multi_cleanup       late_curl.curl_multi_cleanup
#define curl_multi_info_read     late_curl.curl_multi_info_read
#define curl_multi_init          late_curl.curl_multi_init
#define curl_multi_remove_handle late_curl.curl_multi_remove_handle
#define curl_multi_setopt        late_curl.curl_multi_setopt
#define curl_multi_socket_action late_curl.curl_multi_socket_action
#define curl_slist_append        late_curl.curl_slist_append
#define curl_slist_free_all      late_curl.curl_slist_free_all

enum { WATCH_MS = 25, SPEED_BYTES = 1024, SPEED_S = 5, HEADER_MAX = 1024 };

struct fetch_http {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer, *watch;
    struct fetch_http_call *calls; /* under way */
    uint64_t held;
};

struct fetch_http_call {
    struct fetch_http *http;
    struct fetch_http_call *next, *prev;
    CURL *easy;
    struct curl_slist *headers;
    fetch_http_fn done;
    void *ctx;
    struct fetch_http_request limits; /* its texts are not kept */
    int fd;                           /* of the connection made for it; -1 = none */
    /* tcp: connected; ready: behind the TLS handshake, too; byte: last one that came */
    int64_t start_ms, tcp_ms, ready_ms, byte_ms;
    enum fetch_error cut; /* by us */
    bool in_body, first_byte;
    struct buf body;
    char cache_control[HEADER_MAX], age[32], date[64], expires[64], etag[256], modified[64],
        retry[64];
    bool conflicting;
    char error[CURL_ERROR_SIZE];
};

const char *fetch_error_name(enum fetch_error e)
{
    static const char *const names[] = {"ok",    "connect", "tls",       "first_byte", "slow",
                                        "total", "cut",     "too_large", "broken"};
    return e < FETCH_ERROR_COUNT ? names[e] : "unknown";
}

/* --- the end of a call ------------------------------------------------------------------------ */

static void unlink_call(struct fetch_http_call *c)
{
    struct fetch_http *h = c->http;
    if (c->prev)
        c->prev->next = c->next;
    else
        h->calls = c->next;
    if (c->next)
        c->next->prev = c->prev;
    h->held -= c->body.len;
}

static void free_call(struct fetch_http_call *c)
{
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    buf_fini(&c->body);
    free(c);
}

static enum fetch_error error_of(const struct fetch_http_call *c, CURLcode code)
{
    if (c->cut)
        return c->cut;
    switch (code) {
    case CURLE_OK:
        return FETCH_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return FETCH_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return FETCH_TLS;
    case CURLE_OPERATION_TIMEDOUT:
        return !c->tcp_ms      ? FETCH_CONNECT
               : !c->ready_ms  ? FETCH_TLS
               : c->first_byte ? FETCH_SLOW
                               : FETCH_FIRST_BYTE;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return FETCH_CUT;
    default:
        return FETCH_BROKEN;
    }
}

static void finish(struct fetch_http_call *c, CURLcode code)
{
    curl_multi_remove_handle(c->http->multi, c->easy);
    struct fetch_http_answer a = {.error = error_of(c, code),
                                  .text = *c->error ? c->error : curl_easy_strerror(code),
                                  .body = buf_slice(&c->body),
                                  .etag = slice_str(c->etag),
                                  .last_modified = slice_str(c->modified),
                                  .retry_after = slice_str(c->retry),
                                  .cache = {.cache_control = slice_str(c->cache_control),
                                            .age = slice_str(c->age),
                                            .date = slice_str(c->date),
                                            .expires = slice_str(c->expires),
                                            .conflicting = c->conflicting},
                                  .took_ms = clock_mono_ms() - c->start_ms};
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &a.status);
    if (a.error == FETCH_OK && c->body.failed)
        a.error = FETCH_BROKEN;
    if (c->cut)
        a.text = fetch_error_name(c->cut);
    unlink_call(c);
    c->done(c->ctx, &a);
    free_call(c);
}

void fetch_http_cancel(struct fetch_http_call *c)
{
    curl_multi_remove_handle(c->http->multi, c->easy);
    unlink_call(c);
    free_call(c);
}

static void drain(struct fetch_http *h)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(h->multi, &left)))
        if (m->msg == CURLMSG_DONE) {
            struct fetch_http_call *c = NULL;
            CURLcode code = m->data.result;
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
            if (c)
                finish(c, code);
        }
}

/* --- curl's callbacks: they note, they do not call -------------------------------------------- */

static void on_ready(void *ctx, int fd, int events)
{
    struct fetch_http *h = ctx;
    int running, bits = (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
                        (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(h->multi, fd, bits, &running);
    drain(h);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
    (void)easy;
    struct fetch_http *h = ctx;
    struct loop_watch *w = assigned;
    int events = what == CURL_POLL_IN      ? LOOP_READ
                 : what == CURL_POLL_OUT   ? LOOP_WRITE
                 : what == CURL_POLL_INOUT ? LOOP_READ | LOOP_WRITE
                                           : 0;
    if (what == CURL_POLL_REMOVE) {
        loop_watch_destroy(&w);
        curl_multi_assign(h->multi, fd, NULL);
    } else if (w) {
        loop_watch_set(w, events);
    } else { /* without memory for it the call ends by its time */
        curl_multi_assign(h->multi, fd, loop_watch_create(h->loop, fd, events, on_ready, h));
    }
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
    (void)multi;
    struct fetch_http *h = ctx;
    loop_timer_set(h->timer, ms);
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct fetch_http_call *c = ctx;
    size_t len = size * count;
    c->byte_ms = clock_mono_ms();
    c->first_byte = c->in_body = true;
    if ((int64_t)(c->body.len + len) > c->limits.body_max) {
        c->cut = FETCH_TOO_LARGE;
        return 0;
    }
    buf_put(&c->body, bytes, len);
    c->http->held += len;
    return c->body.failed ? 0 : len;
}

static void keep(struct fetch_http_call *c, char *to, size_t cap, struct slice v, bool join)
{
    size_t have = strlen(to);
    if (have && !join) {
        c->conflicting |= !slice_equal(slice_str(to), v);
        return;
    }
    if (have && have + 2 < cap) {
        memcpy(to + have, ", ", 2);
        have += 2;
    }
    if (have + v.len >= cap) {
        to[0] = '\0';
        return;
    }
    memcpy(to + have, v.ptr, v.len);
    to[have + v.len] = '\0';
}

static void forget_headers(struct fetch_http_call *c)
{
    *c->cache_control = *c->age = *c->date = *c->expires = *c->etag = *c->modified = *c->retry = 0;
    c->conflicting = false;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct fetch_http_call *c = ctx;
    struct slice line = slice_make(bytes, size * count);
    c->byte_ms = clock_mono_ms();
    c->first_byte = true;
    if (slice_starts(line, SLICE_LIT("HTTP/")))
        forget_headers(c); /* a 1xx was before */
    const char *colon = memchr(line.ptr, ':', line.len);
    if (c->in_body || !colon) /* trailers tell nothing */
        return line.len;
    size_t name = (size_t)(colon - line.ptr);
    struct slice v = slice_make(colon + 1, line.len - name - 1);
    while (v.len && (*v.ptr == ' ' || *v.ptr == '\t'))
        v = slice_make(v.ptr + 1, v.len - 1);
    while (v.len && (unsigned char)v.ptr[v.len - 1] <= ' ')
        v.len--;
    const struct {
        const char *name;
        char *to;
        size_t cap;
        bool join;
    } known[] = {{"cache-control", c->cache_control, sizeof c->cache_control, true},
                 {"age", c->age, sizeof c->age, false},
                 {"date", c->date, sizeof c->date, false},
                 {"expires", c->expires, sizeof c->expires, false},
                 {"etag", c->etag, sizeof c->etag, false},
                 {"last-modified", c->modified, sizeof c->modified, false},
                 {"retry-after", c->retry, sizeof c->retry, false}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == name && strncasecmp(known[i].name, line.ptr, name) == 0)
            keep(c, known[i].to, known[i].cap, v, known[i].join);
    return line.len;
}

/* --- time ------------------------------------------------------------------------------------- */

static void on_time(void *ctx)
{
    struct fetch_http *h = ctx;
    int running;
    curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    drain(h);
}

/* curl tells the time of the connection only behind the handshake: the kernel is asked. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct fetch_http_call *c = ctx;
    (void)purpose;
    c->fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    return c->fd < 0 ? CURL_SOCKET_BAD : c->fd;
}

static bool tcp_connected(const struct fetch_http_call *c)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    return c->fd >= 0 && getpeername(c->fd, (struct sockaddr *)&peer, &len) == 0;
}

static enum fetch_error late(struct fetch_http_call *c, int64_t now)
{
    curl_off_t ready = 0;
    if (!c->ready_ms) {
        curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
        if (ready || c->first_byte)
            c->ready_ms = c->tcp_ms = now;
        else if (!c->tcp_ms && tcp_connected(c))
            c->tcp_ms = now;
    }
    if (now - c->start_ms > c->limits.total_ms)
        return c->ready_ms ? FETCH_TOTAL : c->tcp_ms ? FETCH_TLS : FETCH_CONNECT;
    if (!c->tcp_ms)
        return now - c->start_ms > c->limits.connect_ms ? FETCH_CONNECT : FETCH_OK;
    if (!c->ready_ms)
        return now - c->tcp_ms > c->limits.tls_ms ? FETCH_TLS : FETCH_OK;
    if (!c->first_byte)
        return now - c->ready_ms > c->limits.first_byte_ms ? FETCH_FIRST_BYTE : FETCH_OK;
    return now - c->byte_ms > c->limits.between_ms ? FETCH_SLOW : FETCH_OK;
}

static struct fetch_http_call *find_late(const struct fetch_http *h, int64_t now)
{
    for (struct fetch_http_call *c = h->calls; c; c = c->next)
        if (late(c, now)) /* NOLINT: what was freed is not in the list */
            return c;
    return NULL;
}

static void on_watch(void *ctx)
{
    struct fetch_http *h = ctx;
    int64_t now = clock_mono_ms();
    struct fetch_http_call *c;
    while ((c = find_late(h, now))) { /* from the start: a callback may begin and end others */
        c->cut = late(c, now);
        finish(c, CURLE_OPERATION_TIMEDOUT);
    }
    loop_timer_set(h->watch, h->calls ? WATCH_MS : -1);
}

/* --- life ------------------------------------------------------------------------------------- */

enum status fetch_http_create(struct loop *loop, uint32_t connections_per_host,
                              struct fetch_http **out)
{
    *out = NULL;
    enum status st =
        late_library_bind("libcurl.so.4", late_curl_names, &late_curl, late_curl_count);
    if (st)
        return st;
    struct fetch_http *h = calloc(1, sizeof *h);
    *out = h;
    if (!h)
        return STATUS_NO_MEMORY;
    h->loop = loop;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(h->multi = curl_multi_init()) ||
        !(h->timer = loop_timer_create(loop, -1, 0, on_time, h)) ||
        !(h->watch = loop_timer_create(loop, -1, 0, on_watch, h))) {
        fetch_http_destroy(out);
        return STATUS_NO_MEMORY;
    }
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections_per_host);
    curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return STATUS_OK;
}

void fetch_http_destroy(struct fetch_http **hp)
{
    struct fetch_http *h = *hp;
    if (!h)
        return;
    for (struct fetch_http_call *c = h->calls, *next; c; c = next) {
        next = c->next;
        fetch_http_cancel(c);
    }
    if (h->multi)
        curl_multi_cleanup(h->multi);
    loop_timer_destroy(&h->timer);
    loop_timer_destroy(&h->watch);
    curl_global_cleanup();
    free(h);
    *hp = NULL;
}

uint64_t fetch_http_held(const struct fetch_http *h)
{
    return h->held;
}

static bool set_up(struct fetch_http_call *c, const struct fetch_http_request *q)
{
    CURL *e = c->easy;
    for (uint32_t i = 0; i < q->header_count; i++) {
        struct curl_slist *more = curl_slist_append(c->headers, q->headers[i]);
        if (!more)
            return false;
        c->headers = more;
    }
    bool bad = curl_easy_setopt(e, CURLOPT_URL, q->url) ||
               curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") ||
               curl_easy_setopt(e, CURLOPT_PROXY, "") ||
               curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip, deflate") ||
               curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers) ||
               curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ||
               (q->ca_file && curl_easy_setopt(e, CURLOPT_CAINFO, q->ca_file));
    if (q->post.len) /* it is copied by the length set before */
        bad = bad || curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)q->post.len) ||
              curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, q->post.ptr);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "souk");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)(q->connect_ms + q->tls_ms));
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)q->total_ms + 1000); /* on_watch() is before it */
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)SPEED_BYTES);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)SPEED_S);
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, 60L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, c);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(e, CURLOPT_PRIVATE, c);
    return !bad;
}

enum status fetch_http_get(struct fetch_http *h, const struct fetch_http_request *q,
                           fetch_http_fn done, void *ctx, struct fetch_http_call **out)
{
    struct fetch_http_call *c = calloc(1, sizeof *c);
    if (!c)
        return STATUS_NO_MEMORY;
    *c = (struct fetch_http_call){.http = h, .done = done, .ctx = ctx, .limits = *q, .fd = -1};
    c->start_ms = c->byte_ms = clock_mono_ms();
    c->easy = curl_easy_init();
    if (!c->easy || !set_up(c, q) || curl_multi_add_handle(h->multi, c->easy)) {
        free_call(c);
        return STATUS_NO_MEMORY;
    }
    c->next = h->calls;
    if (h->calls)
        h->calls->prev = c;
    else
        loop_timer_set(h->watch, WATCH_MS);
    h->calls = c;
    if (out)
        *out = c;
    return STATUS_OK;
}
