/*
 * writer - the one process that changes anything.
 *
 * A turn of its loop: take requests, decide them, append them to the logs; before it waits again,
 * sync every log that has something new (one fdatasync for all that came), answer, and hand the
 * records to the apply thread. While a sync runs the next group collects in the sockets.
 */
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "protocol/reply.h"
#include "server/apply.h"
#include "server/evict.h"
#include "server/role.h"
#include "server/writer_conn.h"

enum {
    QUEUE_BYTES = 64 << 20,
    RETRY_LEAST_MS = 5,
    RETRY_MS = 50,
    NO_SPACE_RETRY_MS = 1000,
    LEASES = 1 << 18
};

/* An answer that waits for the log (then `job` is set) or for the index. */
struct answer {
    struct answer *next;
    struct writer_catalog *catalog;
    struct job *job;
    uint64_t conn, sequence;
    struct frame to;
    enum put_ack ack;
    bool control;
    struct buf body;
};

struct writer {
    struct role_context *role;
    struct loop *loop;
    struct writer_conns *conns;
    struct apply *apply;
    struct writer_catalog *catalogs[SHARED_CATALOGS];
    uint32_t count;
    struct answer *unsynced, **unsynced_end; /* in order */
    struct answer *unseen;
    struct arena arena;
    struct buf items, payload, reply;
    int64_t pruned_ms;
};

/* --- answers ---------------------------------------------------------------------------------- */

static void refuse(struct writer *w, uint64_t conn, const struct frame *to, enum status st,
                   const char *text)
{
    struct fault f = {0};
    fault_set(&f, st, NULL, "%s", text ? text : status_text(st));
    if (st == STATUS_OVERLOADED)
        f.retry_after_ms = RETRY_MS;
    if (st == STATUS_NO_SPACE)
        f.retry_after_ms = NO_SPACE_RETRY_MS;
    writer_conns_error(w->conns, conn, to, &f);
}

/* The queue is full: come back when about half of it will be through. */
static void refuse_full(struct writer *w, uint64_t conn, const struct frame *to,
                        const struct writer_catalog *c)
{
    struct fault f = {0};
    uint64_t speed = c->items_per_s, ms = speed ? c->waiting_items * 500 / speed : RETRY_MS;
    fault_set(&f, STATUS_OVERLOADED, NULL, "%" PRIu64 " changes wait to be applied",
              (uint64_t)c->waiting_items);
    f.retry_after_ms = (uint32_t)(ms < RETRY_LEAST_MS ? RETRY_LEAST_MS : ms > 1000 ? 1000 : ms);
    writer_conns_error(w->conns, conn, to, &f);
}

static void free_answer(struct answer *a)
{
    if (a->job)
        job_destroy(&a->job);
    buf_fini(&a->body);
    free(a);
}

static void tell(struct writer *w, struct answer *a)
{
    enum status st = a->control ? (enum status)a->catalog->control_status : STATUS_OK;
    if (a->control)
        a->catalog->control = false;
    if (st)
        refuse(w, a->conn, &a->to, st, NULL);
    else
        writer_conns_reply(w->conns, a->conn, &a->to, buf_slice(&a->body));
    free_answer(a);
}

static void tell_seen(struct writer *w)
{
    for (struct answer **at = &w->unseen; *at;) {
        struct answer *a = *at;
        bool seen = a->catalog->visible >= a->sequence;
        if (!seen && !a->catalog->failed) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        if (seen) {
            tell(w, a);
            continue;
        }
        refuse(w, a->conn, &a->to, STATUS_READ_ONLY, NULL);
        free_answer(a);
    }
}

/* --- the log ---------------------------------------------------------------------------------- */

static void stop_catalog(struct writer_catalog *c, enum status st)
{
    if (c->failed)
        return;
    fprintf(stderr, "writer: catalog %s takes no more changes: the event log: %s\n", c->name,
            status_text(st));
    c->failed = st;
    c->row->write_state = WRITE_SAFE_MODE;
}

static void sync_logs(struct writer *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        struct writer_catalog *c = w->catalogs[i];
        if (!c->unsynced)
            continue;
        c->unsynced = false;
        enum status st = event_log_sync(c->log);
        if (st)
            stop_catalog(c, st);
        else
            c->row->logged = event_log_last(c->log);
    }
}

