/*
 * What a follower's writer does in its leader's stead: it takes records as they were decided there,
 * with their sequences, and copies of whole catalogs; it refuses changes of anybody else.
 *
 * A record is taken when it follows the last one in the log. What is there already is passed over,
 * so that whoever does not know how far he came may send again; what leaves a gap is CONFLICT. From
 * the log on everything is as with changes of one's own: synced, answered, applied in batches.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/begun.h"
#include "server/promoted.h"
#include "server/say.h"
#include "server/writer_private.h"

enum { BEAT_ITEMS = 64, HASH_BACK = 4096 };

bool writer_follower_refuses(struct writer *w, uint64_t conn, const struct frame *f)
{
    struct fault fault = {0};
    const char *leader = w->role->shared->follow.leader;
    if (!shared_follows(w->role->shared) ||
        (f->opcode != OP_PUT && f->opcode != OP_CATALOG && f->opcode != OP_SAFE_MODE))
        return false;
    fault_set(&fault, STATUS_FOLLOWER, leader, "this server follows %.100s: changes go there",
              leader);
    writer_conns_error(w->conns, conn, f, &fault);
    return true;
}

/* --- streams ---------------------------------------------------------------------------------- */

static enum status log_alone(struct writer *w, struct writer_catalog *c, uint32_t type,
                             struct slice payload, uint64_t sequence, uint64_t items, bool frees)
{
    const struct frame nobody = {0};
    struct answer *a = answer_create(0, &nobody, c, SLICE_NULL);
    if (a)
        a->frees = frees;
    enum status st = a ? writer_log(w, a, type, payload, sequence, items) : STATUS_NO_MEMORY;
    if (st && a)
        answer_free(a);
    return st;
}

/* A new name, or a new epoch of the one it has. */
static enum status new_stream(struct writer *w, struct writer_catalog *c)
{
    struct stream next = c->stream;
    struct buf payload = BUF_INIT;
    enum status st = store_name(w->role->data_dir, next.store);
    if (!st && stream_id_none(&next.id))
        st = stream_random(next.id.name);
    next.id.epoch++;
    stream_encode(&next, &payload);
    if (!st && payload.failed)
        st = STATUS_NO_MEMORY;
    if (!st && (c->failed || !c->log))
        st = STATUS_READ_ONLY;
    st = st ? st
            : log_alone(w, c, LOG_STREAM, buf_slice(&payload), event_log_last(c->log) + 1, 1,
                        true /* who is promoted may have a full disk */);
    buf_fini(&payload);
    if (!st)
        c->stream = next;
    return st;
}

void writer_part(struct writer *w, struct writer_catalog *c)
{
    if (!atomic_exchange(&c->parted, false) || stream_id_none(&c->stream.id))
        return;
    if (shared_follows(w->role->shared)) {
        say("warning", "writer", c->name, "it is no longer what the leader has: it is copied anew");
        c->stream = (struct stream){0};
        c->left = true;
        return;
    }
    enum status st = new_stream(w, c);
    if (st)
        say("error", "writer", c->name, "its followers may have another schema: %s",
            status_text(st));
    w->role->shared->catalog_epoch++;
}

static void own_streams(struct writer *w, bool promoted)
{
    uint8_t own[STORE_NAME];
    for (uint32_t i = 0; i < w->count; i++) {
        struct writer_catalog *c = w->catalogs[i];
        if (stream_id_none(&c->stream.id) || !c->log)
            continue;
        enum status st = store_name(w->role->data_dir, own);
        /* a directory that was copied to become a follower has its leader's name */
        if (!st && !promoted && !memcmp(own, c->stream.store, STORE_NAME))
            continue;
        st = st ? st : new_stream(w, c);
        if (st)
            say("error", "writer", c->name, "it goes on under its old leader's name: %s",
                status_text(st));
    }
    w->role->shared->catalog_epoch++;
}

void writer_own_streams(struct writer *w)
{
    if (!shared_follows(w->role->shared))
        own_streams(w, false);
}

void writer_promote(struct writer *w, const char *why)
{
    struct shared *s = w->role->shared;
    if (!shared_follows(s))
        return;
    say("warning", "writer", NULL, "it follows %s no longer, and takes changes: %s",
        s->follow.leader, why);
    atomic_store_explicit(&s->follow.following, 0, memory_order_release);
    for (uint32_t i = 0; i < w->count; i++)
        buf_fini(&w->catalogs[i]->part);
    own_streams(w, true);
}

