#include "server/edition.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "server/role.h"

/* The sequence alone: what the index then knows to have seen. */
static enum status commit_sequence(struct index *ix, uint64_t sequence)
{
    struct batch *b;
    enum status st = batch_begin(ix, &b);
    return st ? st : batch_commit(&b, sequence);
}

static enum status build(struct writer_catalog *c, const char *path, const struct schema *schema,
                         uint64_t sequence, struct index **out)
{
    struct index_options o = {.map_bytes = c->map_bytes};
    struct fault fault = {0};
    bool stale;
    remove_tree(path); /* an interrupted attempt */
    shared_pages_wipe(ROLE_FD_SHARED, c->shared, c->row, c->edition + 1);
    if (mkdir(path, 0750))
        return status_from_errno(errno);
    enum status st = index_rebuild_into(c->applying, path, schema, &fault);
    st = st ? st : index_open(path, &o, out, &stale, &fault);
    st = st ? st : commit_sequence(*out, sequence);
    if (st)
        fprintf(stderr, "writer: catalog %s: no new edition: %s\n", c->name,
                fault.text[0] ? fault.text : status_text(st));
    return st;
}

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
    c->shared->catalog_epoch++;
    c->fresh = fresh;
    return STATUS_OK;
}

static enum status rebuild(struct writer_catalog *c, const struct schema *schema, uint64_t sequence)
{
    char path[PATH_MAX];
    struct index *fresh = NULL;
    struct slice name = slice_str(c->name);
    if (!catalog_edition_path(path, sizeof path, c->data_dir, name, c->edition + 1))
        return STATUS_TOO_LARGE;
    enum status st = build(c, path, schema, sequence, &fresh);
    st = st ? st : edition_switch(c, fresh);
    if (st) {
        index_close(&fresh);
        remove_tree(path);
    }
    return st;
}

static enum status alter(struct writer_catalog *c, const struct log_record *r)
{
    struct schema *schema = NULL;
    struct batch *b;
    enum status st = schema_decode(r->payload, &schema, NULL);
    if (st)
        return st;
    st = batch_begin(c->applying, &b);
    if (!st && (st = batch_alter(b, schema)))
        batch_abort(&b);
    else if (!st)
        st = batch_commit(&b, r->sequence);
    if (st == STATUS_SCHEMA_MISMATCH)
        st = rebuild(c, schema, r->sequence);
    schema_destroy(&schema);
    return st;
}

enum status edition_change(struct writer_catalog *c, const struct log_record *r)
{
    uint32_t before = c->row->write_state;
    c->row->write_state = WRITE_REBUILDING;
    enum status st =
        r->type == LOG_SCHEMA ? alter(c, r) : rebuild(c, index_schema(c->applying), r->sequence);
    c->row->write_state = before;
    c->control_status = st;
    if (status_class(st) == STATUS_CLASS_CLIENT)
        st = commit_sequence(c->applying, r->sequence);
    return st;
}
