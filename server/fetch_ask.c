#include "server/fetch_ask.h"

#include <inttypes.h>
#include <stdlib.h>

#include "protocol/upstream.h"
#include "server/fetch_changes.h"
#include "server/fetch_refresh.h"
#include "server/writer_conn.h"

struct fetch_ask {
    struct fetcher *fetcher;
    struct writer_conns *conns;
    struct arena arena;
    struct buf body;
};

/* A REFRESH that is answered with its products. */
struct waiting {
    struct fetch_ask *ask;
    uint64_t conn;
    struct frame to;
    uint32_t left; /* products not yet told, + 1 while they are handed in */
    struct buf body;
};

enum { OPENS_SOON_MS = 100 };

static void refuse(struct fetch_ask *a, uint64_t conn, const struct frame *to, enum status s,
                   const char *text)
{
    struct fault f = {0};
    fault_set(&f, s, NULL, "%s", text);
    f.retry_after_ms = s == STATUS_UNAVAILABLE ? OPENS_SOON_MS : 0;
    writer_conns_error(a->conns, conn, to, &f);
}

/* The catalog is not among those the writer has opened: it may be about to, or there is none. */
static void refuse_unknown(struct fetch_ask *a, uint64_t conn, const struct frame *to,
                           struct slice name)
{
    struct catalog *c;
    if (catalogs_get(a->fetcher->catalogs, name, &c, NULL) == STATUS_OK)
        refuse(a, conn, to, STATUS_UNAVAILABLE, "the writer has not opened the catalog yet");
    else
        refuse(a, conn, to, STATUS_UNKNOWN_CATALOG, "no catalog has this name");
}

/* --- REFRESH -----------------------------------------------------------------------------------
 */

static void one_less(struct waiting *w)
{
    if (--w->left)
        return;
    writer_conns_reply(w->ask->conns, w->conn, &w->to, buf_slice(&w->body));
    buf_fini(&w->body);
    free(w);
}

static void on_item(void *ctx, const struct get_item_reply *item)
{
    struct waiting *w = ctx;
    struct buf one = BUF_INIT;
    get_item_encode(&one, item); /* tagged as in a reply to GET */
    tlv_put(&w->body, TAG_REFRESH_ITEM, buf_slice(&one));
    buf_fini(&one);
    one_less(w);
}

/* `trace`: what the front handed on; NULL = nothing. */
static void wait_for(struct fetch_ask *a, struct fetch_catalog *c, const struct refresh_request *q,
                     uint64_t conn, const struct frame *f, const struct trace_context *trace)
{
    struct waiting *w = calloc(1, sizeof *w);
    if (!w) {
        refuse(a, conn, f, STATUS_NO_MEMORY, "out of memory");
        return;
    }
    *w = (struct waiting){.ask = a, .conn = conn, .to = *f, .left = q->id_count + 1};
    w->to.body = SLICE_NULL;
    int64_t deadline = clock_mono_ms() + (f->time ? f->time : 1000);
    for (uint32_t i = 0; i < q->id_count; i++)
        refresh_wait(c->refresh, q->ids[i], deadline, trace, on_item, w);
    one_less(w);
}

static void on_refresh(struct fetch_ask *a, uint64_t conn, const struct frame *f)
{
    struct refresh_request q;
    struct trace_context trace;
    struct slice body = f->body;
    bool traced = f->flags & FLAG_TRACE && trace_context_take(&body, &trace);
    enum status s = refresh_request_decode(body, &a->arena, &q);
    struct fetch_catalog *c = s ? NULL : fetch_catalog_find(a->fetcher, q.catalog);
    if (s || !c || !c->provider_count) {
        refuse(a, conn, f, s ? s : STATUS_UPSTREAM, "the catalog has no upstream");
        return;
    }
    if (q.wait) {
        wait_for(a, c, &q, conn, f, traced ? &trace : NULL);
        return;
    }
    for (uint32_t i = 0; i < q.id_count; i++)
        refresh_ask(c->refresh, q.ids[i]);
    buf_clear(&a->body);
    tlv_put_u64(&a->body, TAG_REFRESH_QUEUED, q.id_count);
    writer_conns_reply(a->conns, conn, f, buf_slice(&a->body));
}

