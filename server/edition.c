#include "server/edition.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/role.h"
#include "server/say.h"
#include "server/stream.h"

/* Row: type u32 of the record, its payload. */
static const struct slice order_row = {"edition/order", 13};

void rebuild_order_destroy(struct rebuild_order **o)
{
    if (*o)
        schema_destroy(&(*o)->schema);
    free(*o);
    *o = NULL;
}

/* --- the order in the index ------------------------------------------------------------------- */

/* `parts`: it ended in a way that a leader or a follower may not share, which is remembered with
 * it. */
static enum status commit_order(struct index *ix, const struct log_record *r, bool parts,
                                uint64_t sequence)
{
    struct batch *b;
    struct buf row = BUF_INIT;
    enum status st = batch_begin(ix, &b);
    if (!st && r) {
        wire_put_u32(&row, r->type);
        buf_put_slice(&row, r->payload);
        st = row.failed ? STATUS_NO_MEMORY : batch_row_put(b, order_row, buf_slice(&row));
    } else if (!st) {
        st = batch_row_delete(b, order_row);
    }
    buf_fini(&row);
    if (!st && parts)
        st = stream_part(ix, b);
    if (st)
        batch_abort(&b);
    return st ? st : batch_commit(&b, sequence);
}

enum status edition_order_forget(struct index *ix, uint64_t sequence)
{
    return commit_order(ix, NULL, false, sequence);
}

enum status edition_ordered(struct writer_catalog *c, struct buf *scratch, struct log_record *out)
{
    buf_clear(scratch);
    enum status st = index_row_get(c->index, order_row, scratch);
    if (st)
        return st;
    struct wire_reader r = wire_reader_of(buf_slice(scratch));
    *out = (struct log_record){.sequence = c->visible, .type = wire_u32(&r)};
    out->payload = slice_make(r.at, wire_left(&r));
    return r.failed ? STATUS_CORRUPT : STATUS_OK;
}

/* --- changes ---------------------------------------------------------------------------------- */

enum status edition_switch(struct writer_catalog *c, struct index *fresh)
{
    struct snapshot *s = NULL;
    enum status st = snapshot_create(fresh, &s);
    st = st ? st : catalog_current_write(c->data_dir, slice_str(c->name), c->edition + 1);
    if (st) {
        snapshot_destroy(&s);
        return st;
    }
    snapshot_destroy(&c->applied);
    c->applied = s;
    c->applying = fresh;
    c->edition++;
    c->row->edition = c->edition;
    c->fresh = fresh; /* before fronts hear of it: what they check by the new schema comes here */
    c->shared->catalog_epoch++;
    return STATUS_OK;
}

static enum status alter_in_place(struct writer_catalog *c, const struct schema *schema,
                                  uint64_t sequence)
{
    struct batch *b;
    enum status st = batch_begin(c->applying, &b);
    if (!st && (st = batch_alter(b, schema)))
        batch_abort(&b);
    return st ? st : batch_commit(&b, sequence);
}

static enum status give_order(struct writer_catalog *c, const struct log_record *r,
                              struct schema **schema, struct rebuild_order **out)
{
    struct rebuild_order *o = calloc(1, sizeof *o);
    enum status st = o ? commit_order(c->applying, r, false, r->sequence) : STATUS_NO_MEMORY;
    if (st) {
        free(o);
        return st;
    }
    *o = (struct rebuild_order){r->sequence, *schema};
    *schema = NULL;
    *out = o;
    uint32_t open = WRITE_OPEN;
    atomic_compare_exchange_strong(&c->row->write_state, &open, WRITE_REBUILDING);
    return STATUS_OK;
}

static void tell(struct writer_catalog *c, uint64_t sequence, enum status st)
{
    uint32_t rebuilding = WRITE_REBUILDING;
    c->control_status = st;
    c->control_ended = sequence;
    atomic_compare_exchange_strong(&c->row->write_state, &rebuilding, WRITE_OPEN);
}

enum status edition_change(struct writer_catalog *c, const struct log_record *r,
                           struct rebuild_order **order)
{
    struct schema *schema = NULL;
    enum status st = r->type == LOG_SCHEMA ? schema_decode(r->payload, &schema, NULL) : STATUS_OK;
    *order = NULL;
    if (!st && schema)
        st = alter_in_place(c, schema, r->sequence);
    if (st == STATUS_SCHEMA_MISMATCH || (!st && !schema))
        st = give_order(c, r, &schema, order);
    schema_destroy(&schema);
    if (status_class(st) == STATUS_CLASS_CLIENT) {
        tell(c, r->sequence, st);
        return edition_order_forget(c->applying,
                                    r->sequence); /* the sequence counts all the same */
    }
    if (!st && !*order)
        tell(c, r->sequence, STATUS_OK);
    return st;
}

void edition_changed(struct writer_catalog *c, const struct rebuild_order *o, enum status st)
{
    /* as it is: then there is nothing that others could have and this one not */
    bool parts = o->schema && status_class(st) != STATUS_CLASS_CLIENT;
    enum status forgotten = STATUS_OK;
    do
        forgotten = st ? commit_order(c->applying, NULL, parts, c->visible) : STATUS_OK;
    while (forgotten == STATUS_NO_SPACE && writer_catalog_give_room(c));
    if (forgotten)
        say("warning", "writer", c->name, "the next start tries the new edition again");
    tell(c, o->sequence, st);
}