/* Ends a turn: what came is made durable, told, and handed on. */
static void settle(struct writer *w)
{
    struct answer *a = w->unsynced;
    if (a)
        sync_logs(w);
    w->unsynced = NULL;
    w->unsynced_end = &w->unsynced;
    while (a) {
        struct answer *next = a->next;
        if (a->catalog->failed) {
            refuse(w, a->conn, &a->to, STATUS_READ_ONLY, NULL);
            free_answer(a);
        } else {
            apply_push(w->apply, a->job);
            a->job = NULL;
            if (a->ack == ACK_VISIBLE) {
                a->next = w->unseen;
                w->unseen = a;
            } else
                tell(w, a);
        }
        a = next;
    }
}

static void end_turn(void *ctx)
{
    struct writer *w = ctx;
    settle(w);
    writer_conns_flush(w->conns);
}

static struct answer *answer_create(struct writer *w, uint64_t conn, const struct frame *to,
                                    struct writer_catalog *c, struct slice body)
{
    struct answer *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    *a = (struct answer){.catalog = c, .conn = conn, .to = *to};
    buf_put_slice(&a->body, body);
    if (a->body.failed) {
        free_answer(a);
        refuse(w, conn, to, STATUS_NO_MEMORY, NULL);
        return NULL;
    }
    return a;
}

/* Appends one record; its answer is told after the sync. */
static enum status log_it(struct writer *w, struct answer *a, uint32_t type, struct slice payload,
                          uint64_t sequence, uint64_t items)
{
    struct writer_catalog *c = a->catalog;
    struct log_record r = {sequence, type, payload};
    enum status st = job_create(c, &r, items, &a->job);
    st = st ? st : event_log_append(c->log, sequence, type, payload);
    if (st) {
        if (event_log_failed(c->log))
            stop_catalog(c, st);
        return st;
    }
    a->sequence = sequence;
    c->unsynced = true;
    *w->unsynced_end = a;
    w->unsynced_end = &a->next;
    return STATUS_OK;
}

/* --- PUT -------------------------------------------------------------------------------------- */

static struct writer_catalog *catalog_of(struct writer *w, struct slice name)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (slice_equal(slice_str(w->catalogs[i]->name), name))
            return w->catalogs[i];
    return NULL;
}

static enum status may_write(struct writer *w, struct writer_catalog *c)
{
    if (!c)
        return STATUS_UNKNOWN_CATALOG;
    if (c->failed || !c->log)
        return STATUS_READ_ONLY;
    if (c->row->write_state == WRITE_NO_SPACE)
        return STATUS_NO_SPACE;
    if (c->waiting_items >= config_number(w->role->config, OPTION_LOG_QUEUE) ||
        c->waiting_bytes >= QUEUE_BYTES)
        return STATUS_OVERLOADED;
    return STATUS_OK;
}

static void count_item(struct put_reply *r, struct buf *results, uint32_t item, enum status st)
{
    struct put_result one = {.item = item, .status = st};
    if (st == STATUS_OK) {
        r->applied++;
        return;
    }
    if (st == STATUS_AGAIN) {
        r->ignored++;
        one.text = SLICE_LIT("older than what is stored; ignored");
    } else {
        r->failed++;
        one.text = slice_str(status_text(st));
    }
    put_result_encode(results, &one);
}

/* MOVED when the product changed since the fetcher asked for it. */
static enum status decide_one(struct writer_catalog *c, const struct put_item *item,
                              uint64_t sequence)
{
    struct document d;
    enum status st = STATUS_OK;
    if (item->key.len)
        return STATUS_UNSUPPORTED;
    if (document_begin(&d, item->document))
        return STATUS_INVALID;
    if (item->lease && !c->leases)
        st = lease_create(LEASES, event_log_last(c->log), &c->leases);
    if (!st && item->lease && !lease_holds(c->leases, d.id, item->lease - 1))
        st = STATUS_MOVED;
    st = st ? st : decide(c->pending, c->snapshot, item, sequence);
    if (!st && c->leases)
        lease_note(c->leases, d.id, sequence);
    return st;
}

