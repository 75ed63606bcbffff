/* CATALOG: reading actions are answered here, changing ones go to the writer. */
#include <stdlib.h>

#include "index/setting_check.h"
#include "protocol/multi.h"
#include "server/push_canary.h"
#include "server/front_trace.h"

struct forward {
    struct front *front;
    struct reply_address to;
};

static void forward_done(void *ctx, const struct frame *reply)
{
    struct forward *w = ctx;
    struct fault fault = {0};
    if (reply) {
        reply_later(w->front, &w->to, reply->status, reply->body);
    } else {
        fault_set(&fault, STATUS_UNAVAILABLE, NULL,
                  "the process that does this went away; send it again");
        reply_fault_later(w->front, &w->to, &fault);
    }
    free(w);
}

enum status front_forward(struct front *f, struct request *rq)
{
    return front_forward_to(f, rq, f->writer);
}

enum status front_forward_to(struct front *f, struct request *rq, struct writer_link *link)
{
    struct forward *w = malloc(sizeof *w);
    if (!w)
        return STATUS_NO_MEMORY;
    *w = (struct forward){f, reply_address_of(rq)};
    struct buf traced = BUF_INIT;
    struct slice body = rq->frame.body;
    uint16_t flags = front_trace_put(rq->trace, &traced);
    if (flags) {
        buf_put_slice(&traced, body);
        body = buf_slice(&traced);
    }
    enum status s = traced.failed
                        ? STATUS_NO_MEMORY
                        : writer_link_send(link, rq->frame.opcode, rq->frame.flags | flags,
                                           (uint32_t)((rq->deadline_us - rq->received_us) / 1000),
                                           body, forward_done, w);
    buf_fini(&traced);
    if (s)
        free(w);
    return s ? s : STATUS_AGAIN;
}

static enum status put_entry(struct front *f, struct slice name, bool with_schema, struct buf *out,
                             struct fault *fault)
{
    struct catalog *c;
    struct catalog_entry e = {.name = name};
    enum status s = catalogs_get(f->catalogs, name, &c, fault);
    if (s || (s = snapshot_begin(c->snapshot)))
        return s;
    struct buf schema = BUF_INIT;
    if (with_schema)
        schema_encode(snapshot_schema(c->snapshot), &schema);
    e.schema = buf_slice(&schema);
    e.sequence = snapshot_sequence(c->snapshot);
    e.products = snapshot_live_count(c->snapshot) - push_canary_lives(c->snapshot);
    e.generation = snapshot_generation(c->snapshot);
    e.edition = c->edition;
    catalog_entry_encode(&e, out);
    snapshot_end(c->snapshot);
    buf_fini(&schema);
    return STATUS_OK;
}

struct list_walk {
    struct front *front;
    const struct key *key; /* catalogs it does not reach are not there */
    struct buf *out;
};

static void list_each(void *ctx, struct slice name)
{
    struct list_walk *w = ctx;
    if (!key_reaches(w->key, name))
        return;
    /* one that cannot be opened: generation 0 */
    if (put_entry(w->front, name, false, w->out, NULL))
        catalog_entry_encode(&(struct catalog_entry){.name = name}, w->out);
}

static enum status put_settings(struct front *f, const struct catalog_request *in, struct buf *out,
                                struct fault *fault)
{
    struct catalog *c;
    enum status s = catalogs_get(f->catalogs, in->name, &c, fault);
    if (s || (s = snapshot_begin(c->snapshot)))
        return s;
    struct catalog_entry e = {.name = in->name, .key = in->key};
    if (in->action == CATALOG_GET) {
        if ((s = snapshot_setting(c->snapshot, in->kind, in->key, &e.value)) == STATUS_OK)
            catalog_entry_encode(&e, out);
    } else {
        e.key = SLICE_NULL;
        while ((s = snapshot_next_setting(c->snapshot, in->kind, &e.key, &e.value)) == STATUS_OK)
            catalog_entry_encode(&e, out);
        s = s == STATUS_END ? STATUS_OK : s;
    }
    snapshot_end(c->snapshot);
    return s;
}

/* What searches could not use is refused before it is logged. */
static enum status check_setting(struct front *f, const struct catalog_request *in,
                                 struct fault *fault)
{
    struct catalog *c;
    enum status s = catalogs_get(f->catalogs, in->name, &c, fault);
    if (s || (s = snapshot_begin(c->snapshot)))
        return s;
    s = setting_check(f->searcher, c->snapshot, in->kind, in->key, in->value, fault);
    snapshot_end(c->snapshot);
    return s;
}

enum status handle_catalog(struct front *f, struct request *rq, struct fault *fault)
{
    struct catalog_request in;
    struct buf *out = &rq->conn->out;
    enum status s = catalog_request_decode(rq->frame.body, &in, fault);
    if (s)
        return s;
    if (in.action == CATALOG_CREATE && !catalog_name_valid(in.name))
        return fault_set(fault, STATUS_INVALID, "name",
                         "a catalog's name is 1 to 64 letters, digits, _ and -");
    size_t at = reply_begin(rq);
    switch (in.action) {
    case CATALOG_DESCRIBE:
        s = put_entry(f, in.name, true, out, fault);
        break;
    case CATALOG_LIST:
        s = catalogs_list(f->role->data_dir, list_each, &(struct list_walk){f, rq->conn->key, out});
        break;
    case CATALOG_GET:
    case CATALOG_SETTINGS:
        s = put_settings(f, &in, out, fault);
        break;
    default:
        out->len = at;
        if (in.action == CATALOG_SET && slice_starts(in.kind, SLICE_LIT("provider")))
            return handle_upstream_setting(f, rq, &in, fault);
        if (in.action == CATALOG_SET && (s = check_setting(f, &in, fault)))
            return s;
        return front_forward(f, rq);
    }
    if (s == STATUS_OK)
        reply_end(rq, at);
    return s;
}
