#include "server/fetch_call.h"

#include <stdlib.h>

#include "server/provider_row.h"

enum {
    TRIES_BACKGROUND = 3,
    TRIES_FOREGROUND = 2,
    BACKGROUND_MOST = 64,
    CANARY_TOTAL_MS = 2000,
    BODIES_MOST = 128 << 20
};

struct fetch_call {
    struct fetch_catalog *catalog;
    struct call_request request; /* subject is owned: behind the struct */
    call_fn done;
    void *ctx;
    struct fetch_provider *provider; /* of this try */
    struct fetch_http_call *http;
    struct loop_timer *again;
    uint32_t token, tries, tried; /* tried: bits of providers in the order of now */
    int64_t sent_wall_ms;
    bool conditional;
    char validator[256];
    struct buf documents;
    struct mapped *items;
};

static void try_now(void *ctx);

/* --- which provider ----------------------------------------------------------------------------
 */

static struct slice url_of(const struct provider *p, enum call_what what)
{
    return what == CALL_ONE ? p->one : what == CALL_MANY ? p->many : p->changes;
}

static bool in_background(enum call_kind kind)
{
    return kind != CALL_FOREGROUND && kind != CALL_CANARY;
}

/* Places for calls of a kind. What looks whether the provider is well does not wait behind others.
 */
static uint32_t room_for(struct fetch_provider *p, enum call_kind kind)
{
    const struct provider *d = p->definition;
    uint32_t most = (uint32_t)d->concurrency;
    return kind >= CALL_PROBE
               ? most
               : aimd_room(&p->aimd, (uint32_t)d->concurrency_start, most, clock_mono_ms());
}

/* Apart from room. */
static bool answers(struct fetch_catalog *c, const struct fetch_provider *p, enum call_kind kind,
                    enum call_what what)
{
    const struct provider *d = p->definition;
    bool background = in_background(kind);
    bool held = d->paused || (atomic_load(&c->row->freshness.safe_mode) & SAFE_BY_HAND);
    if (fetch_http_held(c->fetcher->http) > BODIES_MOST)
        return false;
    if (p->retired || !d->enabled || !url_of(d, what).len || (background && held))
        return false;
    return kind == CALL_CANARY || breaker_allows(&p->breaker, clock_mono_ms());
}

static bool usable(struct fetch_catalog *c, struct fetch_provider *p, enum call_kind kind,
                   enum call_what what)
{
    uint32_t room = room_for(p, kind);
    if (in_background(kind) &&
        (p->background >= (room + 1) / 2 || c->fetcher->background >= BACKGROUND_MOST))
        return false;
    return p->in_flight < room && answers(c, p, kind, what);
}

bool fetch_call_full(struct fetch_catalog *c, enum call_kind kind, enum call_what what)
{
    for (uint32_t i = 0; i < c->provider_count; i++)
        if (answers(c, c->providers[i], kind, what))
            return true;
    return false;
}

/* In order; by its weight a provider gives calls to the next one, and takes them back when there
 * is no next. `tried` are left out as long as another is there. */
static struct fetch_provider *choose(struct fetch_catalog *c, enum call_kind kind,
                                     enum call_what what, uint32_t tried, uint32_t *at)
{
    struct fetch_provider *passed = NULL;
    for (uint32_t i = 0; i < c->provider_count; i++) {
        struct fetch_provider *p = c->providers[i];
        if (tried >> i & 1 || !usable(c, p, kind, what))
            continue;
        bool take = (int64_t)(fetch_random(c->fetcher) % 100) < p->definition->weight;
        if (take || !passed) {
            passed = p;
            *at = i;
        }
        if (take)
            break;
    }
    return passed || !tried ? passed : choose(c, kind, what, 0, at);
}

struct fetch_provider *fetch_call_provider(struct fetch_catalog *c, enum call_kind kind,
                                           enum call_what what)
{
    uint32_t at;
    return choose(c, kind, what, 0, &at);
}

/* --- the end -----------------------------------------------------------------------------------
 */