/* Decides every item: accepted ones go to w->items, results to w->reply. */
static enum status decide_all(struct writer *w, struct writer_catalog *c,
                              const struct put_request *p, struct put_reply *r)
{
    struct buf results = BUF_INIT;
    uint64_t next = event_log_last(c->log) + 1;
    enum status st = snapshot_begin(c->snapshot);
    if (st)
        return st;
    buf_clear(&w->items);
    pending_mark(c->pending);
    for (uint32_t i = 0; !st && i < p->item_count; i++) {
        const struct put_item *item = &p->items[i];
        enum status one = decide_one(c, item, next + r->applied);
        if (one && one != STATUS_AGAIN && one != STATUS_MOVED &&
            status_class(one) != STATUS_CLASS_CLIENT)
            st = one;
        else if (one == STATUS_OK)
            put_item_encode(item, &w->items);
        count_item(r, &results, i, one);
    }
    if (p->cursor_of.len)
        put_cursor_encode(p->cursor_of, p->cursor, &w->items);
    snapshot_end(c->snapshot);
    /* a bulk of which nothing counts takes one sequence all the same: its key must be kept */
    r->sequence = next - 1 + (r->applied ? r->applied : 1);
    buf_clear(&w->reply);
    put_reply_encode(&w->reply, r);
    buf_put_slice(&w->reply, buf_slice(&results));
    st = st || !(results.failed || w->reply.failed || w->items.failed) ? st : STATUS_NO_MEMORY;
    buf_fini(&results);
    return st;
}

/* True when the request was answered from the first time. */
static bool replay_answer(struct writer *w, uint64_t conn, const struct frame *f,
                          struct writer_catalog *c, const struct put_request *p, uint8_t *hash)
{
    if (!p->key.len)
        return false;
    int64_t oldest =
        shared_now_ms(w->role->shared) - (int64_t)config_number(w->role->config, OPTION_LOG_WINDOW);
    idempotency_hash(f->body, hash);
    buf_clear(&w->reply);
    enum status st =
        idempotency_find(c->keys, c->index, p->key, slice_make(hash, BODY_HASH), oldest, &w->reply);
    if (st == STATUS_NOT_FOUND)
        return false;
    if (st) {
        refuse(w, conn, f, st, NULL);
        return true;
    }
    tlv_put_u64(&w->reply, TAG_PUT_REPLAYED, 1);
    struct put_reply first;
    struct answer *a = NULL;
    if (!put_reply_decode(buf_slice(&w->reply), &w->arena, &first))
        a = answer_create(w, conn, f, c, buf_slice(&w->reply));
    if (!a) {
        refuse(w, conn, f, STATUS_NO_MEMORY, NULL);
        return true;
    }
    a->sequence = p->ack == ACK_VISIBLE || c->unsynced ? first.sequence : 0;
    /* while the first one may be in this turn's group, visible stands for durable */
    a->next = w->unseen;
    w->unseen = a;
    tell_seen(w);
    return true;
}

static enum status log_changes(struct writer *w, struct answer *a, const struct put_request *p,
                               const struct put_reply *r, uint64_t items, const uint8_t *hash)
{
    struct log_changes head = {.accepted_ms = shared_now_ms(w->role->shared),
                               .key = p->key,
                               .hash = slice_make(hash, BODY_HASH),
                               .reply = buf_slice(&w->reply)};
    buf_clear(&w->payload);
    log_changes_begin(&w->payload, &head);
    buf_put_slice(&w->payload, buf_slice(&w->items));
    if (w->payload.failed)
        return STATUS_NO_MEMORY;
    enum status st =
        log_it(w, a, LOG_CHANGES, buf_slice(&w->payload), r->sequence, items ? items : 1);
    if (!st && p->key.len && idempotency_note(a->catalog->keys, &head, r->sequence))
        fprintf(stderr, "writer: out of memory for an idempotency key\n");
    return st;
}

