/*
 * UPSTREAM: an operator and the providers of a catalog. What is to stay (definitions, order, on and
 * off) is a setting of the catalog: checked here, logged by the writer, read by the fetcher. What
 * is of the moment (state, a refresh now) is the fetcher's to answer.
 */
#include <stdlib.h>

#include "protocol/multi.h"
#include "protocol/upstream.h"
#include "server/front.h"
#include "server/json_node.h"
#include "server/provider.h"

struct upstream_job {
    struct front *front;
    struct reply_address to;
    bool list; /* answer with the shared pages when the fetcher is away */
    char catalog[SHARED_NAME + 1];
};

/* --- the fetcher's answers ---------------------------------------------------------------------
 */

static void put_text(struct buf *b, const char *name, const char *v)
{
    upstream_row_put(b, name, slice_str(v));
}

static void put_number(struct buf *b, const char *name, uint64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)v);
    put_text(b, name, text);
}

/* What the shared pages still know while the fetcher is away. */
static void put_shared(struct shared *shared, struct shared_catalog *row, struct buf *out)
{
    size_t at = tlv_begin(out, TAG_UPSTREAM_ROW);
    put_text(out, "catalog", row->name);
    tlv_end(out, at);
    at = tlv_begin(out, TAG_UPSTREAM_ROW);
    put_text(out, "state", upstream_state_name(shared_upstream_now(shared, row)));
    tlv_end(out, at);
    at = tlv_begin(out, TAG_UPSTREAM_ROW);
    put_text(out, "fetcher", "away");
    tlv_end(out, at);
    for (uint32_t i = 0; i < SHARED_PROVIDERS; i++) {
        struct shared_provider *p = &row->providers[i];
        if (!atomic_load_explicit(&p->used, memory_order_acquire))
            continue;
        at = tlv_begin(out, TAG_UPSTREAM_PROVIDER);
        put_text(out, "name", p->name);
        put_number(out, "enabled", atomic_load(&p->enabled));
        put_text(out, "breaker", breaker_state_name((enum breaker_state)atomic_load(&p->breaker)));
        put_number(out, "opens", atomic_load(&p->opens));
        put_number(out, "calls", atomic_load(&p->calls));
        put_number(out, "failures", atomic_load(&p->failures));
        put_text(out, "canary",
                 canary_state_name((enum canary_state)atomic_load(&p->canary.state)));
        tlv_end(out, at);
    }
}

static void on_fetcher(void *ctx, const struct frame *reply)
{
    struct upstream_job *j = ctx;
    struct fault fault = {0};
    struct shared *shared = j->front->role->shared;
    struct shared_catalog *row = shared_catalog_find(shared, slice_str(j->catalog));
    if (reply) {
        reply_later(j->front, &j->to, reply->status, reply->body);
    } else if (j->list && row) {
        struct buf body = BUF_INIT;
        put_shared(shared, row, &body);
        reply_later(j->front, &j->to, STATUS_OK, buf_slice(&body));
        buf_fini(&body);
    } else {
        fault_set(&fault, STATUS_UNAVAILABLE, NULL, "the fetcher is away; send it again");
        reply_fault_later(j->front, &j->to, &fault);
    }
    free(j);
}

static struct upstream_job *job_new(struct front *f, const struct request *rq, struct slice catalog)
{
    struct upstream_job *j = calloc(1, sizeof *j);
    if (!j || catalog.len > SHARED_NAME) {
        free(j);
        return NULL;
    }
    j->front = f;
    j->to = reply_address_of(rq);
    memcpy(j->catalog, catalog.ptr, catalog.len);
    return j;
}

static enum status ask_fetcher(struct front *f, struct request *rq,
                               const struct upstream_request *u)
{
    struct upstream_job *j = job_new(f, rq, u->catalog);
    if (!j)
        return STATUS_NO_MEMORY;
    j->list = u->action == UPSTREAM_LIST;
    enum status s =
        writer_link_send(f->fetcher, OP_UPSTREAM, 0, 1000, rq->frame.body, on_fetcher, j);
    if (s == STATUS_UNAVAILABLE && j->list && shared_catalog_find(f->role->shared, u->catalog)) {
        struct buf *out = &rq->conn->out;
        size_t at = reply_begin(rq);
        put_shared(f->role->shared, shared_catalog_find(f->role->shared, u->catalog), out);
        reply_end(rq, at);
        free(j);
        return STATUS_OK;
    }
    if (s)
        free(j);
    return s ? s : STATUS_AGAIN;
}

/* --- settings ----------------------------------------------------------------------------------
 */

