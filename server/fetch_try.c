#include "server/fetch_try.h"

#include <stdio.h>

#include "server/provider_row.h"

enum { CANARY_TOTAL_MS = 2000 };

/* --- the question ----------------------------------------------------------------------------- */

/* The validator of the product, when it came from this very provider. */
static void find_validator(struct fetch_try *t, enum call_what what, struct slice subject)
{
    struct catalog *c;
    uint32_t docid;
    int64_t origin = 0;
    struct buf v = BUF_INIT;
    t->conditional = false;
    t->validator[0] = '\0';
    if (what != CALL_ONE || t->kind == CALL_CANARY || fetch_catalog_open(t->catalog, &c))
        return;
    struct column *origins = snapshot_column(c->snapshot, COLUMN_ORIGIN);
    bool known = snapshot_find(c->snapshot, subject, &docid) == STATUS_OK && origins &&
                 column_int(origins, docid, &origin) == STATUS_OK &&
                 origin == t->provider->definition->number;
    snapshot_end(c->snapshot);
    if (known && provider_row_validator(c->index, subject, (uint64_t)origin, &v) == 0 &&
        v.len < sizeof t->validator) {
        memcpy(t->validator, v.ptr, v.len);
        t->validator[v.len] = '\0';
        t->conditional = true;
    }
    buf_fini(&v);
}

/* "Name: value" of a provider's header; a secret is read from its file. */
static void put_header(const struct provider_pair *h, struct buf *out)
{
    char secret[1024] = "", path[512];
    struct slice v = h->value;
    if (slice_starts(v, SLICE_LIT("file:")) && v.len - 5 < sizeof path) {
        memcpy(path, v.ptr + 5, v.len - 5);
        path[v.len - 5] = '\0';
        FILE *f = fopen(path, "re");
        size_t n = f ? fread(secret, 1, sizeof secret - 1, f) : 0;
        while (n && (unsigned char)secret[n - 1] <= ' ')
            n--;
        if (f)
            fclose(f);
        v = slice_make(secret, n);
    }
    buf_put_slice(out, h->name);
    buf_put(out, ": ", 2);
    buf_put_slice(out, v);
    buf_put_u8(out, '\0');
}

static bool is_tag(const char *validator)
{
    return validator[0] == '"' || validator[0] == 'W';
}

/* --- the trace -------------------------------------------------------------------------------- */

/* HOST and PORT of a URL; what stands behind them may name a product or a key, and is not told. */
static void say_server(struct span *s, struct slice url)
{
    const char *slashes = memchr(url.ptr, '/', url.len);
    if (!s || !slashes || (size_t)(slashes - url.ptr) + 2 > url.len)
        return;
    bool tls = slice_starts(url, SLICE_LIT("https:"));
    const char *host = slashes + 2, *end = host, *url_end = url.ptr + url.len;
    int64_t port = 0;
    while (end < url_end && *end != '/' && *end != '?')
        end++;
    for (const char *at = host; at < end; at++)
        if (*at == '@')
            host = at + 1;
    const char *host_end = end;
    for (const char *at = host; at < end; at++)
        if (*at == ':')
            host_end = at;
        else if (*at == ']')
            host_end = end;
    for (const char *at = host_end + 1; at < end && *at >= '0' && *at <= '9' && port < 65536; at++)
        port = port * 10 + (*at - '0');
    span_say(s, SPAN_SELF, KEY_SERVER_ADDRESS, slice_make(host, (size_t)(host_end - host)));
    span_number(s, SPAN_SELF, KEY_SERVER_PORT, port ? port : tls ? 443 : 80);
}

static void begin_span(struct fetch_try *t, struct slice url)
{
    if (!trace_context_valid(&t->trace))
        return;
    t->span = tracer_begin(&t->catalog->fetcher->tracer, &t->trace, SPAN_FETCH, SPAN_CLIENT,
                           clock_mono_us());
    span_say(t->span, SPAN_SELF, KEY_HTTP_METHOD, SLICE_LIT("GET"));
    span_say(t->span, SPAN_SELF, KEY_PROVIDER, t->provider->definition->name);
    span_say(t->span, SPAN_SELF, KEY_COLLECTION, slice_str(t->catalog->name));
    say_server(t->span, url);
}

static void end_span(struct fetch_try *t, const char *error)
{
    if (t->span && error)
        span_fail_of(t->span, error);
    tracer_end(&t->catalog->fetcher->tracer, &t->span, t->span ? clock_mono_us() : 0);
}

/* The upstream may go on with it: our span is its parent, or the caller's where we make none. */
static void put_traceparent(const struct fetch_try *t, struct buf *out)
{
    char text[TRACEPARENT_LEN + 1];
    struct trace_context context = t->trace;
    if (!trace_context_valid(&context))
        return;
    if (t->span)
        span_context(t->span, &context);
    traceparent_format(&context, text);
    buf_printf(out, "traceparent: %s", text);
    buf_put_u8(out, '\0');
}

/* --- headers ---------------------------------------------------------------------------------- */

static void put_headers(const struct fetch_try *t, struct buf *out)
{
    const struct provider *p = t->provider->definition;
    put_traceparent(t, out);
    buf_printf(out, "Accept: application/json");
    buf_put_u8(out, '\0');
    for (uint32_t i = 0; i < p->header_count; i++)
        put_header(&p->headers[i], out);
    if (t->conditional) {
        buf_printf(out, "%s: %s", is_tag(t->validator) ? "If-None-Match" : "If-Modified-Since",
                   t->validator);
        buf_put_u8(out, '\0');
    }
}