static void on_put(struct writer *w, uint64_t conn, const struct frame *f)
{
    struct put_request p;
    struct fault fault = {0};
    uint8_t hash[BODY_HASH] = {0};
    if (put_request_decode(f->body, &w->arena, &p, &fault)) {
        writer_conns_error(w->conns, conn, f, &fault);
        return;
    }
    struct writer_catalog *c = catalog_of(w, p.catalog);
    enum status st = may_write(w, c);
    for (uint32_t i = 0; i < p.item_count && !st; i++)
        if (p.items[i].op == PUT_UPSERT || p.items[i].op == PUT_PATCH)
            st = evict_admits(c);
    /* A full queue or disk does not matter to what was taken in before; what a failed sync left
     * in the table of keys does: it counts for nothing. */
    bool passing = st == STATUS_OVERLOADED || st == STATUS_NO_SPACE;
    if ((!st || passing) && replay_answer(w, conn, f, c, &p, hash))
        return;
    if (st) {
        if (st == STATUS_OVERLOADED)
            refuse_full(w, conn, f, c);
        else
            refuse(w, conn, f, st, NULL);
        return;
    }
    struct put_reply r = {0};
    struct answer *a = NULL;
    uint32_t gone = 0;
    st = decide_all(w, c, &p, &r);
    if (!st && r.applied) /* a full catalog gives up as many as come */
        st = evict_surplus(c, r.sequence, (uint32_t)r.applied, &w->items, &gone);
    if (!st && !r.applied && !p.key.len && !p.cursor_of.len) { /* nothing to log */
        writer_conns_reply(w->conns, conn, f, buf_slice(&w->reply));
        return;
    }
    if (!st && (a = answer_create(w, conn, f, c, buf_slice(&w->reply)))) {
        a->ack = p.ack;
        st = log_changes(w, a, &p, &r, r.applied + gone, hash);
    }
    if (st) {
        pending_undo(c->pending);
        refuse(w, conn, f, st, NULL);
        if (a)
            free_answer(a);
        return;
    }
    evict_grown(c, r.applied, w->payload.len);
    c->row->freshness.evicted_size += gone;
    if (a && p.ack == ACK_QUEUED) {
        writer_conns_reply(w->conns, conn, f, buf_slice(&a->body));
        a->conn = 0;
    }
}

/* --- eviction --------------------------------------------------------------------------------- */

static enum status log_evicted(struct writer *w, struct writer_catalog *c, uint64_t sequence,
                               uint32_t count)
{
    const struct frame nobody = {0};
    struct log_changes head = {.accepted_ms = shared_now_ms(w->role->shared)};
    struct answer *a = answer_create(w, 0, &nobody, c, SLICE_NULL);
    buf_clear(&w->payload);
    log_changes_begin(&w->payload, &head);
    buf_put_slice(&w->payload, buf_slice(&w->items));
    enum status st = !a || w->payload.failed
                         ? STATUS_NO_MEMORY
                         : log_it(w, a, LOG_CHANGES, buf_slice(&w->payload), sequence, count);
    if (st && a)
        free_answer(a);
    return st;
}

/* What the catalog gives up by itself now, if anything. */
static void evict_turn(struct writer *w, struct writer_catalog *c)
{
    const struct config *config = w->role->config;
    struct evict_limits l = {.per_second = config_number(config, OPTION_EVICT_RATE),
                             .keep_ms = (int64_t)config_number(config, OPTION_EVICT_KEEP)};
    uint32_t surplus = 0, expired = 0;
    if (!c->log || c->failed || c->row->write_state != WRITE_OPEN || !evict_may_go_on(c))
        return;
    uint64_t sequence = event_log_last(c->log) + 1;
    buf_clear(&w->items);
    pending_mark(c->pending);
    enum status st = evict_surplus(c, sequence, EVICT_BATCH, &w->items, &surplus);
    if (!st && !surplus && !(shared_safe_mode_now(c->row) & (SAFE_UPSTREAM | SAFE_BY_HAND)))
        st = evict_expired(c, &l, shared_now_ms(w->role->shared), sequence, &w->items, &expired);
    if (!st && surplus + expired)
        st = log_evicted(w, c, sequence, surplus + expired);
    if (st) {
        pending_undo(c->pending);
        return;
    }
    if (!(surplus + expired))
        return;
    evict_grown(c, 0, 0);
    evict_logged(c, sequence, surplus + expired);
    c->row->freshness.evicted_size += surplus;
    if (expired)
        c->row->freshness.evicted_ttl += expired - evict_own(c);
}

/* --- CATALOG ---------------------------------------------------------------------------------- */