void writer_on_promote(struct writer *w, uint64_t conn, const struct frame *f)
{
    struct shared *s = w->role->shared;
    enum status st = STATUS_OK;
    if (!shared_follows(s)) {
        writer_refuse(w, conn, f, STATUS_INVALID, "this server follows nobody");
        return;
    }
    st = promoted_write(w->role->data_dir, s->follow.leader);
    if (st) { /* it would follow again, and lose what came meanwhile */
        writer_refuse(w, conn, f, st, NULL);
        return;
    }
    writer_promote(w, "promoted by hand");
    size_t at = 0;
    buf_clear(&w->reply);
    for (uint32_t i = 0; i < w->count; i++) {
        char number[24];
        const struct event_log *log = w->catalogs[i]->log;
        snprintf(number, sizeof number, "%" PRIu64, log ? event_log_last(log) : 0);
        at = tlv_begin(&w->reply, TAG_PROMOTE_ROW);
        wire_put_bytes(&w->reply, slice_str(w->catalogs[i]->name));
        wire_put_bytes(&w->reply, slice_str(number));
        tlv_end(&w->reply, at);
    }
    writer_settle(w); /* the new epochs are durable before anybody hears of them */
    writer_conns_reply(w->conns, conn, f, buf_slice(&w->reply));
}

/* --- what there is ---------------------------------------------------------------------------- */

static enum status note_hash(void *ctx, const struct log_record *r)
{
    struct writer_catalog *c = ctx;
    c->hash_at = r->sequence;
    c->hash = log_record_hash(c->hash, r);
    return STATUS_OK;
}

/* Of most the last record is enough. A log that came with a copy and has no record yet goes on from
 * what the leader told of it; 0 = it is not known. */
static uint64_t last_hash(struct writer *w, struct writer_catalog *c)
{
    char path[PATH_MAX], home[PATH_MAX];
    uint64_t last = event_log_last(c->log);
    if (c->hash_at == last)
        return c->hash;
    c->hash = 0;
    if (!catalog_log_path(path, sizeof path, w->role->data_dir, slice_str(c->name)))
        return 0;
    for (uint64_t back = 1; !c->hash && back <= HASH_BACK && back <= last; back *= 2)
        event_log_replay(path, last - back, note_hash, c, NULL);
    if (!c->hash && catalog_path(home, sizeof home, w->role->data_dir, slice_str(c->name)))
        c->hash = begun_read(home, last);
    c->hash_at = last;
    return c->hash;
}

static void list(struct writer *w, uint64_t conn, const struct frame *f)
{
    bool follows = shared_follows(w->role->shared);
    buf_clear(&w->reply);
    writer_settle(w);
    for (uint32_t i = 0; i < w->count; i++) {
        struct writer_catalog *c = w->catalogs[i];
        if (!follows && stream_id_none(&c->stream.id))
            new_stream(w, c); /* without one nobody follows it: the next list tries again */
        struct follow_row row = {.name = slice_str(c->name),
                                 .stream = c->stream.id,
                                 .store = slice_make(c->stream.store, STORE_NAME),
                                 .last = c->log ? event_log_last(c->log) : 0,
                                 .hash = c->log && follows ? last_hash(w, c) : 0};
        follow_row_encode(&row, &w->reply);
    }
    writer_settle(w);
    writer_conns_reply(w->conns, conn, f, buf_slice(&w->reply));
}

/* --- records ---------------------------------------------------------------------------------- */

/* While another edition is being made here, only what fits the current one is taken: the leader may
 * be through with its own and log what fits the new schema alone. That would be left out of the
 * current edition, and a build that begins behind it (after a crash, for another order) would lack
 * it. OVERLOADED: when the edition is there. */