/* --- UPSTREAM ----------------------------------------------------------------------------------
 */

static void row_text(struct buf *b, const char *name, const char *v)
{
    upstream_row_put(b, name, slice_str(v));
}

static void row_number(struct buf *b, const char *name, int64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, v);
    row_text(b, name, text);
}

static int64_t ago(const struct fetcher *f, int64_t wall_ms)
{
    return wall_ms ? fetch_wall_ms(f) - wall_ms : -1;
}

static void put_canary(const struct fetcher *f, const struct fetch_provider *p, struct buf *b)
{
    if (!p->row)
        return;
    const struct shared_canary *k = &p->row->canary;
    row_text(b, "canary", canary_state_name((enum canary_state)atomic_load(&k->state)));
    row_number(b, "canary_us", (int64_t)atomic_load(&k->duration_us));
    row_number(b, "canary_ago_ms", ago(f, atomic_load(&k->at_ms)));
    row_number(b, "canary_runs", (int64_t)atomic_load(&k->runs));
    row_number(b, "canary_failures", (int64_t)atomic_load(&k->failures));
}

static void put_provider(const struct fetcher *f, const struct fetch_provider *p, struct buf *out)
{
    const struct provider *d = p->definition;
    int64_t now = clock_mono_ms();
    enum breaker_state state = breaker_now(&p->breaker, now);
    struct changes_figures h = changes_figures(p->changes);
    struct slice url = d->one.len ? d->one : d->many.len ? d->many : d->changes;
    size_t at = tlv_begin(out, TAG_UPSTREAM_PROVIDER);
    upstream_row_put(out, "name", d->name);
    upstream_row_put(out, "url", url);
    row_number(out, "number", d->number);
    row_number(out, "enabled", d->enabled);
    row_number(out, "paused", d->paused);
    row_number(out, "weight", d->weight);
    row_text(out, "breaker", breaker_state_name(state));
    row_number(out, "opens", p->breaker.opens);
    row_number(out, "opens_again_ms",
               state == BREAKER_OPEN     ? p->breaker.until_ms - now
               : state == BREAKER_PAUSED ? p->breaker.paused_ms - now
                                         : 0);
    row_number(out, "calls", (int64_t)p->calls);
    row_number(out, "failures", (int64_t)p->failures);
    row_number(out, "not_modified", (int64_t)p->not_modified);
    row_number(out, "in_flight", p->in_flight);
    row_number(out, "room", (int64_t)p->aimd.limit);
    row_number(out, "last_ms", p->took_ms);
    row_number(out, "success_ago_ms", ago(f, p->success_ms));
    row_number(out, "failure_ago_ms", ago(f, p->failure_ms));
    row_text(out, "error", p->error);
    row_number(out, "bytes", (int64_t)p->bytes);
    row_number(out, "synced", (int64_t)h.products);
    row_number(out, "deleted", (int64_t)h.deleted);
    row_number(out, "in_step", h.in_step);
    put_canary(f, p, out);
    tlv_end(out, at);
}

static void put_row(struct buf *out, const char *name, const char *text, uint64_t number)
{
    size_t at = tlv_begin(out, TAG_UPSTREAM_ROW);
    if (text)
        row_text(out, name, text);
    else
        row_number(out, name, (int64_t)number);
    tlv_end(out, at);
}

static void list(struct fetch_ask *a, struct fetch_catalog *c, struct buf *out)
{
    struct refresh_figures f = refresh_figures(c->refresh);
    fetch_catalog_publish(c);
    put_row(out, "catalog", c->name, 0);
    put_row(out, "state",
            upstream_state_name((enum upstream_state)atomic_load(&c->row->upstream.state)), 0);
    put_row(out, "safe_mode", safe_mode_name(shared_safe_mode_now(c->row)), 0);
    put_row(out, "push_canary",
            canary_state_name((enum canary_state)atomic_load(&c->row->freshness.push.state)), 0);
    put_row(out, "push_canary_us", NULL, atomic_load(&c->row->freshness.push.duration_us));
    put_row(out, "asked", NULL, f.asked);
    put_row(out, "refreshed", NULL, f.refreshed);
    put_row(out, "removed", NULL, f.removed);
    put_row(out, "backlog", NULL, f.backlog);
    put_row(out, "in_flight", NULL, f.in_flight);
    put_row(out, "negative", NULL, f.negative);
    put_row(out, "dropped", NULL, f.dropped);
    put_row(out, "calls", NULL, c->calls);
    put_row(out, "failures", NULL, c->failures);
    put_row(out, "retries", NULL, c->retries);
    put_row(out, "hedges", NULL, c->hedges);
    put_row(out, "hedges_won", NULL, c->hedges_won);
    for (uint32_t i = 0; i < c->provider_count; i++)
        put_provider(a->fetcher, c->providers[i], out);
}

