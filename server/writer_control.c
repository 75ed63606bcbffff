/* Catalogs as a whole: opened and replayed, made, dropped, altered, set. */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/writer_private.h"

/* --- CATALOG ---------------------------------------------------------------------------------- */

void writer_catalog_body(struct buf *out, const struct writer_catalog *c, uint64_t sequence)
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

enum status writer_open_catalog(struct writer *w, struct slice name, struct fault *fault)
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
        writer_stop_catalog(c, st);
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

void writer_wait_replayed(struct writer *w)
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
                                    w->role->shared->edition_floor + 1,
                                    config_number(w->role->config, OPTION_MAP), &fault);
    st = st ? st : writer_open_catalog(w, q->name, &fault);
    schema_destroy(&schema);
    if (st) {
        if (!fault.status)
            fault_set(&fault, st, NULL, "%s", status_text(st));
        writer_conns_error(w->conns, conn, f, &fault);
        return;
    }
    writer_catalog_body(&w->reply, writer_find(w, q->name), 0);
    writer_conns_reply(w->conns, conn, f, buf_slice(&w->reply));
}

static void drop(struct writer *w, uint64_t conn, const struct frame *f, struct writer_catalog *c)
{
    struct shared_catalog *row = c->row;
    char name[SHARED_NAME + 1];
    writer_settle(w);
    memcpy(name, c->name, sizeof name);
    apply_leave(w->apply, c);
    if (!c->failed) /* answers that wait for it end here */
        c->failed = STATUS_UNKNOWN_CATALOG;
    writer_tell_seen(w);
    for (uint32_t i = 0; i < w->count; i++)
        if (w->catalogs[i] == c)
            w->catalogs[i] = w->catalogs[--w->count];
    struct index *fresh = atomic_exchange(&c->fresh, NULL);
    (void)fresh; /* the same as c->applying, which is closed with the rest */
    writer_catalog_body(&w->reply, c, c->visible);
    writer_catalog_close(&c);
    enum status st = writer_catalog_remove(w->role->data_dir, slice_str(name));
    for (uint64_t edition = 0; edition < 2; edition++)
        shared_pages_wipe(ROLE_FD_SHARED, w->role->shared, row, edition);
    if (row->edition > w->role->shared->edition_floor)
        w->role->shared->edition_floor = (uint64_t)row->edition;
    shared_catalog_release(w->role->shared, row);
    w->role->shared->catalog_epoch++;
    if (st)
        writer_refuse(w, conn, f, st, NULL);
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
        writer_refuse(w, conn, f, STATUS_IN_PROGRESS, NULL);
        return;
    }
    buf_clear(&w->payload);
    if (type == LOG_SETTING)
        log_setting_encode(&w->payload, &setting);
    else if (type == LOG_SCHEMA)
        buf_put_slice(&w->payload, q->schema);
    writer_catalog_body(&w->reply, c, sequence);
    struct answer *a = answer_create(w, conn, f, c, buf_slice(&w->reply));
    if (!a)
        return;
    a->ack = ACK_VISIBLE;
    a->control = control;
    enum status st = writer_log(w, a, type, buf_slice(&w->payload), sequence, 1);
    if (st) {
        writer_refuse(w, conn, f, st, NULL);
        answer_free(a);
    } else if (control)
        c->control = true;
}

void writer_on_catalog(struct writer *w, uint64_t conn, const struct frame *f)
{
    struct catalog_request q;
    struct fault fault = {0};
    if (catalog_request_decode(f->body, &q, &fault)) {
        writer_conns_error(w->conns, conn, f, &fault);
        return;
    }
    struct writer_catalog *c = writer_find(w, q.name);
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
            writer_refuse(w, conn, f, STATUS_UNKNOWN_CATALOG, NULL);
        return;
    }
    if (q.action == CATALOG_ALTER && (st = schema_decode(q.schema, &schema, &fault))) {
        writer_conns_error(w->conns, conn, f, &fault);
        return;
    }
    schema_destroy(&schema);
    if (q.action != CATALOG_ALTER && q.action != CATALOG_SET && q.action != CATALOG_REBUILD)
        st = STATUS_UNSUPPORTED;
    st = st ? st : writer_may_write(w, c);
    if (st)
        writer_refuse(w, conn, f, st, NULL);
    else
        log_control(w, conn, f, c, &q);
}
