#include "server/admin_http.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/buf.h"
#include "protocol/version.h"
#include "protocol/late_library.h"
#include "server/metrics.h"
#include "server/status_html.h"

#define MICROHTTPD_FUNCTIONS(X)                                                                    \
    X(MHD_run)                                                                                     \
    X(MHD_start_daemon)                                                                            \
    X(MHD_get_daemon_info)                                                                         \
    X(MHD_stop_daemon)                                                                             \
    X(MHD_create_response_from_buffer)                                                             \
    X(MHD_add_response_header)                                                                     \
    X(MHD_queue_response)                                                                          \
    X(MHD_destroy_response)                                                                        \
    X(MHD_lookup_connection_value)
LATE_TABLE(microhttpd, MICROHTTPD_FUNCTIONS)
#define MHD_run                         late_microhttpd.MHD_run
#define MHD_start_daemon                late_microhttpd.MHD_start_daemon
#define MHD_get_daemon_info             late_microhttpd.MHD_get_daemon_info
#define MHD_stop_daemon                 late_microhttpd.MHD_stop_daemon
#define MHD_create_response_from_buffer late_microhttpd.MHD_create_response_from_buffer
#define MHD_add_response_header         late_microhttpd.MHD_add_response_header
#define MHD_queue_response              late_microhttpd.MHD_queue_response
#define MHD_destroy_response            late_microhttpd.MHD_destroy_response
#define MHD_lookup_connection_value     late_microhttpd.MHD_lookup_connection_value

/* Who opens many and never finishes a request keeps none of another address out, and those of its
 * own until the time-out. */
enum { HTTP_CONNECTIONS = 256, HTTP_OF_ADDRESS = 32, HTTP_TIMEOUT_S = 5, HTTP_TICK_MS = 500 };

struct admin_http {
    struct loop *loop;
    const struct shared *shared;
    struct MHD_Daemon *daemon;
    struct loop_watch *watch;
    struct loop_timer *tick; /* libmicrohttpd's own time-outs */
};

/* --- pages --------------------------------------------------------------------------------------
 */

struct page {
    const char *path, *type;
    unsigned (*make)(const struct admin_http *h, struct buf *out); /* HTTP status */
};

static unsigned page_metrics(const struct admin_http *h, struct buf *out)
{
    metrics_put_text(out, h->shared, METRICS_TEXT);
    return MHD_HTTP_OK;
}

static unsigned page_open_metrics(const struct admin_http *h, struct buf *out)
{
    metrics_put_text(out, h->shared, METRICS_OPEN);
    return MHD_HTTP_OK;
}

static unsigned page_status_json(const struct admin_http *h, struct buf *out)
{
    metrics_put_json(out, h->shared);
    return MHD_HTTP_OK;
}

static unsigned page_status(const struct admin_http *h, struct buf *out)
{
    (void)h;
    buf_put(out, status_html, sizeof status_html);
    return MHD_HTTP_OK;
}

static unsigned page_live(const struct admin_http *h, struct buf *out)
{
    (void)h;
    buf_put_slice(out, SLICE_LIT("live\n"));
    return MHD_HTTP_OK;
}

