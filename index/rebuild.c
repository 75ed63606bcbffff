#include <stdlib.h>

#include "index/index_private.h"

/* A rebuild reads one snapshot of the old edition and fills a new one, batch by batch. */
enum { REBUILD_BATCH_BYTES = 96 << 20 };

struct rebuild {
    struct snapshot *from;
    struct index *to;
    struct batch *batch;
    const _Atomic bool *stop;
    struct buf document;
};

static enum status flush(struct rebuild *r, bool more)
{
    enum status st = batch_commit(&r->batch, snapshot_sequence(r->from));
    return st || !more ? st : batch_begin(r->to, &r->batch);
}

static int64_t system_value(struct snapshot *s, uint32_t id, uint32_t docid, int64_t absent)
{
    struct column *c = snapshot_column(s, id);
    int64_t v;
    return c && column_int(c, docid, &v) == STATUS_OK ? v : absent;
}

static enum status copy_product(struct rebuild *r, uint32_t docid)
{
    struct windows f = snapshot_freshness(r->from, docid);
    struct change c = {.version = (uint64_t)system_value(r->from, COLUMN_VERSION, docid, 0),
                       .validated_ms = f.validated_ms,
                       .ttl_ms = f.ttl_ms,
                       .swr_ms = f.swr_ms,
                       .sie_ms = f.sie_ms,
                       .origin = (uint32_t)system_value(r->from, COLUMN_ORIGIN, docid, 0)};
    buf_clear(&r->document);
    enum status st = snapshot_whole(r->from, docid, &r->document);
    st = st ? st : batch_upsert(r->batch, buf_slice(&r->document), &c);
    if (!st && batch_bytes(r->batch) > REBUILD_BATCH_BYTES)
        st = flush(r, true);
    return st;
}

static enum status copy_table(struct rebuild *r, enum store_table table)
{
    struct store_cursor *c;
    struct slice key, raw, value;
    enum status st = store_cursor_open(r->from->txn, table, &c);
    if (st)
        return st;
    st = store_seek(c, SLICE_NULL, &key, &raw);
    while (!st) {
        st = store_unwrap(key, raw, &value);
        const char *nul = st ? NULL : memchr(key.ptr, 0, key.len);
        if (!st && table == STORE_ROWS)
            st = batch_row_put(r->batch, key, value);
        else if (!st && nul) {
            size_t kind = (size_t)(nul - key.ptr);
            st = batch_setting(r->batch, slice_make(key.ptr, kind),
                               slice_make(nul + 1, key.len - kind - 1), value);
        }
        st = st ? st : store_next(c, &key, &raw);
    }
    store_cursor_close(&c);
    return st == STATUS_END ? STATUS_OK : st;
}

static enum status copy_all(struct rebuild *r)
{
    enum status st = batch_begin(r->to, &r->batch);
    for (uint32_t d = 0; d < snapshot_docid_end(r->from) && !st; d++)
        if (r->stop && *r->stop)
            st = STATUS_CANCELLED;
        else if (snapshot_is_live(r->from, d))
            st = copy_product(r, d);
    st = st ? st : copy_table(r, STORE_SETTINGS);
    st = st ? st : copy_table(r, STORE_ROWS);
    st = st ? st : flush(r, false);
    return st ? st : index_merge_all(r->to);
}

enum status index_rebuild_into(struct index *ix, const char *dir, const struct schema *schema,
                               const _Atomic bool *stop, struct fault *fault)
{
    struct rebuild r = {.stop = stop};
    bool stale;
    enum status st = index_create(dir, schema, NULL, fault);
    st = st ? st : index_open(dir, NULL, &r.to, &stale, fault);
    st = st ? st : snapshot_create(ix, &r.from);
    st = st ? st : snapshot_begin(r.from);
    if (!st && (st = copy_all(&r)))
        fault_set(fault, st, "", "the copy stopped: %s", status_text(st));
    batch_abort(&r.batch);
    snapshot_destroy(&r.from);
    index_close(&r.to);
    buf_fini(&r.document);
    return st;
}