static void leave(struct fetch_call *call)
{
    struct fetch_provider *p = call->provider;
    if (!p)
        return;
    p->in_flight--;
    if (in_background(call->request.kind)) {
        p->background--;
        call->catalog->fetcher->background--;
    }
    call->provider = NULL;
}

static void free_call(struct fetch_call *call)
{
    loop_timer_destroy(&call->again);
    buf_fini(&call->documents);
    free(call->items);
    free(call);
}

void fetch_call_cancel(struct fetch_call *call)
{
    if (call->http) {
        fetch_http_cancel(call->http);
        if (call->request.kind != CALL_CANARY)
            breaker_forget(&call->provider->breaker, call->token);
    }
    leave(call);
    free_call(call);
}

static void tell(struct fetch_call *call, struct call_answer *a)
{
    call->done(call->ctx, a);
    free_call(call);
}

/* --- verdicts ----------------------------------------------------------------------------------
 */

static void note_good(struct fetch_call *call, int64_t took_ms)
{
    struct fetch_provider *p = call->provider;
    int64_t now = clock_mono_ms();
    if (call->request.kind == CALL_CANARY) {
        breaker_probed(&p->breaker, now);
        return;
    }
    breaker_good(&p->breaker, call->token, now, took_ms);
    aimd_good(&p->aimd, p->in_flight, now);
    p->last_failed = false;
    p->success_ms = call->catalog->success_ms = fetch_wall_ms(call->catalog->fetcher);
}

/* It did not answer in time, or said that it cannot. */
static void note_overrun(struct fetch_call *call)
{
    if (call->request.kind < CALL_PROBE)
        aimd_overrun(&call->provider->aimd, clock_mono_ms());
}

/* `judged`: the breaker hears of it. */
static void note_bad(struct fetch_call *call, const char *text, bool judged)
{
    struct fetch_provider *p = call->provider;
    snprintf(p->error, sizeof p->error, "%s", text);
    if (call->request.kind == CALL_CANARY)
        return;
    if (judged)
        breaker_bad(&p->breaker, call->token, clock_mono_ms());
    else
        breaker_forget(&p->breaker, call->token);
    p->last_failed = true;
    p->failures++;
    call->catalog->failures++;
    p->failure_ms = call->catalog->failure_ms = fetch_wall_ms(call->catalog->fetcher);
}

/* A try failed: once more, or the end. */
static void failed(struct fetch_call *call, const char *text, bool retryable)
{
    struct fetch_catalog *c = call->catalog;
    int64_t now = clock_mono_ms();
    uint32_t at, most = call->request.kind == CALL_FOREGROUND ? TRIES_FOREGROUND : TRIES_BACKGROUND;
    struct fetch_provider *was = call->provider, *next = NULL;
    struct call_answer a = {.result = RESULT_FAILED, .provider = was, .text = text};
    leave(call);
    if (call->request.kind < CALL_CHANGES && call->tries < most)
        next = choose(c, call->request.kind, call->request.what, call->tried, &at);
    bool elsewhere = next && next != was;
    int64_t pause = elsewhere ? 0
                              : retry_pause_ms(call->tries, RETRY_BASE_MS, RETRY_CAP_MS,
                                               fetch_random(c->fetcher));
    bool time = !call->request.deadline_ms || now + pause + 10 < call->request.deadline_ms;
    if (next && (retryable || elsewhere) && time && retry_take(&c->budget, now)) {
        if (!call->again)
            call->again = loop_timer_create(c->fetcher->loop, -1, 0, try_now, call);
        if (call->again) {
            c->retries++;
            loop_timer_set(call->again, pause);
            return;
        }
    }
    tell(call, &a);
}

/* --- what an answer says -----------------------------------------------------------------------
 */