static void on_writer(void *ctx, const struct frame *reply)
{
    struct upstream_job *j = ctx;
    struct fault fault = {0};
    if (reply && !reply->status) {
        reply_later(j->front, &j->to, STATUS_OK,
                    j->to.opcode == OP_CATALOG ? reply->body : SLICE_NULL);
    } else if (reply) {
        reply_later(j->front, &j->to, reply->status, reply->body);
    } else {
        fault_set(&fault, STATUS_UNAVAILABLE, NULL, "the writer went away; send it again");
        reply_fault_later(j->front, &j->to, &fault);
    }
    free(j);
}

static enum status set(struct front *f, struct request *rq, struct slice catalog, const char *kind,
                       struct slice key, struct slice value)
{
    struct catalog_request q = {.action = CATALOG_SET,
                                .name = catalog,
                                .kind = slice_str(kind),
                                .key = key,
                                .value = value};
    struct buf body = BUF_INIT;
    struct upstream_job *j = job_new(f, rq, catalog);
    if (!j)
        return STATUS_NO_MEMORY;
    catalog_request_encode(&q, &body);
    enum status s = body.failed
                        ? STATUS_NO_MEMORY
                        : writer_link_send(f->writer, OP_CATALOG, 0,
                                           (uint32_t)((rq->deadline_us - rq->received_us) / 1000),
                                           buf_slice(&body), on_writer, j);
    buf_fini(&body);
    if (s)
        free(j);
    return s ? s : STATUS_AGAIN;
}

/* The number of the provider of this name, else one above all others. */
static uint32_t number_for(struct snapshot *s, struct slice name)
{
    struct slice key = SLICE_NULL, value;
    uint32_t most = 0;
    while (snapshot_next_setting(s, SLICE_LIT("provider"), &key, &value) == STATUS_OK) {
        struct json_node *root;
        if (json_node_parse(value, PROVIDER_DEPTH, &root, NULL))
            continue;
        uint32_t n = (uint32_t)json_node_int(json_node_at(root, SLICE_LIT("/number")));
        json_node_destroy(&root);
        if (slice_equal(key, name) && n)
            return n;
        most = n > most ? n : most;
    }
    return most + 1;
}

/* A header from a file sends what soukd's user can read to whom the URL names: that is of the whole
 * server, not of one catalog. */
static enum status may_send_files(const struct provider *p, const struct request *rq,
                                  struct fault *fault)
{
    for (uint32_t i = 0; i < p->header_count; i++)
        if (slice_starts(p->headers[i].value, SLICE_LIT("file:")))
            return access_catalog(rq->conn->key, rq->frame.opcode, SLICE_LIT("*"), fault);
    return STATUS_OK;
}

/* Checks the definition, gives it its number, sends it on. */
static enum status set_definition(struct front *f, struct request *rq, struct slice catalog,
                                  struct slice name, struct slice json, struct snapshot *snap,
                                  struct fault *fault)
{
    struct provider *p = NULL;
    struct json_node *root = NULL;
    struct buf text = BUF_INIT;
    enum status s = provider_create(name, json, &p, fault);
    s = s ? s : may_send_files(p, rq, fault);
    for (uint32_t i = 0; !s && i < p->field_count; i++)
        if (!schema_find(snapshot_schema(snap), p->fields[i].name))
            s = fault_set(fault, STATUS_UNKNOWN_FIELD, "fields", "the catalog has no field %.*s",
                          (int)p->fields[i].name.len, p->fields[i].name.ptr);
    s = s ? s : json_node_parse(json, PROVIDER_DEPTH, &root, fault);
    s = s ? s : json_node_set_int(root, "number", number_for(snap, name));
    s = s ? s : json_node_print(root, &text);
    s = s ? s : set(f, rq, catalog, "provider", name, buf_slice(&text));
    json_node_destroy(&root);
    provider_destroy(&p);
    buf_fini(&text);
    return s;
}

/* enable, disable, pause, resume: one member of the stored definition. */
static enum status set_switch(struct front *f, struct request *rq, const struct upstream_request *u,
                              struct snapshot *snap, struct fault *fault)
{
    bool pausing = u->action == UPSTREAM_PAUSE || u->action == UPSTREAM_RESUME;
    bool on = u->action == UPSTREAM_ENABLE || u->action == UPSTREAM_PAUSE;
    struct json_node *root;
    struct slice json;
    struct buf text = BUF_INIT;
    if (u->name_count != 1)
        return fault_set(fault, STATUS_INVALID, "name", "name one provider");
    enum status s = snapshot_setting(snap, SLICE_LIT("provider"), u->names[0], &json);
    if (s)
        return fault_set(fault, s, "name", "the catalog has no provider %.*s",
                         (int)(u->names[0].len & 63), u->names[0].ptr);
    if ((s = json_node_parse(json, PROVIDER_DEPTH, &root, fault)))
        return s;
    s = json_node_set_bool(root, pausing ? "paused" : "enabled", on);
    s = s ? s : json_node_print(root, &text);
    s = s ? s : set(f, rq, u->catalog, "provider", u->names[0], buf_slice(&text));
    json_node_destroy(&root);
    buf_fini(&text);
    return s;
}

