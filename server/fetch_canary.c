#include "server/fetch_canary.h"

#include <stdlib.h>

#include "server/fetch_call.h"

struct canary {
    struct fetch_catalog *catalog;
    struct fetch_provider *provider;
    struct fetch_call *call;
    int64_t next_ms, probe_ms, start_us; /* next canary, next probe; start of the canary */
};

static void on_answer(void *ctx, const struct call_answer *a)
{
    struct canary *k = ctx;
    struct shared_canary *row = k->provider->row ? &k->provider->row->canary : NULL;
    bool well = a->result == RESULT_GOOD && a->item_count == 1;
    k->call = NULL;
    if (!row)
        return;
    bool before = atomic_load(&row->state) != CANARY_FAILED;
    atomic_store(&row->state, well ? CANARY_OK : CANARY_FAILED);
    atomic_store(&row->step, well ? 0
                             : a->result == RESULT_GOOD || a->result == RESULT_FAILED
                                 ? CANARY_STEP_FETCH
                                 : CANARY_STEP_MAP);
    if (well)
        atomic_store(&row->duration_us, (uint64_t)(clock_mono_us() - k->start_us));
    else
        atomic_fetch_add(&row->failures, 1);
    atomic_fetch_add(&row->runs, 1);
    atomic_store(&row->at_ms, fetch_wall_ms(k->catalog->fetcher));
    if (well != before || (!well && atomic_load(&row->runs) == 1))
        fetch_say(k->catalog, well ? "info" : "warning", k->provider->definition->name.ptr,
                  well ? "the canary is well" : "the canary failed:", well ? "" : a->text);
}

static void on_probed(void *ctx, const struct call_answer *a)
{
    struct canary *k = ctx;
    (void)a; /* the breaker has heard of it */
    k->call = NULL;
}

/* The canary of the definition, else any product that came from the provider, else what was asked
 * for last. */
static bool find_product(struct canary *k, struct buf *id)
{
    struct slice named = k->provider->definition->canary, found;
    struct catalog *c;
    if (named.len || fetch_catalog_open(k->catalog, &c)) {
        buf_put_slice(id, named);
        return named.len && !id->failed;
    }
    struct column *origins = snapshot_column(c->snapshot, COLUMN_ORIGIN);
    uint32_t end = snapshot_docid_end(c->snapshot), look = end > 10000 ? 10000 : end;
    for (uint32_t d = end - look; origins && d < end && !id->len; d++) {
        int64_t origin;
        if (snapshot_is_live(c->snapshot, d) && column_int(origins, d, &origin) == STATUS_OK &&
            origin == k->provider->definition->number &&
            snapshot_id(c->snapshot, d, &found) == STATUS_OK)
            buf_put_slice(id, found);
    }
    snapshot_end(c->snapshot);
    if (!id->len)
        buf_put_slice(id, slice_str(k->catalog->asked));
    return id->len && !id->failed;
}

/* Nothing but a call will tell that the provider is well again. */
static bool needs_probe(const struct fetch_provider *p, int64_t now)
{
    enum breaker_state state = breaker_now(&p->breaker, now);
    bool well = p->row && atomic_load(&p->row->canary.state) == CANARY_OK &&
                atomic_load(&p->row->canary.at_ms) > p->failure_ms;
    return state == BREAKER_HALF_OPEN || (state == BREAKER_CLOSED && p->last_failed && well);
}

static void probe(struct canary *k, int64_t now)
{
    const struct provider *p = k->provider->definition;
    struct buf id = BUF_INIT;
    k->probe_ms = now + p->min_refetch_ms;
    if (find_product(k, &id)) {
        struct call_request q = {.kind = CALL_PROBE,
                                 .what = p->one.len ? CALL_ONE : CALL_MANY,
                                 .subject = buf_slice(&id),
                                 .provider = k->provider};
        if (fetch_call_start(k->catalog, &q, on_probed, k, &k->call))
            k->call = NULL;
    }
    buf_fini(&id);
}

void canary_tick(struct canary *k)
{
    const struct provider *p = k->provider->definition;
    int64_t now = clock_mono_ms();
    struct buf id = BUF_INIT;
    if (k->call || !p->enabled ||
        now < k->provider->breaker.paused_ms) /* Retry-After holds for canaries too */
        return;
    if (now >= k->probe_ms && needs_probe(k->provider, now)) {
        probe(k, now);
        return;
    }
    if (now < k->next_ms || !p->one.len)
        return;
    k->probe_ms = now + p->min_refetch_ms;
    k->next_ms = now + p->canary_ms - p->canary_ms / 10 +
                 (int64_t)(fetch_random(k->catalog->fetcher) % (uint64_t)(p->canary_ms / 10 + 1));
    if (find_product(k, &id)) {
        struct call_request q = {.kind = CALL_CANARY,
                                 .what = CALL_ONE,
                                 .subject = buf_slice(&id),
                                 .provider = k->provider};
        k->start_us = clock_mono_us();
        if (fetch_call_start(k->catalog, &q, on_answer, k, &k->call))
            k->call = NULL;
    }
    buf_fini(&id);
}

enum status canary_create(struct fetch_catalog *c, struct fetch_provider *p, struct canary **out)
{
    struct canary *k = calloc(1, sizeof *k);
    *out = k;
    if (!k)
        return STATUS_NO_MEMORY;
    k->catalog = c;
    k->provider = p;
    return STATUS_OK;
}

void canary_destroy(struct canary **kp)
{
    struct canary *k = *kp;
    if (!k)
        return;
    if (k->call)
        fetch_call_cancel(k->call);
    free(k);
    *kp = NULL;
}