static enum status map_one(struct fetch_call *call, const struct provider *p,
                           const struct schema *schema, const struct json_node *node,
                           struct call_answer *a, struct fault *fault)
{
    struct slice id = call->request.what == CALL_ONE ? call->request.subject : SLICE_NULL;
    struct mapped *m = &call->items[a->item_count];
    enum status st = mapping_product(p, schema, node, id, &call->documents, m, fault);
    if (st)
        a->bad_items++;
    else
        a->item_count++;
    return st;
}

/* Documents may have moved while they grew: their slices are made at the end. */
static void fix_documents(struct fetch_call *call, uint32_t count)
{
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct mapped *m = &call->items[i];
        struct document d;
        m->document = slice_make(call->documents.ptr + at, m->document.len);
        at += m->document.len;
        if (document_begin(&d, m->document) == STATUS_OK)
            m->id = d.id;
    }
}

static enum status map_answer(struct fetch_call *call, const struct json_node *root,
                              const struct schema *schema, struct call_answer *a,
                              struct fault *fault)
{
    const struct provider *p = call->provider->definition;
    bool one = call->request.what == CALL_ONE;
    const struct json_node *list = json_node_at(root, one ? p->map.product : p->map.items);
    if (!one && json_node_kind(list) != JSON_KIND_LIST)
        return fault_set(fault, STATUS_INVALID, "items", "where map.items points is no list");
    size_t count = one ? 1 : json_node_count(list);
    free(call->items);
    call->items = calloc(count + 1, sizeof *call->items);
    buf_clear(&call->documents);
    if (!call->items)
        return STATUS_NO_MEMORY;
    enum status st = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        enum status mine = map_one(call, p, schema, one ? list : json_node_item(list, i), a, fault);
        st = mine ? mine : st;
    }
    fix_documents(call, a->item_count);
    a->items = call->items;
    if (call->request.what == CALL_FEED) {
        const struct json_node *next = json_node_at(root, p->map.next);
        static char number[32];
        a->next = json_node_text(next);
        if (json_node_kind(next) == JSON_KIND_INT)
            a->next = slice_make(number, (size_t)snprintf(number, sizeof number, "%lld",
                                                          (long long)json_node_int(next)));
        if (!a->next.len)
            return fault_set(fault, STATUS_INVALID, "next", "where map.next points is no cursor");
    }
    return a->bad_items && !a->item_count ? st : STATUS_OK;
}

static void good(struct fetch_call *call, const struct fetch_http_answer *h, struct call_answer *a)
{
    struct json_node *root = NULL;
    struct catalog *catalog;
    struct fault fault = {0};
    int64_t now = fetch_wall_ms(call->catalog->fetcher);
    const struct provider *p = call->provider->definition;
    enum status st = json_node_parse(h->body, PROVIDER_DEPTH, &root, &fault);
    if (!st && (st = fetch_catalog_open(call->catalog, &catalog)) == STATUS_OK) {
        st = map_answer(call, root, snapshot_schema(catalog->snapshot), a, &fault);
        snapshot_end(catalog->snapshot);
    }
    if (st) {
        char text[160];
        snprintf(text, sizeof text, "%.150s", fault.text[0] ? fault.text : status_text(st));
        json_node_destroy(&root);
        note_bad(call, text, true);
        failed(call, text, false);
        return;
    }
    if (a->bad_items)
        fetch_say(call->catalog, "warning", p->name.ptr, "products left out:", fault.text);
    http_cache_read(&h->cache, call->sent_wall_ms, now, &a->cache);
    a->cache.ttl_ms = p->ttl_ms >= 0 ? p->ttl_ms : a->cache.ttl_ms;
    a->cache.swr_ms = p->swr_ms >= 0 ? p->swr_ms : a->cache.swr_ms;
    a->cache.sie_ms = p->sie_ms >= 0 ? p->sie_ms : a->cache.sie_ms;
    a->validator = h->etag.len ? h->etag : h->last_modified;
    a->storable = !a->cache.no_store || p->ttl_ms >= 0;
    note_good(call, h->took_ms);
    a->provider = call->provider;
    leave(call);
    call->done(call->ctx, a);
    json_node_destroy(&root);
    free_call(call);
}