static unsigned page_ready(const struct admin_http *h, struct buf *out)
{
    bool ready = metrics_ready(h->shared);
    buf_put_slice(out, ready ? SLICE_LIT("ready\n") : SLICE_LIT("not ready\n"));
    return ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned page_version(const struct admin_http *h, struct buf *out)
{
    (void)h;
    buf_put_slice(out, SLICE_LIT("soukd " SOUK_VERSION "\n"));
    return MHD_HTTP_OK;
}

#define OPEN_METRICS "application/openmetrics-text"

/* In the place of /metrics for who can read it, as Prometheus does. */
static const struct page open_metrics = {"/metrics", OPEN_METRICS "; version=1.0.0; charset=utf-8",
                                         page_open_metrics};

static const struct page pages[] = {
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", page_metrics},
    {"/status.json", "application/json", page_status_json},
    {"/status", "text/html; charset=utf-8", page_status},
    {"/", "text/html; charset=utf-8", page_status},
    {"/live", "text/plain", page_live},
    {"/livez", "text/plain", page_live},
    {"/ready", "text/plain", page_ready},
    {"/readyz", "text/plain", page_ready},
    {"/version", "text/plain", page_version},
};

/* --- libmicrohttpd ------------------------------------------------------------------------------
 */

static enum MHD_Result answer(struct MHD_Connection *c, unsigned code, const char *type,
                              struct buf *body)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(body->len, body->ptr, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, "Content-Type", type);
    MHD_add_response_header(r, "Cache-Control", "no-store");
    MHD_add_response_header(r, "Content-Security-Policy",
                            "default-src 'self'; style-src 'unsafe-inline'; "
                            "script-src 'unsafe-inline'");
    enum MHD_Result done = MHD_queue_response(c, code, r);
    MHD_destroy_response(r);
    return done;
}

static bool reads_open_metrics(struct MHD_Connection *c, const struct page *page)
{
    const char *accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept");
    return accept && page->make == page_metrics && strstr(accept, OPEN_METRICS);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **state)
{
    static int seen;
    struct buf body = BUF_INIT;
    unsigned code = MHD_HTTP_NOT_FOUND;
    const char *type = "text/plain";
    (void)version;
    (void)data;
    if (!*state) { /* the head has come; the answer follows at the second call */
        *state = &seen;
        return MHD_YES;
    }
    if (*data_len) { /* nobody needs to send us anything */
        *data_len = 0;
        return MHD_YES;
    }
    bool get = !strcmp(method, "GET") || !strcmp(method, "HEAD");
    for (size_t i = 0; get && i < sizeof pages / sizeof pages[0]; i++)
        if (!strcmp(url, pages[i].path)) {
            const struct page *page = reads_open_metrics(c, &pages[i]) ? &open_metrics : &pages[i];
            code = page->make(ctx, &body);
            type = page->type;
            break;
        }
    if (!get)
        code = MHD_HTTP_METHOD_NOT_ALLOWED;
    if (!body.len)
        buf_put_slice(&body, SLICE_LIT("/status /metrics /live /ready /version\n"));
    enum MHD_Result done = body.failed ? MHD_NO : answer(c, code, type, &body);
    buf_fini(&body);
    return done;
}

static void on_tick(void *ctx)
{
    struct admin_http *h = ctx;
    MHD_run(h->daemon);
}

static void on_ready(void *ctx, int fd, int events)
{
    (void)fd;
    (void)events;
    on_tick(ctx);
}

enum status admin_http_create(struct loop *loop, int fd, const struct shared *shared,
                              struct admin_http **out)
{
    enum status st = late_library_bind("libmicrohttpd.so.12", late_microhttpd_names,
                                       &late_microhttpd, late_microhttpd_count);
    struct admin_http *h = st ? NULL : calloc(1, sizeof *h);
    *out = h;
    if (!h) {
        close(fd);
        return st ? st : STATUS_NO_MEMORY;
    }
    h->loop = loop;
    h->shared = shared;
    h->daemon =
        MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS,
                         MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)HTTP_OF_ADDRESS,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        h->daemon ? MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (info) {
        h->watch = loop_watch_create(loop, info->epoll_fd, LOOP_READ, on_ready, h);
        h->tick = loop_timer_create(loop, HTTP_TICK_MS, HTTP_TICK_MS, on_tick, h);
    }
    if (h->watch && h->tick)
        return STATUS_OK;
    if (!h->daemon)
        close(fd);
    admin_http_destroy(out);
    return STATUS_UNAVAILABLE;
}

void admin_http_destroy(struct admin_http **h)
{
    if (!*h)
        return;
    loop_watch_destroy(&(*h)->watch);
    loop_timer_destroy(&(*h)->tick);
    if ((*h)->daemon)
        MHD_stop_daemon((*h)->daemon);
    free(*h);
    *h = NULL;
}
