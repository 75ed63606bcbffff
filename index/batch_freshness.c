#include "index/batch_private.h"

static enum status get_int(struct batch *b, uint32_t column, uint32_t docid, int64_t absent,
                           int64_t *out)
{
    struct column_value v;
    enum status st = column_edits_get(b->edits, column, COLUMN_INT, docid, &v);
    *out = !st && v.present ? v.i : absent;
    return st;
}

static enum status set_int(struct batch *b, uint32_t column, uint32_t docid, int64_t v,
                           int64_t absent)
{
    struct column_value old, c = {.present = v != absent, .i = v};
    enum status st = column_edits_get(b->edits, column, COLUMN_INT, docid, &old);
    if (!st && (old.present != c.present || (c.present && old.i != c.i)))
        st = column_edits_set(b->edits, column, COLUMN_INT, docid, &c);
    return st;
}

enum status batch_freshness_read(struct batch *b, uint32_t docid, struct windows *f)
{
    enum status st = get_int(b, COLUMN_VALIDATED, docid, 0, &f->validated_ms);
    st = st ? st : get_int(b, COLUMN_TTL, docid, -1, &f->ttl_ms);
    st = st ? st : get_int(b, COLUMN_SWR, docid, -1, &f->swr_ms);
    return st ? st : get_int(b, COLUMN_SIE, docid, -1, &f->sie_ms);
}

static enum status note_expiry_row(struct batch *b, int64_t limit, uint32_t docid, bool remove)
{
    uint8_t key[EXPIRY_KEY_LEN];
    if (limit == EXPIRY_NEVER)
        return STATUS_OK;
    expiry_key(key, limit, docid);
    return batch_note_row(b, STORE_EXPIRY, slice_make(key, sizeof key), SLICE_NULL, remove);
}

static enum status note_expiry(struct batch *b, struct slice id, uint32_t docid,
                               const struct windows *f, bool remove)
{
    int64_t limit = expiry_limit_ms(b->base->schema, f, id);
    if (limit != EXPIRY_NEVER)
        expiry_move_note(&b->expiry, limit, docid);
    return note_expiry_row(b, limit, docid, remove);
}

enum status batch_freshness_drop(struct batch *b, struct slice id, uint32_t docid)
{
    struct windows f;
    enum status st = batch_freshness_read(b, docid, &f);
    return st ? st : note_expiry_row(b, expiry_limit_ms(b->base->schema, &f, id), docid, true);
}

enum status batch_freshness_write(struct batch *b, struct slice id, uint32_t docid,
                                  const struct change *c, const struct windows *f)
{
    enum status st = set_int(b, COLUMN_VERSION, docid, (int64_t)c->version, 0);
    st = st ? st : set_int(b, COLUMN_VALIDATED, docid, f->validated_ms, 0);
    st = st ? st : set_int(b, COLUMN_TTL, docid, f->ttl_ms, -1);
    st = st ? st : set_int(b, COLUMN_SWR, docid, f->swr_ms, -1);
    st = st ? st : set_int(b, COLUMN_SIE, docid, f->sie_ms, -1);
    st = st ? st : set_int(b, COLUMN_ORIGIN, docid, c->origin, 0);
    expiry_move_confirmed(&b->expiry, f->validated_ms);
    return st ? st : note_expiry(b, id, docid, f, false);
}

struct windows batch_freshness_of(const struct change *c)
{
    return (struct windows){c->validated_ms, c->ttl_ms < 0 ? -1 : c->ttl_ms,
                            c->swr_ms < 0 ? -1 : c->swr_ms, c->sie_ms < 0 ? -1 : c->sie_ms};
}

enum status batch_freshness_renew(struct batch *b, struct slice id, uint32_t docid,
                                  const struct change *c, bool keep_windows)
{
    struct windows old, f = batch_freshness_of(c);
    enum status st = batch_freshness_read(b, docid, &old);
    if (st)
        return st;
    if (keep_windows) {
        f.ttl_ms = f.ttl_ms < 0 ? old.ttl_ms : f.ttl_ms;
        f.swr_ms = f.swr_ms < 0 ? old.swr_ms : f.swr_ms;
        f.sie_ms = f.sie_ms < 0 ? old.sie_ms : f.sie_ms;
    }
    expiry_move_confirmed(&b->expiry, f.validated_ms);
    st = note_expiry(b, id, docid, &old, true);
    return st ? st : batch_freshness_write(b, id, docid, c, &f);
}
