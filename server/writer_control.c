/* Catalogs as a whole: opened and replayed, made, dropped, altered, set. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/edition.h"
#include "server/say.h"
#include "server/writer_private.h"

enum { SPARE_DESCRIPTORS = 20 };

/* --- CATALOG ---------------------------------------------------------------------------------- */

void writer_catalog_body(struct buf *out, const struct writer_catalog *c, uint64_t sequence)
{
    buf_clear(out);
    tlv_put(out, TAG_CATALOG_NAME, slice_str(c->name));
    tlv_put_u64(out, TAG_CATALOG_SEQUENCE, sequence);
    tlv_put_u64(out, TAG_CATALOG_EDITION, c->row->edition);
}

static enum status push_record(void *ctx, const struct log_record *r);
static enum status resume_order(struct writer *w, struct writer_catalog *c);
struct replay {
    struct writer *w;
    struct writer_catalog *c;
};

/* A catalog that takes the last descriptors keeps those that are open from taking changes: files of
 * logs come and go, connections too. */
static bool descriptors_left(void)
{
    struct rlimit files;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* the lowest that is free */
    if (fd >= 0)
        close(fd);
    return fd >= 0 &&
           (getrlimit(RLIMIT_NOFILE, &files) || (rlim_t)fd + SPARE_DESCRIPTORS < files.rlim_cur);
}

enum status writer_open_catalog(struct writer *w, struct slice name, struct fault *fault)
{
    struct writer_catalog *c;
    char path[PATH_MAX];
    if (w->count == SHARED_CATALOGS)
        return shared_catalogs_full(fault);
    if (!descriptors_left())
        return fault_set(fault, STATUS_NO_DESCRIPTORS, NULL, "%s",
                         status_text(STATUS_NO_DESCRIPTORS));
    enum status st = writer_catalog_open(&c, w->role->data_dir, w->role->shared, name,
                                         config_number(w->role->config, OPTION_MAP), fault);
    if (st)
        return st;
    c->window_ms = config_number(w->role->config, OPTION_LOG_WINDOW);
    w->catalogs[w->count++] = c;
    struct replay replay = {w, c};
    if (c->log)
        st = resume_order(w, c);
    if (c->log && !st && catalog_log_path(path, sizeof path, w->role->data_dir, name))
        st = event_log_replay(path, c->visible, push_record, &replay, fault);
    w->role->shared->catalog_epoch++;
    if (st && st != STATUS_NO_MEMORY)
        writer_stop_catalog(c, st);
    return st == STATUS_NO_MEMORY ? st : STATUS_OK;
}

/* A change of the catalog as a whole is under way from its record on. */
static enum status note_control(struct writer_catalog *c, const struct log_record *r)
{
    c->control_asked = r->sequence;
    schema_destroy(&c->next_schema);
    return r->type == LOG_SCHEMA ? schema_decode(r->payload, &c->next_schema, NULL) : STATUS_OK;
}

enum status writer_note_decided(struct writer *w, struct writer_catalog *c,
                                const struct log_record *r)
{
    struct log_changes changes;
    if (r->type == LOG_SCHEMA || r->type == LOG_REBUILD)
        return note_control(c, r);
    if (r->type == LOG_STREAM)
        return stream_decode(r->payload, &c->stream);
    if (r->type != LOG_CHANGES)
        return STATUS_OK;
    arena_reset(&w->arena);
    enum status st = log_changes_decode(r->payload, &w->arena, &changes);
    for (uint32_t i = 0; i < changes.item_count && !st; i++)
        st = pending_replay(c->pending, &changes.items[i], r->sequence);
    st = st ? st : idempotency_note_items(c->keys, &changes, r->sequence, &w->payload);
    if (!st && changes.key.len)
        st = idempotency_note(c->keys, KEY_OF_BULK, &changes, r->sequence);
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
    enum status st = writer_note_decided(p->w, p->c, r);
    st = st ? st : job_create(p->c, r, 1, &j);
    if (!st)
        apply_push(p->w->apply, j);
    return st;
}

/* Another edition was asked for and not finished before the last writer ended, or is needed because
 * words are made otherwise now: before anything else is applied it is begun. */