static enum status fits_meanwhile(struct writer *w, struct writer_catalog *c,
                                  const struct log_changes *changes)
{
    enum status st = writer_catalog_changes(c) ? snapshot_begin(c->snapshot) : STATUS_END;
    if (st)
        return st == STATUS_END ? STATUS_OK : st;
    for (uint32_t i = 0; i < changes->item_count && !st; i++) {
        const struct put_item *item = &changes->items[i];
        if (item->op <= PUT_PATCH)
            st = product_parse(snapshot_schema(c->snapshot), item->document, &w->parsed);
        if (i % BEAT_ITEMS == BEAT_ITEMS - 1)
            shared_beat(w->role->self);
    }
    snapshot_end(c->snapshot);
    return status_class(st) == STATUS_CLASS_CLIENT ? STATUS_OVERLOADED : st;
}

/* Is it a record that could be applied now? What a newer leader logs may not be. */
static enum status judge(struct writer *w, struct writer_catalog *c, const struct log_record *r,
                         uint64_t *items, bool *frees)
{
    struct log_changes changes;
    struct log_setting setting;
    struct stream stream;
    struct schema *schema = NULL;
    enum status st;
    *items = 1;
    *frees = false;
    switch (r->type) {
    case LOG_CHANGES:
        arena_reset(&w->arena);
        st = log_changes_decode(r->payload, &w->arena, &changes);
        *items = st || !changes.item_count ? 1 : changes.item_count;
        *frees = !st && writer_only_deletes(changes.items, changes.item_count);
        return st ? st : fits_meanwhile(w, c, &changes);
    case LOG_SETTING:
        return log_setting_decode(r->payload, &setting);
    case LOG_SCHEMA:
        st = schema_decode(r->payload, &schema, NULL);
        schema_destroy(&schema);
        return st || !writer_catalog_changes(c) ? st : STATUS_OVERLOADED;
    case LOG_REBUILD:
        return writer_catalog_changes(c) ? STATUS_OVERLOADED : STATUS_OK;
    case LOG_STREAM:
        return stream_decode(r->payload, &stream);
    default:
        return STATUS_OLD_FORMAT;
    }
}

static enum status take_record(struct writer *w, struct writer_catalog *c,
                               const struct log_record *r)
{
    uint64_t items;
    bool frees;
    if (c->hash_at != event_log_last(c->log))
        c->hash = 0;
    enum status may = writer_may_write(w, c);
    enum status st = may && may != STATUS_NO_SPACE ? may : judge(w, c, r, &items, &frees);
    if (!st && may && !frees)
        st = may;
    st = st ? st : log_alone(w, c, r->type, r->payload, r->sequence, items, frees);
    if (st)
        return st;
    note_hash(c, r);
    st = writer_note_decided(w, c, r);
    if (st) /* it is logged: what follows may not be decided as if it were not */
        writer_stop_catalog(c, st);
    return st;
}

/* One piece; the record is taken when it is whole. */
static enum status take_piece(struct writer *w, struct writer_catalog *c, const struct log_piece *p)
{
    uint64_t last = event_log_last(c->log);
    if (p->sequence <= last)
        return STATUS_OK;
    if (p->previous != last)
        return STATUS_CONFLICT;
    if (p->offset == 0 || c->part_sequence != p->sequence)
        buf_clear(&c->part);
    if (p->offset != c->part.len)
        return STATUS_CONFLICT;
    struct log_record r = {p->sequence, p->type, p->bytes};
    if (p->bytes.len < p->size) {
        c->part_sequence = p->sequence;
        buf_put_slice(&c->part, p->bytes);
        if (c->part.failed) {
            buf_fini(&c->part);
            return STATUS_NO_MEMORY;
        }
        if (c->part.len < p->size)
            return STATUS_OK;
        r.payload = buf_slice(&c->part);
    }
    enum status st = take_record(w, c, &r);
    if (st && r.payload.ptr == c->part.ptr)
        c->part.len -= p->bytes.len; /* the last piece comes again */
    else if (c->part.cap)
        buf_fini(&c->part);
    return st;
}