static void catalog_body(struct buf *out, const struct writer_catalog *c, uint64_t sequence)
{
    buf_clear(out);
    tlv_put(out, TAG_CATALOG_NAME, slice_str(c->name));
    tlv_put_u64(out, TAG_CATALOG_SEQUENCE, sequence);
    tlv_put_u64(out, TAG_CATALOG_EDITION, c->row->edition);
}

static enum status push_record(void *ctx, const struct log_record *r);
struct replay {
    struct writer *w;
    struct writer_catalog *c;
};

static enum status open_catalog(struct writer *w, struct slice name, struct fault *fault)
{
    struct writer_catalog *c;
    char path[PATH_MAX];
    if (w->count == SHARED_CATALOGS)
        return fault_set(fault, STATUS_TOO_LARGE, NULL, "there are too many catalogs");
    enum status st = writer_catalog_open(&c, w->role->data_dir, w->role->shared, name,
                                         config_number(w->role->config, OPTION_MAP), fault);
    if (st)
        return st;
    c->window_ms = config_number(w->role->config, OPTION_LOG_WINDOW);
    w->catalogs[w->count++] = c;
    struct replay replay = {w, c};
    if (c->log && catalog_log_path(path, sizeof path, w->role->data_dir, name) &&
        (st = event_log_replay(path, c->visible, push_record, &replay, fault)))
        stop_catalog(c, st);
    w->role->shared->catalog_epoch++;
    return STATUS_OK;
}

/* What was decided and is not applied counts for the next decisions, also while a full disk keeps
 * it from being applied. */
static enum status note_decided(struct writer *w, struct writer_catalog *c,
                                const struct log_record *r)
{
    struct log_changes changes;
    if (r->type != LOG_CHANGES)
        return STATUS_OK;
    arena_reset(&w->arena);
    enum status st = log_changes_decode(r->payload, &w->arena, &changes);
    for (uint32_t i = 0; i < changes.item_count && !st; i++)
        st = pending_replay(c->pending, &changes.items[i], r->sequence);
    if (!st && changes.key.len)
        st = idempotency_note(c->keys, &changes, r->sequence);
    return st;
}

/* Replay: waits while the apply thread has plenty. */
static enum status push_record(void *ctx, const struct log_record *r)
{
    struct replay *p = ctx;
    struct job *j;
    while (p->c->waiting_bytes > QUEUE_BYTES && !p->c->failed) {
        shared_beat(p->w->role->self);
        usleep(5000);
    }
    enum status st = note_decided(p->w, p->c, r);
    st = st ? st : job_create(p->c, r, 1, &j);
    if (!st)
        apply_push(p->w->apply, j);
    return st;
}

static void wait_replayed(struct writer *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        struct writer_catalog *c = w->catalogs[i];
        while (c->log && !c->failed && c->row->write_state != WRITE_NO_SPACE &&
               c->visible < event_log_last(c->log)) {
            shared_beat(w->role->self);
            usleep(2000);
        }
    }
}

static void create(struct writer *w, uint64_t conn, const struct frame *f,
                   const struct catalog_request *q)
{
    struct fault fault = {0};
    struct schema *schema = NULL;
    enum status st = schema_decode(q->schema, &schema, &fault);
    st = st ? st
            : writer_catalog_create(w->role->data_dir, q->name, schema,
                                    config_number(w->role->config, OPTION_MAP), &fault);
    st = st ? st : open_catalog(w, q->name, &fault);
    schema_destroy(&schema);
    if (st) {
        if (!fault.status)
            fault_set(&fault, st, NULL, "%s", status_text(st));
        writer_conns_error(w->conns, conn, f, &fault);
        return;
    }
    catalog_body(&w->reply, catalog_of(w, q->name), 0);
    writer_conns_reply(w->conns, conn, f, buf_slice(&w->reply));
}