static enum status resume_order(struct writer *w, struct writer_catalog *c)
{
    struct log_record r;
    struct job *j;
    enum status st = edition_ordered(c, &w->payload, &r);
    if (st == STATUS_NOT_FOUND && c->stale) {
        say("warning", "writer", c->name,
            "it was made by another analyser or ICU: it is served as it is and made anew behind");
        r = (struct log_record){.sequence = c->visible, .type = LOG_REBUILD};
        st = STATUS_OK;
    }
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    st = note_control(c, &r);
    st = st ? st : job_create(c, &r, 0, &j);
    if (!st)
        apply_push(w->apply, j);
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

/* Looked at before anything is made: what is on disk and has no place would, at the next start,
 * take that of another catalog. */
static enum status has_place(const struct writer *w, struct fault *fault)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i < SHARED_CATALOGS; i++)
        taken += atomic_load(&w->role->shared->catalogs[i].state) == 1;
    if (w->count < SHARED_CATALOGS && taken < SHARED_CATALOGS)
        return STATUS_OK;
    return shared_catalogs_full(fault);
}

static void create(struct writer *w, uint64_t conn, const struct frame *f,
                   const struct catalog_request *q)
{
    struct fault fault = {0};
    struct schema *schema = NULL;
    enum status st = schema_decode(q->schema, &schema, &fault);
    st = st ? st : schema_check_new(schema, &fault);
    st = st ? st : has_place(w, &fault);
    st = st ? st
            : writer_catalog_create(w->role->data_dir, q->name, schema,
                                    w->role->shared->edition_floor + 1,
                                    config_number(w->role->config, OPTION_MAP), &fault);
    if (!st && (st = writer_open_catalog(w, q->name, &fault)))
        writer_catalog_remove(w->role->data_dir, q->name); /* who is refused has made nothing */
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

/* The row of a catalog that is gone, whose last edition this was; NULL = it had none. */
static void give_back(struct shared *s, struct shared_catalog *row, uint64_t edition)
{
    for (uint64_t e = 0; row && e < 2; e++)
        shared_pages_wipe(ROLE_FD_SHARED, s, row, e);
    if (edition > s->edition_floor)
        s->edition_floor = edition;
    if (row)
        shared_catalog_release(s, row);
    s->catalog_epoch++;
}

void writer_let_go(struct writer *w, struct writer_catalog **cp)
{
    struct writer_catalog *c = *cp;
    writer_settle(w);
    apply_leave(w->apply, c);
    if (!c->failed) /* answers that wait for it end here */
        c->failed = STATUS_UNKNOWN_CATALOG;
    writer_tell_seen(w);
    writer_tell_replicated(w);
    for (uint32_t i = 0; i < w->count; i++)
        if (w->catalogs[i] == c)
            w->catalogs[i] = w->catalogs[--w->count];
    struct index *fresh = atomic_exchange(&c->fresh, NULL);
    (void)fresh; /* the same as c->applying, which is closed with the rest */
    writer_catalog_close(cp);
}

static void drop(struct writer *w, uint64_t conn, const struct frame *f, struct writer_catalog *c)
{
    struct shared_catalog *row = c->row;
    char name[SHARED_NAME + 1];
    memcpy(name, c->name, sizeof name);
    writer_catalog_body(&w->reply, c, c->visible);
    writer_let_go(w, &c);
    enum status st = writer_catalog_remove(w->role->data_dir, slice_str(name));
    give_back(w->role->shared, row, row->edition);
    if (st)
        writer_refuse(w, conn, f, st, NULL);
    else
        writer_conns_reply(w->conns, conn, f, buf_slice(&w->reply));
}

/* A catalog whose files are there and cannot be opened. */
static void drop_unopened(struct writer *w, uint64_t conn, const struct frame *f, struct slice name)
{
    struct shared *s = w->role->shared;
    uint64_t edition = 0;
    enum status st = catalog_current_read(w->role->data_dir, name, &edition);
    if (st != STATUS_NOT_FOUND)
        st = writer_catalog_remove(w->role->data_dir, name);
    if (st) {
        writer_refuse(w, conn, f, st == STATUS_NOT_FOUND ? STATUS_UNKNOWN_CATALOG : st, NULL);
        return;
    }
    give_back(s, shared_catalog_find(s, name), edition);
    buf_clear(&w->reply);
    tlv_put(&w->reply, TAG_CATALOG_NAME, name);
    tlv_put_u64(&w->reply, TAG_CATALOG_SEQUENCE, 0);
    tlv_put_u64(&w->reply, TAG_CATALOG_EDITION, edition);
    writer_conns_reply(w->conns, conn, f, buf_slice(&w->reply));
}

void writer_drop(struct writer *w, uint64_t conn, const struct frame *f, struct writer_catalog *c,
                 struct slice name)
{
    if (c)
        drop(w, conn, f, c);
    else
        drop_unopened(w, conn, f, name);
}

/*
 * What an ALTER logs: the schema it gives, with the next version. It names the version it was made
 * from, so that of two made from the same one the second is told CONFLICT; 0 = whatever there is.
 * Fields keep their places: what is stored is known by them.
 */
static enum status next_schema(struct writer *w, struct writer_catalog *c, struct slice given,
                               struct schema **out, struct fault *fault)
{
    struct schema_spec *spec = calloc(1, sizeof *spec);
    enum status st = spec ? schema_spec_decode(given, spec, fault) : STATUS_NO_MEMORY;
    uint32_t from = st ? 0 : spec->version;
    free(spec);
    st = st ? st : schema_decode(given, out, fault);
    st = st ? st : schema_check_new(*out, fault);
    st = st ? st : snapshot_begin(c->snapshot);
    if (st)
        return st;
    const struct schema *was = snapshot_schema(c->snapshot);
    if (from && from != was->version)
        st =
            fault_set(fault, STATUS_CONFLICT, "version",
                      "the schema is at version %u, and this one was made from %u: describe it and "
                      "alter it again",
                      was->version, from);
    for (uint32_t i = 0; i < was->field_count && !st; i++)
        if (i >= (*out)->field_count || strcmp(was->fields[i].name, (*out)->fields[i].name) != 0)
            st = fault_set(fault, STATUS_INVALID, was->fields[i].name,
                           "fields keep their names and places: %s is number %u",
                           was->fields[i].name, i + 1);
    (*out)->version = was->version + 1;
    snapshot_end(c->snapshot);
    buf_clear(&w->payload);
    if (!st)
        schema_encode(*out, &w->payload);
    return st || !w->payload.failed ? st : STATUS_NO_MEMORY;
}

/* ALTER, SET and REBUILD are records in the log and answered when they are visible, of another
 * edition: when it is served. */
static void log_control(struct writer *w, uint64_t conn, const struct frame *f,
                        struct writer_catalog *c, const struct catalog_request *q)
{
    struct log_setting setting = {q->kind, q->key, q->value};
    struct fault fault = {0};
    struct schema *schema = NULL;
    uint64_t sequence = event_log_last(c->log) + 1;
    bool control = q->action != CATALOG_SET;
    uint32_t type = q->action == CATALOG_SET     ? LOG_SETTING
                    : q->action == CATALOG_ALTER ? LOG_SCHEMA
                                                 : LOG_REBUILD;
    enum status st = STATUS_OK;
    if (control && writer_catalog_changes(c))
        st = fault_set(&fault, STATUS_IN_PROGRESS, NULL,
                       "another change of the catalog is being made");
    buf_clear(&w->payload);
    if (type == LOG_SETTING)
        log_setting_encode(&w->payload, &setting);
    else if (type == LOG_SCHEMA && !st)
        st = next_schema(w, c, q->schema, &schema, &fault);
    struct answer *a = NULL;
    writer_catalog_body(&w->reply, c, sequence);
    if (!st && !(a = answer_create(conn, f, c, buf_slice(&w->reply))))
        st = STATUS_NO_MEMORY;
    if (a) {
        a->ack = ACK_VISIBLE;
        a->control = control;
        st = writer_log(w, a, type, buf_slice(&w->payload), sequence, 1);
    }
    if (st) {
        if (!fault.status)
            fault_set(&fault, st, NULL, "%s", status_text(st));
        writer_conns_error(w->conns, conn, f, &fault);
        schema_destroy(&schema);
        if (a)
            answer_free(a);
    } else if (control) {
        c->control_asked = sequence;
        schema_destroy(&c->next_schema);
        c->next_schema = schema;
    }
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
    enum status st = STATUS_OK;
    if (q.action == CATALOG_CREATE) {
        create(w, conn, f, &q);
        return;
    }
    if (q.action == CATALOG_DROP) {
        writer_drop(w, conn, f, c, q.name);
        return;
    }
    if (q.action != CATALOG_ALTER && q.action != CATALOG_SET && q.action != CATALOG_REBUILD)
        st = STATUS_UNSUPPORTED;
    if (c && c->fresh)
        writer_catalog_follow(c);
    st = st ? st : writer_may_write(w, c);
    if (st || !c)
        writer_refuse(w, conn, f, st, NULL);
    else
        log_control(w, conn, f, c, &q);
}