static enum status check_order(struct snapshot *snap, struct slice order, struct fault *fault)
{
    struct slice name, json;
    for (uint32_t i = 0; provider_order_part(order, i, &name); i++)
        if (snapshot_setting(snap, SLICE_LIT("provider"), name, &json))
            return fault_set(fault, STATUS_NOT_FOUND, "order", "the catalog has no provider %.*s",
                             (int)(name.len & 63), name.ptr);
    return STATUS_OK;
}

static enum status set_order(struct front *f, struct request *rq, const struct upstream_request *u,
                             struct snapshot *snap, struct fault *fault)
{
    struct buf order = BUF_INIT;
    for (uint32_t i = 0; i < u->name_count; i++) {
        if (i)
            buf_put_u8(&order, ',');
        buf_put_slice(&order, u->names[i]);
    }
    enum status s = order.failed ? STATUS_NO_MEMORY : check_order(snap, buf_slice(&order), fault);
    s = s ? s : set(f, rq, u->catalog, "provider_order", SLICE_LIT("order"), buf_slice(&order));
    buf_fini(&order);
    return s;
}

static enum status change(struct front *f, struct request *rq, const struct upstream_request *u,
                          struct snapshot *snap, struct fault *fault)
{
    struct slice json;
    switch (u->action) {
    case UPSTREAM_ENABLE:
    case UPSTREAM_DISABLE:
    case UPSTREAM_PAUSE:
    case UPSTREAM_RESUME:
        return set_switch(f, rq, u, snap, fault);
    case UPSTREAM_ORDER:
        return set_order(f, rq, u, snap, fault);
    case UPSTREAM_SET:
        if (u->name_count != 1)
            return fault_set(fault, STATUS_INVALID, "name", "name one provider");
        return set_definition(f, rq, u->catalog, u->names[0], u->definition, snap, fault);
    case UPSTREAM_REMOVE:
        if (u->name_count != 1 || snapshot_setting(snap, SLICE_LIT("provider"), u->names[0], &json))
            return fault_set(fault, STATUS_NOT_FOUND, "name", "the catalog has no such provider");
        return set(f, rq, u->catalog, "provider", u->names[0], SLICE_NULL);
    default:
        return fault_set(fault, STATUS_UNSUPPORTED, NULL, "no such action on an upstream");
    }
}

enum status handle_upstream(struct front *f, struct request *rq, struct fault *fault)
{
    struct upstream_request u;
    struct catalog *c;
    enum status s = upstream_request_decode(rq->frame.body, &f->arena, &u, fault);
    if (s || (s = catalogs_get(f->catalogs, u.catalog, &c, fault)))
        return s;
    if (u.action == UPSTREAM_LIST || u.action == UPSTREAM_REFRESH)
        return ask_fetcher(f, rq, &u);
    if ((s = snapshot_begin(c->snapshot)))
        return s;
    s = change(f, rq, &u, c->snapshot, fault);
    snapshot_end(c->snapshot);
    return s;
}

enum status handle_upstream_setting(struct front *f, struct request *rq,
                                    const struct catalog_request *in, struct fault *fault)
{
    struct catalog *c;
    enum status s = catalogs_get(f->catalogs, in->name, &c, fault);
    if (s || (s = snapshot_begin(c->snapshot)))
        return s;
    bool order = slice_equal(in->kind, SLICE_LIT("provider_order"));
    if (!order && !slice_equal(in->kind, SLICE_LIT("provider")))
        s = fault_set(fault, STATUS_INVALID, "kind", "provider or provider_order");
    else if (order && !slice_equal(in->key, SLICE_LIT("order")))
        s = fault_set(fault, STATUS_INVALID, "key", "the key of provider_order is order");
    else if (order)
        s = check_order(c->snapshot, in->value, fault);
    if (!s && !order && in->value.len)
        s = set_definition(f, rq, in->name, in->key, in->value, c->snapshot, fault);
    else if (!s)
        s = set(f, rq, in->name, order ? "provider_order" : "provider", in->key, in->value);
    snapshot_end(c->snapshot);
    return s;
}
