/* HELLO, PING, WAIT, STATS, GOAWAY: requests that touch no index. */
#include <inttypes.h>

#include "protocol/hello.h"
#include "protocol/reply.h"
#include "protocol/version.h"
#include "index/weight.h"
#include "server/cached_search.h"
#include "server/push_canary.h"
#include "server/front.h"
#include "server/front_keys.h"
#include "server/stats_freshness.h"
#include "server/stats_upstream.h"

static enum status hello(struct front *f, struct request *rq, struct fault *fault)
{
    const struct config *c = f->role->config;
    struct hello client, offer = {.min_version = 1,
                                  .max_version = 1,
                                  .features = HELLO_FEATURES,
                                  .max_frame = (uint32_t)config_number(c, OPTION_FRAME),
                                  .max_in_flight = (uint32_t)config_number(c, OPTION_IN_FLIGHT),
                                  .max_k = (uint32_t)config_number(c, OPTION_HITS),
                                  .max_items = (uint32_t)config_number(c, OPTION_ITEMS),
                                  .name = SLICE_LIT("soukd"),
                                  .server_version = SLICE_LIT(SOUK_VERSION)};
    enum status s = hello_decode(rq->frame.body, &client);
    if (s)
        return fault_set(fault, s, NULL, "the body of HELLO is damaged");
    if ((s = hello_agree(&client, &offer)) || (s = front_keys_hello(rq, client.key, fault)))
        return s;
    clients_leave(&f->clients, rq->conn->client);
    rq->conn->client->in_flight -= rq->conn->in_flight;
    rq->conn->client = clients_join(&f->clients, client.name);
    rq->conn->client->in_flight += rq->conn->in_flight;
    size_t at = reply_begin(rq);
    hello_encode(&offer, 0, &rq->conn->out);
    reply_end(rq, at);
    return STATUS_OK;
}

/* What it said does not stay in memory: there may be a key in it. */
enum status handle_hello(struct front *f, struct request *rq, struct fault *fault)
{
    enum status s = hello(f, rq, fault);
    if (rq->frame.body.len)
        explicit_bzero((char *)(uintptr_t)rq->frame.body.ptr, rq->frame.body.len);
    return s;
}

enum status handle_unknown(struct front *f, struct request *rq, struct fault *fault)
{
    (void)f;
    (void)rq;
    (void)fault;
    return STATUS_UNSUPPORTED;
}

enum status handle_ping(struct front *f, struct request *rq, struct fault *fault)
{
    (void)f;
    (void)fault;
    size_t at = reply_begin(rq);
    buf_put_slice(&rq->conn->out, rq->frame.body);
    reply_end(rq, at);
    return STATUS_OK;
}

enum status handle_goaway(struct front *f, struct request *rq, struct fault *fault)
{
    (void)f;
    (void)fault;
    conn_end(rq->conn);
    return STATUS_OK;
}

enum status handle_wait(struct front *f, struct request *rq, struct fault *fault)
{
    struct wait_request w;
    struct catalog *c;
    enum status s = wait_request_decode(rq->frame.body, &w, fault);
    if (s || (s = catalogs_get(f->catalogs, w.catalog, &c, fault)))
        return s;
    if ((s = snapshot_begin(c->snapshot)))
        return s;
    uint64_t visible = snapshot_sequence(c->snapshot);
    snapshot_end(c->snapshot);
    if (visible < w.sequence)
        return park_add(f, rq, c->row ? c->row : shared_catalog_find(f->role->shared, w.catalog),
                        w.sequence);
    size_t at = reply_begin(rq);
    tlv_put_u64(&rq->conn->out, TAG_WAIT_SEQUENCE, visible);
    reply_end(rq, at);
    return STATUS_OK;
}