static void end_with(struct fetch_call *call, const struct fetch_http_answer *h,
                     struct call_answer *a, enum call_result result)
{
    a->result = result;
    a->provider = call->provider;
    http_cache_read(&h->cache, call->sent_wall_ms, fetch_wall_ms(call->catalog->fetcher),
                    &a->cache);
    const struct provider *p = call->provider->definition;
    a->cache.ttl_ms = p->ttl_ms >= 0 ? p->ttl_ms : a->cache.ttl_ms;
    a->cache.swr_ms = p->swr_ms >= 0 ? p->swr_ms : a->cache.swr_ms;
    a->cache.sie_ms = p->sie_ms >= 0 ? p->sie_ms : a->cache.sie_ms;
    call->provider->not_modified += result == RESULT_NOT_MODIFIED;
    note_good(call, h->took_ms);
    leave(call);
    tell(call, a);
}

/* 429 and 503 with a time are obeyed: a pause, not a failure to judge by. */
static void refused(struct fetch_call *call, const struct fetch_http_answer *h)
{
    char text[64];
    int64_t pause = http_retry_after_ms(h->retry_after, fetch_wall_ms(call->catalog->fetcher));
    bool wait = (h->status == 429 || h->status == 503) && pause > 0;
    bool judged = h->status >= 500 || h->status == 429 || h->status == 408;
    snprintf(text, sizeof text, "HTTP status %ld", h->status);
    if (wait)
        breaker_pause(&call->provider->breaker, clock_mono_ms(), pause);
    if (judged)
        note_overrun(call);
    note_bad(call, text, judged && !wait);
    failed(call, text, judged && !wait);
}

/* A 304 means something only to a question with the validator it names. */
static bool modified_not(const struct fetch_call *call, const struct fetch_http_answer *h)
{
    bool tag = call->validator[0] == '"' || call->validator[0] == 'W';
    return call->conditional &&
           (!tag || !h->etag.len || slice_equal(h->etag, slice_str(call->validator)));
}

static void on_http(void *ctx, const struct fetch_http_answer *h)
{
    struct fetch_call *call = ctx;
    struct call_answer a = {.result = RESULT_GOOD};
    char text[160];
    call->http = NULL;
    call->provider->took_ms = h->took_ms;
    call->provider->bytes += h->body.len;
    if (h->error) {
        snprintf(text, sizeof text, "%s: %s", fetch_error_name(h->error), h->text);
        note_overrun(call);
        note_bad(call, text, true);
        failed(call, text, true);
    } else if (h->status == 304 && modified_not(call, h)) {
        end_with(call, h, &a, RESULT_NOT_MODIFIED);
    } else if (h->status == 304) {
        note_bad(call, "a 304 nobody asked for", true);
        failed(call, "a 304 nobody asked for", false);
    } else if (h->status == 200) {
        good(call, h, &a);
    } else if ((h->status == 404 || h->status == 410) && call->request.what == CALL_ONE) {
        end_with(call, h, &a, h->status == 404 ? RESULT_NOT_FOUND : RESULT_GONE);
    } else {
        refused(call, h);
    }
}

/* --- a try -------------------------------------------------------------------------------------
 */