static enum status refresh_now(struct fetch_catalog *c, const struct upstream_request *u)
{
    struct fetch_provider *p = NULL;
    for (uint32_t i = 0; i < u->id_count; i++)
        refresh_ask(c->refresh, u->ids[i]);
    if (u->id_count)
        return STATUS_OK;
    if (u->name_count)
        p = fetch_catalog_provider(c, u->names[0]);
    for (uint32_t i = 0; i < c->provider_count && !p && !u->name_count; i++)
        if (c->providers[i]->definition->changes.len)
            p = c->providers[i];
    if (!p || !p->definition->changes.len)
        return STATUS_NOT_FOUND;
    changes_restart(p->changes);
    return STATUS_OK;
}

static void on_upstream(struct fetch_ask *a, uint64_t conn, const struct frame *f)
{
    struct upstream_request u;
    struct fault fault = {0};
    if (upstream_request_decode(f->body, &a->arena, &u, &fault)) {
        writer_conns_error(a->conns, conn, f, &fault);
        return;
    }
    const struct shared *shared = a->fetcher->role->shared;
    if (shared_follows(shared)) {
        fault_set(&fault, STATUS_FOLLOWER, shared->follow.leader,
                  "this server follows %.100s, which asks the upstreams", shared->follow.leader);
        writer_conns_error(a->conns, conn, f, &fault);
        return;
    }
    struct fetch_catalog *c = fetch_catalog_find(a->fetcher, u.catalog);
    if (!c) {
        refuse_unknown(a, conn, f, u.catalog);
        return;
    }
    buf_clear(&a->body);
    fetch_catalog_follow(c);
    if (u.action == UPSTREAM_REFRESH && refresh_now(c, &u)) {
        refuse(a, conn, f, STATUS_NOT_FOUND, "no provider with a feed of changes has this name");
        return;
    }
    list(a, c, &a->body);
    writer_conns_reply(a->conns, conn, f, buf_slice(&a->body));
}

/* --- the socket --------------------------------------------------------------------------------
 */

static void on_frame(void *ctx, uint64_t conn, const struct frame *f)
{
    struct fetch_ask *a = ctx;
    arena_reset(&a->arena);
    if (f->opcode == OP_REFRESH)
        on_refresh(a, conn, f);
    else if (f->opcode == OP_UPSTREAM)
        on_upstream(a, conn, f);
    else if (f->opcode == OP_PING)
        writer_conns_reply(a->conns, conn, f, f->body);
    else
        refuse(a, conn, f, STATUS_UNSUPPORTED, "the fetcher does not do that");
}

enum status fetch_ask_create(struct fetcher *f, const char *socket, struct fetch_ask **out)
{
    struct fetch_ask *a = calloc(1, sizeof *a);
    *out = a;
    if (!a)
        return STATUS_NO_MEMORY;
    a->fetcher = f;
    arena_init(&a->arena, 0);
    enum status st = writer_conns_create(f->loop, socket, on_frame, a, &a->conns);
    if (st)
        fetch_ask_destroy(out);
    return st;
}

void fetch_ask_destroy(struct fetch_ask **ap)
{
    struct fetch_ask *a = *ap;
    if (!a)
        return;
    writer_conns_destroy(&a->conns);
    arena_fini(&a->arena);
    buf_fini(&a->body);
    free(a);
    *ap = NULL;
}

void fetch_ask_flush(struct fetch_ask *a)
{
    writer_conns_flush(a->conns);
}