static enum status ask(struct fetch_try *t, enum call_what what, struct slice subject,
                       fetch_http_fn done)
{
    static const char *const placeholders[] = {"{id}", "{ids}", "{cursor}"};
    const struct provider *p = t->provider->definition;
    struct buf url = BUF_INIT, headers = BUF_INIT;
    struct fetch_http_request q = {.ca_file = p->ca_file.len ? p->ca_file.ptr : NULL,
                                   .connect_ms = p->connect_ms,
                                   .tls_ms = p->tls_ms,
                                   .first_byte_ms = p->first_byte_ms,
                                   .between_ms = p->between_ms,
                                   .total_ms = p->total_ms,
                                   .body_max = p->body_max};
    if (t->kind == CALL_CANARY && q.total_ms > CANARY_TOTAL_MS)
        q.total_ms = CANARY_TOTAL_MS;
    provider_url(fetch_route_url(p, what), placeholders[what], subject, &url);
    buf_put_u8(&url, '\0');
    begin_span(t, slice_str(url.failed ? "" : url.ptr));
    put_headers(t, &headers);
    for (size_t at = 0; at < headers.len && q.header_count < FETCH_HTTP_HEADERS;
         at += strlen(headers.ptr + at) + 1)
        q.headers[q.header_count++] = headers.ptr + at;
    q.url = url.ptr;
    t->sent_wall_ms = fetch_wall_ms(t->catalog->fetcher);
    enum status st = url.failed || headers.failed
                         ? STATUS_NO_MEMORY
                         : fetch_http_get(t->catalog->fetcher->http, &q, done, t, &t->http);
    buf_fini(&url);
    buf_fini(&headers);
    return st;
}

/* --- from a place taken to a place given back ------------------------------------------------- */

enum status fetch_try_begin(struct fetch_try *t, struct fetch_provider *p, enum call_what what,
                            struct slice subject, fetch_http_fn done)
{
    struct fetch_catalog *c = t->catalog;
    bool canary = t->kind == CALL_CANARY;
    if (!canary && !(t->token = breaker_begin(&p->breaker, clock_mono_ms())))
        return STATUS_UPSTREAM;
    t->provider = p;
    p->in_flight++;
    if (fetch_route_background(t->kind)) {
        p->background++;
        c->fetcher->background++;
    }
    if (!canary) {
        p->calls++;
        c->calls++;
    }
    find_validator(t, what, subject);
    enum status st = ask(t, what, subject, done);
    if (st && !canary)
        breaker_forget(&p->breaker, t->token);
    if (st) {
        tracer_forget(&t->span);
        fetch_try_end(t);
    }
    return st;
}

void fetch_try_landed(struct fetch_try *t, const struct fetch_http_answer *h)
{
    t->http = NULL;
    if (t->span) {
        char status[24];
        snprintf(status, sizeof status, "%ld", h->status);
        if (h->status)
            span_number(t->span, SPAN_SELF, KEY_HTTP_STATUS, h->status);
        end_span(t, h->error ? fetch_error_name(h->error) : h->status >= 400 ? status : NULL);
    }
    t->provider->took_ms = h->took_ms;
    t->provider->bytes += h->body.len;
}

void fetch_try_end(struct fetch_try *t)
{
    struct fetch_provider *p = t->provider;
    if (!p)
        return;
    p->in_flight--;
    if (fetch_route_background(t->kind)) {
        p->background--;
        t->catalog->fetcher->background--;
    }
    t->provider = NULL;
}

void fetch_try_cancel(struct fetch_try *t)
{
    if (t->http) {
        end_span(t, "cancelled");
        fetch_http_cancel(t->http);
        t->http = NULL;
        if (t->kind != CALL_CANARY)
            breaker_forget(&t->provider->breaker, t->token);
    }
    fetch_try_end(t);
}

/* --- verdicts --------------------------------------------------------------------------------- */

void fetch_try_good(struct fetch_try *t, int64_t took_ms)
{
    struct fetch_provider *p = t->provider;
    int64_t now = clock_mono_ms();
    if (t->kind == CALL_CANARY) {
        breaker_probed(&p->breaker, now);
        return;
    }
    breaker_good(&p->breaker, t->token, now, took_ms);
    aimd_good(&p->aimd, p->in_flight, now);
    p->last_failed = false;
    p->success_ms = t->catalog->success_ms = fetch_wall_ms(t->catalog->fetcher);
}

void fetch_try_bad(struct fetch_try *t, const char *text, bool judged, bool overrun)
{
    struct fetch_provider *p = t->provider;
    if (overrun && t->kind < CALL_PROBE)
        aimd_overrun(&p->aimd, clock_mono_ms());
    snprintf(p->error, sizeof p->error, "%s", text);
    if (t->kind == CALL_CANARY)
        return;
    if (judged)
        breaker_bad(&p->breaker, t->token, clock_mono_ms());
    else
        breaker_forget(&p->breaker, t->token);
    p->last_failed = true;
    p->failures++;
    t->catalog->failures++;
    p->failure_ms = t->catalog->failure_ms = fetch_wall_ms(t->catalog->fetcher);
}

bool fetch_try_means_304(const struct fetch_try *t, const struct fetch_http_answer *h)
{
    return t->conditional &&
           (!is_tag(t->validator) || !h->etag.len || slice_equal(h->etag, slice_str(t->validator)));
}