/* The validator of the product, when it came from this very provider. */
static void find_validator(struct fetch_call *call)
{
    struct catalog *c;
    uint32_t docid;
    int64_t origin = 0;
    struct buf v = BUF_INIT;
    call->conditional = false;
    call->validator[0] = '\0';
    if (call->request.what != CALL_ONE || call->request.kind == CALL_CANARY ||
        fetch_catalog_open(call->catalog, &c))
        return;
    struct column *origins = snapshot_column(c->snapshot, COLUMN_ORIGIN);
    bool known = snapshot_find(c->snapshot, call->request.subject, &docid) == STATUS_OK &&
                 origins && column_int(origins, docid, &origin) == STATUS_OK &&
                 origin == call->provider->definition->number;
    snapshot_end(c->snapshot);
    if (known &&
        provider_row_validator(c->index, call->request.subject, (uint64_t)origin, &v) == 0 &&
        v.len < sizeof call->validator) {
        memcpy(call->validator, v.ptr, v.len);
        call->validator[v.len] = '\0';
        call->conditional = true;
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

static enum status send_try(struct fetch_call *call)
{
    static const char *const placeholders[] = {"{id}", "{ids}", "{cursor}"};
    const struct provider *p = call->provider->definition;
    bool tag = call->validator[0] == '"' || call->validator[0] == 'W';
    struct buf url = BUF_INIT, headers = BUF_INIT;
    struct fetch_http_request q = {.ca_file = p->ca_file.len ? p->ca_file.ptr : NULL,
                                   .connect_ms = p->connect_ms,
                                   .tls_ms = p->tls_ms,
                                   .first_byte_ms = p->first_byte_ms,
                                   .between_ms = p->between_ms,
                                   .total_ms = p->total_ms,
                                   .body_max = p->body_max};
    if (call->request.kind == CALL_CANARY && q.total_ms > CANARY_TOTAL_MS)
        q.total_ms = CANARY_TOTAL_MS;
    provider_url(url_of(p, call->request.what), placeholders[call->request.what],
                 call->request.subject, &url);
    buf_put_u8(&url, '\0');
    buf_printf(&headers, "Accept: application/json");
    buf_put_u8(&headers, '\0');
    for (uint32_t i = 0; i < p->header_count; i++)
        put_header(&p->headers[i], &headers);
    if (call->conditional) {
        buf_printf(&headers, "%s: %s", tag ? "If-None-Match" : "If-Modified-Since",
                   call->validator);
        buf_put_u8(&headers, '\0');
    }
    for (size_t at = 0; at < headers.len && q.header_count < FETCH_HTTP_HEADERS;
         at += strlen(headers.ptr + at) + 1)
        q.headers[q.header_count++] = headers.ptr + at;
    q.url = url.ptr;
    call->sent_wall_ms = fetch_wall_ms(call->catalog->fetcher);
    enum status st = url.failed || headers.failed ? STATUS_NO_MEMORY
                                                  : fetch_http_get(call->catalog->fetcher->http, &q,
                                                                   on_http, call, &call->http);
    buf_fini(&url);
    buf_fini(&headers);
    return st;
}

/* UPSTREAM when nobody can be called. */
static enum status attempt(struct fetch_call *call)
{
    struct fetch_catalog *c = call->catalog;
    const struct call_request *q = &call->request;
    uint32_t at = 0;
    struct fetch_provider *p = q->provider;
    if (p ? !usable(c, p, q->kind, q->what) : !(p = choose(c, q->kind, q->what, call->tried, &at)))
        return STATUS_UPSTREAM;
    if (q->kind != CALL_CANARY && !(call->token = breaker_begin(&p->breaker, clock_mono_ms())))
        return STATUS_UPSTREAM;
    if (!q->provider)
        call->tried |= 1u << at;
    call->provider = p;
    p->in_flight++;
    if (in_background(q->kind)) {
        p->background++;
        c->fetcher->background++;
    }
    if (q->kind != CALL_CANARY) {
        p->calls++;
        c->calls++;
    }
    call->tries++;
    find_validator(call);
    enum status st = send_try(call);
    if (st && q->kind != CALL_CANARY)
        breaker_forget(&p->breaker, call->token);
    if (st)
        leave(call);
    return st;
}

static void try_now(void *ctx)
{
    struct fetch_call *call = ctx;
    struct call_answer a = {.result = RESULT_FAILED, .text = "no provider can be called"};
    if (attempt(call))
        tell(call, &a);
}

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
    enum status st = attempt(call);
    if (st) {
        free_call(call);
        return st;
    }
    if (q->kind != CALL_CANARY)
        retry_first(&c->budget, clock_mono_ms());
    if (out)
        *out = call;
    return STATUS_OK;
}