static void drop(struct writer *w, uint64_t conn, const struct frame *f, struct writer_catalog *c)
{
    struct shared_catalog *row = c->row;
    char name[SHARED_NAME + 1];
    settle(w);
    memcpy(name, c->name, sizeof name);
    apply_leave(w->apply, c);
    if (!c->failed) /* answers that wait for it end here */
        c->failed = STATUS_UNKNOWN_CATALOG;
    tell_seen(w);
    for (uint32_t i = 0; i < w->count; i++)
        if (w->catalogs[i] == c)
            w->catalogs[i] = w->catalogs[--w->count];
    struct index *fresh = atomic_exchange(&c->fresh, NULL);
    (void)fresh; /* the same as c->applying, which is closed with the rest */
    catalog_body(&w->reply, c, c->visible);
    writer_catalog_close(&c);
    enum status st = writer_catalog_remove(w->role->data_dir, slice_str(name));
    for (uint64_t edition = 0; edition < 2; edition++)
        shared_pages_wipe(ROLE_FD_SHARED, w->role->shared, row, edition);
    shared_catalog_release(w->role->shared, row);
    w->role->shared->catalog_epoch++;
    if (st)
        refuse(w, conn, f, st, NULL);
    else
        writer_conns_reply(w->conns, conn, f, buf_slice(&w->reply));
}

/* ALTER, SET and REBUILD are records in the log and answered when they are visible. */
static void log_control(struct writer *w, uint64_t conn, const struct frame *f,
                        struct writer_catalog *c, const struct catalog_request *q)
{
    struct log_setting setting = {q->kind, q->key, q->value};
    uint64_t sequence = event_log_last(c->log) + 1;
    bool control = q->action != CATALOG_SET;
    uint32_t type = q->action == CATALOG_SET     ? LOG_SETTING
                    : q->action == CATALOG_ALTER ? LOG_SCHEMA
                                                 : LOG_REBUILD;
    if (control && c->control) {
        refuse(w, conn, f, STATUS_IN_PROGRESS, NULL);
        return;
    }
    buf_clear(&w->payload);
    if (type == LOG_SETTING)
        log_setting_encode(&w->payload, &setting);
    else if (type == LOG_SCHEMA)
        buf_put_slice(&w->payload, q->schema);
    catalog_body(&w->reply, c, sequence);
    struct answer *a = answer_create(w, conn, f, c, buf_slice(&w->reply));
    if (!a)
        return;
    a->ack = ACK_VISIBLE;
    a->control = control;
    enum status st = log_it(w, a, type, buf_slice(&w->payload), sequence, 1);
    if (st) {
        refuse(w, conn, f, st, NULL);
        free_answer(a);
    } else if (control)
        c->control = true;
}

/* --- safe mode -------------------------------------------------------------------------------- */

/* Logs one of the settings of safe mode; `on` with its reason, else it is removed. */
static void log_safe_mode(struct writer *w, uint64_t conn, const struct frame *f,
                          struct writer_catalog *c, uint32_t bit, bool on, struct slice reason)
{
    struct buf value = BUF_INIT;
    uint64_t sequence = event_log_last(c->log) + 1;
    if (on)
        safe_mode_encode(&value, shared_now_ms(w->role->shared), reason);
    struct log_setting setting = {SLICE_LIT(SAFE_MODE_KIND), safe_mode_key(bit), buf_slice(&value)};
    buf_clear(&w->payload);
    log_setting_encode(&w->payload, &setting);
    buf_clear(&w->reply);
    tlv_put_u64(&w->reply, TAG_SAFE_MODE_SEQUENCE, sequence);
    struct answer *a = answer_create(w, conn, f, c, buf_slice(&w->reply));
    enum status st = value.failed || w->payload.failed || !a
                         ? STATUS_NO_MEMORY
                         : log_it(w, a, LOG_SETTING, buf_slice(&w->payload), sequence, 1);
    buf_fini(&value);
    if (!st) {
        a->ack = ACK_VISIBLE;
    } else if (a) {
        refuse(w, conn, f, st, NULL);
        free_answer(a);
    }
}

static void on_safe_mode(struct writer *w, uint64_t conn, const struct frame *f)
{
    struct safe_mode_request q;
    struct fault fault = {0};
    if (safe_mode_request_decode(f->body, &q, &fault)) {
        writer_conns_error(w->conns, conn, f, &fault);
        return;
    }
    struct writer_catalog *c = catalog_of(w, q.catalog);
    enum status st = q.action == SAFE_MODE_STATUS ? STATUS_UNSUPPORTED : may_write(w, c);
    if (st)
        refuse(w, conn, f, st, NULL);
    else
        log_safe_mode(w, conn, f, c, SAFE_BY_HAND, q.action == SAFE_MODE_ON, q.reason);
}

