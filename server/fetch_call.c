#include "server/fetch_call.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/fetch_try.h"

enum {
    TRIES_BACKGROUND = 3,
    TRIES_FOREGROUND = 2,
    AT_ONCE = 2,        /* a try, and one beside it */
    LEAST_LEFT_MS = 10, /* before the deadline: less is not worth a try */
    HEDGE_LEAST_MS = 1
};

struct fetch_call {
    struct fetch_catalog *catalog;
    struct call_request request; /* subject is owned: behind the struct */
    call_fn done;
    void *ctx;
    struct fetch_try flying[AT_ONCE];
    struct loop_timer *again, *hedge;
    uint32_t tries, tried; /* tried: bits of providers in the order of now */
};

static void try_again(void *ctx);
static void try_beside(void *ctx);
static void on_http(void *ctx, const struct fetch_http_answer *h);

/* --- the end ---------------------------------------------------------------------------------- */

static void free_call(struct fetch_call *call)
{
    loop_timer_destroy(&call->again);
    loop_timer_destroy(&call->hedge);
    free(call);
}

/* What is still on the way comes too late. */
static void call_back(struct fetch_call *call)
{
    for (int i = 0; i < AT_ONCE; i++)
        fetch_try_cancel(&call->flying[i]);
}

void fetch_call_cancel(struct fetch_call *call)
{
    call_back(call);
    free_call(call);
}

static void tell(struct fetch_call *call, struct call_answer *a)
{
    call_back(call);
    call->done(call->ctx, a);
    free_call(call);
}

/* --- one more try ----------------------------------------------------------------------------- */

static uint32_t tries_most(const struct fetch_call *call)
{
    return call->request.kind == CALL_FOREGROUND ? TRIES_FOREGROUND : TRIES_BACKGROUND;
}

static bool time_left(const struct fetch_call *call, int64_t pause_ms)
{
    int64_t deadline = call->request.deadline_ms;
    return !deadline || clock_mono_ms() + pause_ms + LEAST_LEFT_MS < deadline;
}

/* Where another try would go; NULL when none may be made. */
static struct fetch_provider *other(struct fetch_call *call)
{
    const struct call_request *q = &call->request;
    return q->kind < CALL_CHANGES && call->tries < tries_most(call)
               ? fetch_route_choose(call->catalog, q->kind, q->what, call->tried, NULL)
               : NULL;
}

/* A try failed: another is on its way, or is made, or it is the end. */
static void failed(struct fetch_call *call, struct fetch_try *t, const char *text, bool retryable)
{
    struct fetch_catalog *c = call->catalog;
    struct fetch_provider *was = t->provider;
    struct call_answer a = {.result = RESULT_FAILED, .provider = was, .text = text};
    fetch_try_end(t);
    for (int i = 0; i < AT_ONCE; i++)
        if (call->flying[i].http)
            return;
    struct fetch_provider *next = other(call);
    bool elsewhere = next && next != was;
    int64_t pause = elsewhere ? 0
                              : retry_pause_ms(call->tries, RETRY_BASE_MS, RETRY_CAP_MS,
                                               fetch_random(c->fetcher));
    if (next && (retryable || elsewhere) && time_left(call, pause) &&
        retry_take(&c->budget, clock_mono_ms())) {
        if (!call->again)
            call->again = loop_timer_create(c->fetcher->loop, -1, 0, try_again, call);
        if (call->again) {
            c->retries++;
            loop_timer_set(call->again, pause);
            return;
        }
    }
    tell(call, &a);
}

/* --- what an answer says ---------------------------------------------------------------------- */

static void windows(const struct fetch_call *call, const struct fetch_try *t,
                    const struct fetch_http_answer *h, struct http_cache *out)
{
    fetch_answer_windows(t->provider->definition, h, t->sent_wall_ms,
                         fetch_wall_ms(call->catalog->fetcher), out);
}

/* It is a valid answer: the provider hears of it, and the caller what it says. */
static void won(struct fetch_call *call, struct fetch_try *t, const struct fetch_http_answer *h,
                struct call_answer *a)
{
    const struct call_request *q = &call->request;
    a->provider = t->provider;
    windows(call, t, h, &a->cache);
    if (q->what == CALL_ONE && q->kind <= CALL_BACKGROUND)
        answer_times_add(&t->provider->times, h->took_ms);
    call->catalog->hedges_won += t != &call->flying[0];
    fetch_try_good(t, h->took_ms);
    fetch_try_end(t);
    tell(call, a);
}

static void good(struct fetch_call *call, struct fetch_try *t, const struct fetch_http_answer *h)
{
    struct fetch_products products = {0};
    struct fault fault = {0};
    const struct provider *p = t->provider->definition;
    const struct call_request *q = &call->request;
    enum status st =
        fetch_answer_products(&products, call->catalog, p, q->what, q->subject, h->body, &fault);
    if (st) {
        char text[160];
        snprintf(text, sizeof text, "%.150s", fault.text[0] ? fault.text : status_text(st));
        fetch_products_fini(&products);
        fetch_try_bad(t, text, true, false);
        failed(call, t, text, false);
        return;
    }
    if (products.bad)
        fetch_say(call->catalog, "warning", p->name.ptr, "products left out:", fault.text);
    struct call_answer a = {.result = RESULT_GOOD,
                            .items = products.items,
                            .item_count = products.count,
                            .bad_items = products.bad,
                            .next = products.next,
                            .validator = h->etag.len ? h->etag : h->last_modified};
    windows(call, t, h, &a.cache);
    a.storable = !a.cache.no_store || p->ttl_ms >= 0;
    won(call, t, h, &a);
    fetch_products_fini(&products);
}