static void put_process(struct buf *b, const struct shared_process *p, uint32_t slot)
{
    char name[64];
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"pid", p->pid},
                {"starts", p->starts},
                {"connections", p->connections},
                {"accepted", p->accepted},
                {"requests", p->requests},
                {"errors", p->errors},
                {"refused", p->refused},
                {"unauthenticated", p->unauthenticated},
                {"keys_wrong", p->keys_wrong},
                {"bytes_in", p->bytes_in},
                {"bytes_out", p->bytes_out},
                {"search_count", p->search_count},
                {"search_us", p->search_us},
                {"degrade", p->degrade},
                {"pressure", p->pressure},
                {"draining", p->draining}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(name, sizeof name, "process.%u.%s.%s", slot, role_name((enum role)p->role),
                 rows[i].name);
        stats_row_put(b, name, "%" PRIu64, rows[i].value);
    }
}

static void put_catalog_row(struct buf *b, struct slice catalog, const char *what, uint64_t value)
{
    char name[128];
    snprintf(name, sizeof name, "catalog.%.*s.%s", (int)catalog.len, catalog.ptr, what);
    stats_row_put(b, name, "%" PRIu64, value);
}

struct stats_walk {
    struct front *front;
    const struct key *key; /* catalogs it does not reach are not there */
    struct buf *out;
};

static void put_catalog(void *ctx, struct slice name)
{
    struct stats_walk *w = ctx;
    struct catalog *c;
    struct index_usage u;
    struct shared_catalog *row = shared_catalog_find(w->front->role->shared, name);
    if (!key_reaches(w->key, name))
        return;
    if (catalogs_get(w->front->catalogs, name, &c, NULL) || snapshot_begin(c->snapshot)) {
        if (row)
            put_catalog_row(w->out, name, "write_state", atomic_load(&row->write_state));
        return;
    }
    uint64_t sequence = snapshot_sequence(c->snapshot);
    put_catalog_row(w->out, name, "products",
                    snapshot_live_count(c->snapshot) - push_canary_lives(c->snapshot));
    put_catalog_row(w->out, name, "generation", snapshot_generation(c->snapshot));
    put_catalog_row(w->out, name, "sequence", sequence);
    put_catalog_row(w->out, name, "edition", c->edition);
    if (snapshot_usage(c->snapshot, &u) == STATUS_OK) {
        put_catalog_row(w->out, name, "segments", u.segments);
        put_catalog_row(w->out, name, "map_bytes", u.map_bytes);
        put_catalog_row(w->out, name, "used_bytes", u.used_bytes);
        put_catalog_row(w->out, name, "file_bytes", u.file_bytes);
        if (u.weight != WEIGHT_UNKNOWN)
            put_catalog_row(w->out, name, "product_bytes", u.weight);
        put_catalog_row(w->out, name, "readers", u.reader_count);
        put_catalog_row(w->out, name, "oldest_reader_lag", u.oldest_reader_lag);
    }
    snapshot_end(c->snapshot);
    if (!row)
        return;
    uint64_t logged = atomic_load(&row->logged), visible = atomic_load(&row->visible);
    put_catalog_row(w->out, name, "logged", logged);
    put_catalog_row(w->out, name, "visible", visible);
    put_catalog_row(w->out, name, "lag", logged > visible ? logged - visible : 0);
    put_catalog_row(w->out, name, "log_bytes", atomic_load(&row->log_bytes));
    put_catalog_row(w->out, name, "queued", atomic_load(&row->queued));
    put_catalog_row(w->out, name, "write_state", atomic_load(&row->write_state));
    stats_freshness_put(w->out, w->front->role->shared, row);
    stats_upstream_put(w->out, w->front->role->shared, row);
}

static void put_queues(struct buf *b, const struct admission *a)
{
    char name[64];
    for (int i = 0; i < QUEUE_COUNT; i++) {
        const struct admission_queue *q = &a->queues[i];
        const struct {
            const char *name;
            uint64_t value;
        } rows[] = {
            {"waiting", q->count},     {"limit", q->limit},    {"overloaded", q->overloaded},
            {"pressure", q->pressure}, {"served", q->served},  {"refused", q->refused},
            {"late", q->late},         {"dropped", q->dropped}};
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            snprintf(name, sizeof name, "queue.%s.%s", admission_name((enum admission_id)i),
                     rows[k].name);
            stats_row_put(b, name, "%" PRIu64, rows[k].value);
        }
    }
}