/* The settings as they are now, into what every process sees. */
static void safe_mode_follow(struct writer *w, struct writer_catalog *c)
{
    struct safe_mode_stored stored;
    (void)w;
    if (snapshot_begin(c->snapshot))
        return;
    uint64_t settings = snapshot_settings_sequence(c->snapshot) + 1;
    if (settings != c->safe_settings && safe_mode_read(c->snapshot, &stored) == STATUS_OK) {
        if (!c->safe_settings) /* as it was before the writer came */
            c->safe.on = stored.bits & SAFE_UPSTREAM;
        c->safe_settings = settings;
        c->safe_stored = stored.bits;
        c->row->freshness.safe_since = stored.since_ms;
    }
    snapshot_end(c->snapshot);
    /* the upstream's state counts at once, its setting is on its way */
    c->row->freshness.safe_mode =
        (c->safe_stored & SAFE_BY_HAND) | (c->safe.on ? SAFE_UPSTREAM : 0);
}

static void safe_mode_turn(struct writer *w, struct writer_catalog *c)
{
    const struct config *config = w->role->config;
    const struct safe_mode_times t = {(int64_t)config_number(config, OPTION_SAFE_ENTER),
                                      (int64_t)config_number(config, OPTION_SAFE_LEAVE)};
    const struct frame nobody = {0};
    enum upstream_state state = shared_upstream_now(w->role->shared, c->row);
    if (!c->safe_settings)
        safe_mode_follow(w, c);
    if (!safe_mode_step(&c->safe, state, clock_mono_ms(), &t))
        return;
    fprintf(stderr, "writer: catalog %s: safe mode %s: the upstream is %s\n", c->name,
            c->safe.on ? "on" : "off", upstream_state_name(state));
    safe_mode_follow(w, c);
    if (!may_write(w, c))
        log_safe_mode(w, 0, &nobody, c, SAFE_UPSTREAM, c->safe.on,
                      SLICE_LIT("every provider is open"));
}

static void on_catalog(struct writer *w, uint64_t conn, const struct frame *f)
{
    struct catalog_request q;
    struct fault fault = {0};
    if (catalog_request_decode(f->body, &q, &fault)) {
        writer_conns_error(w->conns, conn, f, &fault);
        return;
    }
    struct writer_catalog *c = catalog_of(w, q.name);
    struct schema *schema = NULL;
    enum status st = STATUS_OK;
    if (q.action == CATALOG_CREATE) {
        create(w, conn, f, &q);
        return;
    }
    if (q.action == CATALOG_DROP) {
        if (c)
            drop(w, conn, f, c);
        else
            refuse(w, conn, f, STATUS_UNKNOWN_CATALOG, NULL);
        return;
    }
    if (q.action == CATALOG_ALTER && (st = schema_decode(q.schema, &schema, &fault))) {
        writer_conns_error(w->conns, conn, f, &fault);
        return;
    }
    schema_destroy(&schema);
    if (q.action != CATALOG_ALTER && q.action != CATALOG_SET && q.action != CATALOG_REBUILD)
        st = STATUS_UNSUPPORTED;
    st = st ? st : may_write(w, c);
    if (st)
        refuse(w, conn, f, st, NULL);
    else
        log_control(w, conn, f, c, &q);
}

static void on_frame(void *ctx, uint64_t conn, const struct frame *f)
{
    struct writer *w = ctx;
    arena_reset(&w->arena);
    if (f->opcode == OP_PUT)
        on_put(w, conn, f);
    else if (f->opcode == OP_CATALOG)
        on_catalog(w, conn, f);
    else if (f->opcode == OP_SAFE_MODE)
        on_safe_mode(w, conn, f);
    else if (f->opcode == OP_PING)
        writer_conns_reply(w->conns, conn, f, f->body);
    else
        refuse(w, conn, f, STATUS_UNSUPPORTED, NULL);
}

/* --- the process ------------------------------------------------------------------------------ */