/* 429 and 503 with a time are obeyed: a pause, not a failure to judge by. */
static void refused(struct fetch_call *call, struct fetch_try *t, const struct fetch_http_answer *h)
{
    char text[64];
    int64_t pause = http_retry_after_ms(h->retry_after, fetch_wall_ms(call->catalog->fetcher));
    bool wait = (h->status == 429 || h->status == 503) && pause > 0;
    bool judged = h->status >= 500 || h->status == 429 || h->status == 408;
    snprintf(text, sizeof text, "HTTP status %ld", h->status);
    if (wait)
        breaker_pause(&t->provider->breaker, clock_mono_ms(), pause);
    fetch_try_bad(t, text, judged && !wait, judged);
    failed(call, t, text, judged && !wait);
}

static void on_http(void *ctx, const struct fetch_http_answer *h)
{
    struct fetch_try *t = ctx;
    struct fetch_call *call = t->owner;
    char text[160];
    fetch_try_landed(t, h);
    if (h->error) {
        snprintf(text, sizeof text, "%s: %s", fetch_error_name(h->error), h->text);
        fetch_try_bad(t, text, true, true);
        failed(call, t, text, true);
    } else if (h->status == 304 && fetch_try_means_304(t, h)) {
        t->provider->not_modified++;
        won(call, t, h, &(struct call_answer){.result = RESULT_NOT_MODIFIED});
    } else if (h->status == 304) {
        fetch_try_bad(t, "a 304 nobody asked for", true, false);
        failed(call, t, "a 304 nobody asked for", false);
    } else if (h->status == 200) {
        good(call, t, h);
    } else if ((h->status == 404 || h->status == 410) && call->request.what == CALL_ONE) {
        won(call, t, h,
            &(struct call_answer){.result = h->status == 404 ? RESULT_NOT_FOUND : RESULT_GONE});
    } else {
        refused(call, t, h);
    }
}

/* --- a try ------------------------------------------------------------------------------------ */

/* UPSTREAM when nobody can be called. */
static enum status attempt(struct fetch_call *call, struct fetch_try *t)
{
    struct fetch_catalog *c = call->catalog;
    const struct call_request *q = &call->request;
    uint32_t at = 0;
    struct fetch_provider *p = q->provider;
    if (p ? !fetch_route_usable(c, p, q->kind, q->what)
          : !(p = fetch_route_choose(c, q->kind, q->what, call->tried, &at)))
        return STATUS_UPSTREAM;
    *t = (struct fetch_try){.catalog = c, .kind = q->kind, .owner = call, .trace = q->trace};
    enum status st = fetch_try_begin(t, p, q->what, q->subject, on_http);
    if (st == STATUS_UPSTREAM)
        return st;
    if (call->tries)
        span_number(t->span, SPAN_SELF, KEY_HTTP_RESEND, call->tries);
    if (!q->provider)
        call->tried |= 1u << at;
    call->tries++;
    return st;
}

static void try_again(void *ctx)
{
    struct fetch_call *call = ctx;
    struct call_answer a = {.result = RESULT_FAILED, .text = "no provider can be called"};
    if (attempt(call, &call->flying[0]))
        tell(call, &a);
}

/* --- a try beside it -------------------------------------------------------------------------- */

/* How long the provider is waited for alone; -1 = until it answers. */
static int64_t hedge_ms(const struct fetch_call *call)
{
    const struct call_request *q = &call->request;
    const struct fetch_provider *p = call->flying[0].provider;
    if (q->kind != CALL_FOREGROUND || q->what != CALL_ONE || p->definition->hedge_ms < 0)
        return -1;
    int64_t ms = p->definition->hedge_ms ? p->definition->hedge_ms : answer_times_p95_ms(&p->times);
    return ms >= 0 && ms < HEDGE_LEAST_MS ? HEDGE_LEAST_MS : ms;
}

/* Without an answer, for long enough: the next provider is asked too, or the same one. */
static void try_beside(void *ctx)
{
    struct fetch_call *call = ctx;
    struct fetch_catalog *c = call->catalog;
    if (!call->flying[0].http || !other(call) || !time_left(call, 0) ||
        !retry_take(&c->budget, clock_mono_ms()))
        return;
    c->retries++;
    c->hedges += attempt(call, &call->flying[1]) == STATUS_OK;
}

static void watch(struct fetch_call *call)
{
    int64_t ms = hedge_ms(call);
    if (ms >= 0)
        call->hedge = loop_timer_create(call->catalog->fetcher->loop, ms, 0, try_beside, call);
}

/* --- the beginning ---------------------------------------------------------------------------- */

enum status fetch_call_start(struct fetch_catalog *c, const struct call_request *q, call_fn done,
                             void *ctx, struct fetch_call **out)
{
    struct fetch_call *call = calloc(1, sizeof *call + q->subject.len);
    if (!call)
        return STATUS_NO_MEMORY;
    *call = (struct fetch_call){.catalog = c, .request = *q, .done = done, .ctx = ctx};
    if (q->subject.len)
        memcpy(call + 1, q->subject.ptr, q->subject.len);
    call->request.subject.ptr = (char *)(call + 1);
    if (q->what == CALL_ONE && q->kind < CALL_CHANGES && q->subject.len < sizeof c->asked) {
        memcpy(c->asked, q->subject.ptr, q->subject.len);
        c->asked[q->subject.len] = '\0';
    }
    enum status st = attempt(call, &call->flying[0]);
    if (st) {
        free_call(call);
        return st;
    }
    watch(call);
    if (q->kind != CALL_CANARY)
        retry_first(&c->budget, clock_mono_ms());
    if (out)
        *out = call;
    return STATUS_OK;
}