static void put_follow(struct buf *b, const struct shared_follow *w)
{
    bool follows = atomic_load(&w->following);
    stats_row_put(b, "follow.role", "%s", follows ? "follower" : "leader");
    stats_row_put(b, "follow.leader", "%s", follows ? w->leader : "");
    stats_row_put(b, "follow.state_name", "%s",
                  follow_state_name((enum follow_state)atomic_load(&w->state)));
#define FOLLOW_METRIC(metric, kind, divisor, value, help)                                          \
    stats_row_put(b, "follow." #metric, "%.15g", (double)(value) / (divisor));
#include "server/metrics.def"
}

static void put_keys(struct buf *b, const struct shared *s)
{
    char name[128];
    for (uint32_t i = 0; i < SHARED_KEYS; i++) {
        const struct shared_key *k = &s->keys[i];
        if (!atomic_load_explicit(&k->named, memory_order_acquire))
            continue;
#define KEY_METRIC(metric, kind, divisor, value, help)                                             \
    snprintf(name, sizeof name, "key.%s." #metric, k->name);                                       \
    stats_row_put(b, name, "%.15g", (double)(value) / (divisor));
#include "server/metrics.def"
    }
}

/* What the server was started with: a load report is worth little without it. */
static void put_config(struct buf *b, const struct config *c)
{
    char name[96];
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        snprintf(name, sizeof name, "config.%s", config_path((enum config_option)i));
        stats_row_put(b, name, "%s", config_text(c, (enum config_option)i));
    }
}

enum status handle_stats(struct front *f, struct request *rq, struct fault *fault)
{
    (void)fault;
    struct buf *b = &rq->conn->out;
    struct shared *s = f->role->shared;
    pass_publish(f);
    size_t at = reply_begin(rq);
    stats_row_put(b, "server.version", SOUK_VERSION);
    stats_row_put(b, "server.clock_steps", "%" PRIu64, atomic_load(&s->clock_steps));
    stats_row_put(b, "server.clock_skew_ms", "%" PRId64, atomic_load(&s->clock_skew_ms));
    stats_row_put(b, "server.uptime_ms", "%" PRId64, clock_mono_ms() - s->mono_anchor_ms);
    stats_row_put(b, "server.writer_ready", "%u", atomic_load(&s->writer_ready));
    stats_row_put(b, "server.answered_by", "%s.%u", role_name(f->role->role), f->role->number);
    for (uint32_t i = 0; i < s->process_count; i++)
        put_process(b, &s->processes[i], i);
    put_queues(b, &f->admission);
    stats_row_put(b, "front.memory_state", "%u", f->memory);
    stats_row_put(b, "front.memory_used", "%zu", f->memory_used);
    stats_row_put(b, "front.busy_percent", "%u", f->busy_percent);
    stats_row_put(b, "front.awake_ms", "%" PRId64, f->spin.spun_us / 1000);
    stats_row_put(b, "front.awake_pauses", "%" PRIu64, f->spin.pauses);
    stats_row_put(b, "front.refusing_percent", "%u", f->refusing.percent);
    stats_row_put(b, "front.refusing_ms", "%" PRId64, f->refusing.ever_us / 1000);
    stats_row_put(b, "front.reads_put_off", "%" PRIu64, f->refusing.held_off);
    stats_row_put(b, "front.limited_connections", "%" PRIu64, f->limited_conns);
    stats_row_put(b, "front.limited_clients", "%" PRIu64, f->limited_clients);
    stats_row_put(b, "front.cancelled", "%" PRIu64, f->cancelled);
    stats_row_put(b, "front.cut_slow", "%" PRIu64, f->cut_slow);
    stats_row_put(b, "front.cut_idle", "%" PRIu64, f->cut_idle);
    cached_search_stats(f, b);
    put_follow(b, &s->follow);
    put_keys(b, s);
    put_config(b, f->role->config);
    struct stats_walk walk = {f, rq->conn->key, b};
    catalogs_list(f->role->data_dir, put_catalog, &walk);
    reply_end(rq, at);
    return STATUS_OK;
}