static void append(struct writer *w, uint64_t conn, const struct frame *f,
                   const struct follow_request *q)
{
    struct writer_catalog *c = writer_find(w, q->catalog);
    enum status st = !c ? STATUS_UNKNOWN_CATALOG : c->log ? STATUS_OK : STATUS_READ_ONLY;
    if (c && c->fresh)
        writer_catalog_follow(c);
    if (c && c->left)
        st = STATUS_CONFLICT;
    uint64_t before = !st ? event_log_last(c->log) : 0;
    size_t had = !st ? c->part.len : 0;
    for (uint32_t i = 0; i < q->piece_count && !st; i++)
        st = take_piece(w, c, &q->pieces[i]);
    writer_settle(w); /* what is told is durable */
    if (c && c->failed)
        st = STATUS_READ_ONLY;
    if (c && (st == STATUS_OVERLOADED || st == STATUS_NO_SPACE) &&
        (event_log_last(c->log) > before || c->part.len > had))
        st = STATUS_OK; /* the rest comes again */
    if (st == STATUS_OVERLOADED) {
        writer_refuse_full(w, conn, f, c);
        return;
    }
    if (st) {
        writer_refuse(w, conn, f, st, NULL);
        return;
    }
    struct follow_reply r = {.sequence = event_log_last(c->log), .offset = c->part.len};
    buf_clear(&w->reply);
    follow_reply_encode(&r, &w->reply);
    writer_conns_reply(w->conns, conn, f, buf_slice(&w->reply));
}

/* --- copies ----------------------------------------------------------------------------------- */

/* The copy stands in DIR/catalogs/.copy-NAME, whole and synced, with a log of its own. */
static void adopt(struct writer *w, uint64_t conn, const struct frame *f,
                  const struct follow_request *q)
{
    char staged[PATH_MAX], current[PATH_MAX + 16];
    struct fault fault = {0};
    struct shared *s = w->role->shared;
    struct writer_catalog *c = writer_find(w, q->catalog);
    struct shared_catalog *row = shared_catalog_find(s, q->catalog);
    int n = snprintf(staged, sizeof staged, "%s/catalogs/.copy-%.*s", w->role->data_dir,
                     (int)q->catalog.len, q->catalog.ptr);
    enum status st =
        catalog_name_valid(q->catalog) && (size_t)n < sizeof staged ? STATUS_OK : STATUS_INVALID;
    snprintf(current, sizeof current, "%s/CURRENT", staged);
    if (!st && access(current, R_OK))
        st = STATUS_NOT_FOUND;
    if (!st && row && row->edition >= q->edition)
        st = STATUS_CONFLICT; /* another edition came meanwhile: fronts must see the number move */
    if (st) {
        writer_refuse(w, conn, f, st, NULL);
        return;
    }
    if (c)
        writer_let_go(w, &c);
    if (row)
        shared_pages_wipe(ROLE_FD_SHARED, s, row, q->edition);
    st = writer_catalog_adopt(w->role->data_dir, q->catalog, staged);
    enum status opened = writer_open_catalog(w, q->catalog, &fault);
    remove_tree(staged);
    st = st ? st : opened;
    if (st) {
        writer_refuse(w, conn, f, st, fault.text[0] ? fault.text : NULL);
        return;
    }
    c = writer_find(w, q->catalog);
    if (c)
        writer_part(w, c); /* the leader did not know it yet when it made the copy */
    struct follow_reply r = {.sequence = c && c->log ? event_log_last(c->log) : 0};
    buf_clear(&w->reply);
    follow_reply_encode(&r, &w->reply);
    writer_conns_reply(w->conns, conn, f, buf_slice(&w->reply));
}

void writer_on_follow(struct writer *w, uint64_t conn, const struct frame *f)
{
    struct follow_request q;
    struct fault fault = {0};
    struct arena own; /* the writer's is used for each record */
    arena_init(&own, 0);
    if (follow_request_decode(f->body, &own, &q, &fault))
        writer_conns_error(w->conns, conn, f, &fault);
    else if (q.action == FOLLOW_LIST)
        list(w, conn, f);
    else if (q.action == FOLLOW_CAME) {
        writer_tell_replicated(w);
        writer_conns_reply(w->conns, conn, f, SLICE_NULL);
    } else if (!shared_follows(w->role->shared))
        writer_refuse(w, conn, f, STATUS_INVALID, "this server follows nobody");
    else if (q.action == FOLLOW_APPEND)
        append(w, conn, f, &q);
    else if (q.action == FOLLOW_ADOPT)
        adopt(w, conn, f, &q);
    else
        writer_drop(w, conn, f, writer_find(w, q.catalog), q.catalog);
    arena_fini(&own);
}
