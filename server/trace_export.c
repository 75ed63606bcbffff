#include "server/trace_export.h"

#include <stdlib.h>

#include "server/http_cache.h"
#include "server/otlp.h"
#include "server/retry.h"
#include "server/say.h"

enum {
    TICK_MS = 100,
    PAUSE_MS = 500, /* of the first retry: doubles */
    PAUSE_MOST_MS = 30000,
    OBEY_MOST_MS = 60000, /* of a Retry-After */
    ANSWER_MOST = 65536,
    BODY_KEEP = 1 << 20, /* larger bodies are given back */
    URL_MAX = 600
};

struct trace_export {
    struct role_context *role;
    struct fetch_http *http;
    struct loop_timer *tick, *again;
    struct fetch_http_call *call; /* NULL = none is on its way */
    char url[URL_MAX];            /* empty = off */
    struct span *spans;           /* of the batch, those of a process behind each other */
    uint32_t spans_cap;
    struct buf body;      /* of the batch; empty = none is being sent */
    uint64_t told;        /* spans in it, stages and all */
    uint32_t tries, next; /* of the batch; the ring to begin with */
    uint64_t random;
    bool troubled;
};

static void collect(struct trace_export *e);

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static int64_t offset_us(const struct shared *s)
{
    return (s->wall_anchor_ms - s->mono_anchor_ms) * 1000;
}

/* --- one batch -------------------------------------------------------------------------------- */

static void batch_over(struct trace_export *e)
{
    if (e->body.cap > BODY_KEEP)
        buf_fini(&e->body);
    buf_clear(&e->body);
    e->told = e->tries = 0;
}

static void told_of(struct trace_export *e, bool well, const char *why)
{
    if (e->troubled == !well)
        return;
    e->troubled = !well;
    if (well)
        say("info", "fetcher", NULL, "the collector of traces takes spans again");
    else
        say("warning", "fetcher", NULL,
            "the collector of traces: %s; spans that find no room "
            "meanwhile are dropped and counted",
            why);
}

static bool worth_another(const struct fetch_http_answer *a)
{
    if (a->error)
        return a->error != FETCH_TOO_LARGE && a->error != FETCH_BROKEN;
    return a->status == 429 || a->status == 502 || a->status == 503 || a->status == 504;
}

static int64_t pause_of(struct trace_export *e, const struct fetch_http_answer *a)
{
    int64_t obeyed = a->retry_after.len
                         ? http_retry_after_ms(a->retry_after, shared_now_ms(e->role->shared))
                         : -1;
    e->random = e->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    int64_t own = retry_pause_ms(e->tries, PAUSE_MS, PAUSE_MOST_MS, e->random >> 16);
    if (obeyed > OBEY_MOST_MS)
        obeyed = OBEY_MOST_MS;
    return obeyed > own ? obeyed : own < 1 ? 1 : own;
}

static void on_answer(void *ctx, const struct fetch_http_answer *a)
{
    struct trace_export *e = ctx;
    struct shared_traces *n = &e->role->shared->traces;
    char why[160];
    e->call = NULL;
    if (!a->error && a->status >= 200 && a->status < 300) {
        uint64_t rejected = a->body.len ? otlp_rejected(a->body) : 0;
        rejected = rejected < e->told ? rejected : e->told;
        add(&n->exported, e->told - rejected);
        add(&n->rejected, rejected);
        told_of(e, true, NULL);
        batch_over(e);
        collect(e);
        return;
    }
    if (a->error)
        snprintf(why, sizeof why, "%s: %s", fetch_error_name(a->error), a->text);
    else
        snprintf(why, sizeof why, "HTTP status %ld", a->status);
    told_of(e, false, why);
    if (worth_another(a) && e->tries < EXPORT_TRIES) {
        add(&n->retries, 1);
        loop_timer_set(e->again, pause_of(e, a));
        return;
    }
    add(&n->failed, e->told);
    batch_over(e);
}