static void on_wake(void *ctx)
{
    struct writer *w = ctx;
    for (uint32_t i = 0; i < w->count; i++) {
        enum status st = writer_catalog_follow(w->catalogs[i]);
        if (st)
            stop_catalog(w->catalogs[i], st);
        else
            safe_mode_follow(w, w->catalogs[i]);
    }
    tell_seen(w);
    for (uint32_t i = 0; i < w->count; i++)
        evict_turn(w, w->catalogs[i]);
}

static void census_turn(struct writer *w, struct writer_catalog *c)
{
    struct moment m = moment_now(w->role->shared, c->row);
    if (snapshot_begin(c->snapshot))
        return;
    census_step(&c->census, c->snapshot, &m, &c->row->freshness);
    snapshot_end(c->snapshot);
}

static void on_beat(void *ctx)
{
    struct writer *w = ctx;
    int64_t now = shared_now_ms(w->role->shared);
    shared_beat(w->role->self);
    for (uint32_t i = 0; i < w->count; i++) {
        safe_mode_turn(w, w->catalogs[i]);
        census_turn(w, w->catalogs[i]);
        evict_turn(w, w->catalogs[i]);
    }
    if (now - w->pruned_ms < 10000)
        return;
    w->pruned_ms = now;
    for (uint32_t i = 0; i < w->count; i++) {
        struct writer_catalog *c = w->catalogs[i];
        c->window_ms = config_number(w->role->config, OPTION_LOG_WINDOW);
        writer_catalog_tidy(c, now);
        if (!c->log)
            continue;
        uint64_t applied = c->compacting && c->log_keep < c->visible ? c->log_keep : c->visible;
        event_log_prune(c->log, applied, config_number(w->role->config, OPTION_LOG_WINDOW) / 1000);
        c->row->log_bytes = event_log_bytes(c->log);
    }
}

static void on_term(void *ctx)
{
    loop_stop(ctx);
}

static void on_hup(void *ctx)
{
    struct writer *w = ctx;
    role_reload(w->role);
}

static void open_each(void *ctx, struct slice name)
{
    struct writer *w = ctx;
    struct fault fault = {0};
    enum status st = open_catalog(w, name, &fault);
    if (st)
        fprintf(stderr, "writer: catalog %.*s cannot be opened: %s\n", (int)name.len, name.ptr,
                fault.text[0] ? fault.text : status_text(st));
}

static enum status start(struct writer *w)
{
    char path[PATH_MAX];
    enum status st = loop_create(&w->loop);
    st = st ? st : apply_create(w->loop, &w->apply);
    st = st ? st : loop_on_wake(w->loop, on_wake, w);
    st = st ? st : catalogs_list(w->role->data_dir, open_each, w);
    if (st)
        return st;
    wait_replayed(w);
    on_wake(w);
    if (!role_writer_socket(w->role, path, sizeof path))
        return STATUS_TOO_LARGE;
    st = writer_conns_create(w->loop, path, on_frame, w, &w->conns);
    st = st ? st : loop_before_wait(w->loop, end_turn, w);
    st = st ? st : loop_signal(w->loop, SIGTERM, on_term, w->loop);
    st = st ? st : loop_signal(w->loop, SIGHUP, on_hup, w);
    return st ? st : loop_signal(w->loop, SIGINT, on_term, w->loop);
}

int writer_main(struct role_context *r)
{
    struct writer w = {.role = r};
    w.unsynced_end = &w.unsynced;
    arena_init(&w.arena, 0);
    enum status st = start(&w);
    struct loop_timer *beat = st ? NULL : loop_timer_create(w.loop, 0, 100, on_beat, &w);
    if (beat) {
        r->shared->writer_ready = 1;
        loop_run(w.loop);
        r->shared->writer_ready = 0;
        end_turn(&w);
        loop_timer_destroy(&beat);
    } else
        fprintf(stderr, "writer: cannot start: %s\n", status_text(st));
    apply_destroy(&w.apply);
    writer_conns_destroy(&w.conns);
    for (struct answer *a = w.unseen; a;) {
        struct answer *next = a->next;
        free_answer(a);
        a = next;
    }
    for (uint32_t i = 0; i < w.count; i++)
        writer_catalog_close(&w.catalogs[i]);
    arena_fini(&w.arena);
    buf_fini(&w.items);
    buf_fini(&w.payload);
    buf_fini(&w.reply);
    loop_destroy(&w.loop);
    return st ? 1 : 0;
}