static void send_batch(void *ctx)
{
    struct trace_export *e = ctx;
    int64_t ms = (int64_t)config_number(e->role->config, OPTION_TRACE_TIMEOUT);
    struct fetch_http_request q = {.url = e->url,
                                   .headers = {"Content-Type: application/json", "Expect:"},
                                   .header_count = 2,
                                   .post = buf_slice(&e->body),
                                   .connect_ms = ms,
                                   .tls_ms = ms,
                                   .first_byte_ms = ms,
                                   .between_ms = ms,
                                   .total_ms = ms,
                                   .body_max = ANSWER_MOST};
    e->tries++;
    add(&e->role->shared->traces.calls, 1);
    if (*e->url && fetch_http_get(e->http, &q, on_answer, e, &e->call) == STATUS_OK)
        return;
    e->call = NULL;
    add(&e->role->shared->traces.failed, e->told);
    batch_over(e);
}

static bool make_room(struct trace_export *e)
{
    uint32_t cap = (uint32_t)config_number(e->role->config, OPTION_TRACE_BATCH);
    if (e->spans && e->spans_cap == cap)
        return true;
    free(e->spans);
    e->spans = malloc(cap * sizeof *e->spans);
    e->spans_cap = e->spans ? cap : 0;
    return e->spans != NULL;
}

/* The next batch, of all rings in turn, unless one is on its way. */
static void collect(struct trace_export *e)
{
    struct shared *s = e->role->shared;
    struct otlp_process of[SHARED_PROCESSES];
    uint32_t taken = 0, groups = 0;
    if (!*e->url || e->told || !make_room(e))
        return;
    for (uint32_t i = 0; i < SHARED_PROCESSES && taken < e->spans_cap; i++) {
        uint32_t slot = (e->next + i) % SHARED_PROCESSES, from = taken;
        while (taken < e->spans_cap && span_ring_take(&s->rings[slot], &e->spans[taken]))
            e->told += 1u + e->spans[taken++].stage_count;
        const struct shared_process *p = &s->processes[slot];
        if (taken > from)
            of[groups++] = (struct otlp_process){role_name((enum role)p->role), slot, p->pid,
                                                 e->spans + from, taken - from};
        if (taken == e->spans_cap)
            e->next = slot + 1;
    }
    if (!taken)
        return;
    buf_clear(&e->body);
    otlp_encode(&e->body, of, groups, offset_us(s));
    if (!e->body.failed) {
        send_batch(e);
        return;
    }
    add(&s->traces.failed, e->told);
    batch_over(e);
}

static void on_tick(void *ctx)
{
    collect(ctx);
}

/* --- life ------------------------------------------------------------------------------------- */

/* A collector is named by its address; who names a path means it. */
static void take_url(struct trace_export *e)
{
    const char *text = config_text(e->role->config, OPTION_TRACE_ENDPOINT);
    const char *host = strstr(text, "://");
    size_t len = strlen(text);
    bool path = host && strchr(host + 3, '/') && strchr(host + 3, '/')[1];
    while (len && !path && text[len - 1] == '/')
        len--;
    snprintf(e->url, sizeof e->url, "%.*s%s", (int)len, text, len && !path ? "/v1/traces" : "");
}

void trace_export_set(struct trace_export *e)
{
    take_url(e);
    if (*e->url)
        loop_timer_set(e->tick, 0);
    else
        loop_timer_set(e->tick, -1);
}

enum status trace_export_create(struct loop *loop, struct fetch_http *http, struct role_context *r,
                                struct trace_export **out)
{
    struct trace_export *e = calloc(1, sizeof *e);
    *out = e;
    if (!e)
        return STATUS_NO_MEMORY;
    *e = (struct trace_export){.role = r, .http = http, .random = (uint64_t)clock_mono_us()};
    e->tick = loop_timer_create(loop, -1, TICK_MS, on_tick, e);
    e->again = loop_timer_create(loop, -1, 0, send_batch, e);
    if (!e->tick || !e->again) {
        trace_export_destroy(out);
        return STATUS_NO_MEMORY;
    }
    trace_export_set(e);
    return STATUS_OK;
}

void trace_export_destroy(struct trace_export **ep)
{
    struct trace_export *e = *ep;
    if (!e)
        return;
    if (e->call)
        fetch_http_cancel(e->call);
    loop_timer_destroy(&e->tick);
    loop_timer_destroy(&e->again);
    buf_fini(&e->body);
    free(e->spans);
    free(e);
    *ep = NULL;
}
