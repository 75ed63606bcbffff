#include "index/snapshot.h"

#include <stdio.h>

#include "index/index_private.h"

enum status snapshot_find(struct snapshot *s, struct slice id, uint32_t *docid)
{
    for (uint32_t i = s->segment_count; i-- > 0;) {
        uint32_t doc;
        enum status st = segment_find_id(s->segments[i], id, &doc);
        if (st == STATUS_NOT_FOUND)
            continue;
        if (st)
            return st;
        *docid = s->meta.segments[i].base + doc;
        /* The newest holder of an id decides: when it is dead, so are all before it. */
        return live_get(&s->live, *docid) ? STATUS_OK : STATUS_NOT_FOUND;
    }
    return STATUS_NOT_FOUND;
}

void snapshot_expect_ids(struct snapshot *s, uint32_t count)
{
    enum { COSTS = 64 }; /* how many ids are learned in the time of looking up one */
    s->expected_ids += count;
    if (s->ids_learned || s->expected_ids < s->meta.docid_end / COSTS)
        return;
    s->ids_learned = true;
    for (uint32_t i = 0; i < s->segment_count; i++)
        segment_learn_ids(s->segments[i]);
}

enum status snapshot_id(struct snapshot *s, uint32_t docid, struct slice *id)
{
    const struct segment *seg = snapshot_segment_of(s, docid);
    return seg ? segment_id(seg, docid - segment_base(seg), s->id_room, id) : STATUS_NOT_FOUND;
}

struct slice dictionary_key(char key[DICTIONARY_KEY_MAX], uint32_t number)
{
    return slice_make(key, (size_t)snprintf(key, DICTIONARY_KEY_MAX, "zdict%u", number));
}

enum status dictionary_read(struct store_txn *t, uint32_t number, uint32_t *docs,
                            struct slice *bytes)
{
    char key[DICTIONARY_KEY_MAX];
    struct slice v;
    enum status st = store_get(t, STORE_META, dictionary_key(key, number), &v);
    if (st || v.len < 4)
        return st && st != STATUS_NOT_FOUND ? st : STATUS_CORRUPT;
    *docs = wire_load32(v.ptr);
    *bytes = slice_make(v.ptr + 4, v.len - 4);
    return STATUS_OK;
}

enum status dictionary_know(struct record_reader *r, struct store_txn *t, uint32_t number)
{
    struct slice bytes;
    uint32_t docs;
    if (record_reader_has(r, number))
        return STATUS_OK;
    enum status st = dictionary_read(t, number, &docs, &bytes);
    return st ? st : record_reader_add(r, number, bytes);
}

enum status snapshot_record(struct snapshot *s, uint32_t docid, struct slice *record)
{
    const struct segment *seg = snapshot_segment_of(s, docid);
    if (!seg)
        return STATUS_NOT_FOUND;
    enum status st = s->reader ? STATUS_OK : record_reader_create(&s->reader);
    st = st ? st : dictionary_know(s->reader, s->txn, segment_dictionary(seg));
    if (st)
        return st;
    return segment_record(seg, docid - segment_base(seg), s->reader, record);
}

static enum status read_list(struct snapshot *s, struct column *c, uint32_t docid,
                             struct column_value *out)
{
    uint32_t count;
    enum status st = column_ordinals(c, docid, NULL, 0, &count);
    if (st)
        return st;
    buf_clear(&s->items);
    if (!buf_reserve(&s->items, count * sizeof(uint32_t)))
        return STATUS_NO_MEMORY;
    uint32_t *items = (uint32_t *)(void *)s->items.ptr;
    out->items = items;
    return column_ordinals(c, docid, items, count, &out->count);
}

static enum status read_column(void *ctx, uint32_t id, enum column_kind kind, uint32_t docid,
                               struct column_value *out)
{
    struct snapshot *s = ctx;
    struct column *c = snapshot_column(s, id);
    enum status st = STATUS_NO_MEMORY;
    *out = (struct column_value){0};
    if (c && kind == COLUMN_INT)
        st = column_int(c, docid, &out->i);
    else if (c && kind == COLUMN_FLOAT)
        st = column_float(c, docid, &out->f);
    else if (c && kind == COLUMN_ORDINAL)
        st = column_ordinal(c, docid, &out->ordinal);
    else if (c)
        st = read_list(s, c, docid, out);
    out->present = st == STATUS_OK;
    return st == STATUS_NOT_FOUND ? STATUS_OK : st;
}

static enum status read_facet(void *ctx, uint32_t field, uint32_t ordinal, struct facet_row *out)
{
    return facet_value_row(ctx, field, ordinal, out);
}

static enum status assemble(struct snapshot *s, uint32_t docid, const uint64_t *wanted, bool hidden,
                            struct buf *out)
{
    const struct product_source from = {s, read_column, read_facet};
    struct slice id, record;
    enum status st = snapshot_id(s, docid, &id);
    if (!st)
        st = snapshot_record(s, docid, &record);
    if (!st)
        st = product_assemble(s->schema, id, record, docid, &from, wanted, hidden, out);
    return st;
}

enum status snapshot_product(struct snapshot *s, uint32_t docid, const uint64_t *wanted,
                             struct buf *out)
{
    return assemble(s, docid, wanted, false, out);
}

enum status snapshot_whole(struct snapshot *s, uint32_t docid, struct buf *out)
{
    return assemble(s, docid, NULL, true, out);
}

enum status snapshot_product_state(struct snapshot *s, struct slice id, struct product_state *out)
{
    uint32_t docid;
    *out = (struct product_state){0};
    enum status st = snapshot_find(s, id, &docid);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    int64_t version = 0;
    snapshot_column_or(s, COLUMN_VERSION, docid, &version);
    snapshot_column_or(s, COLUMN_VALIDATED, docid, &out->validated_ms);
    out->exists = true;
    out->version = (uint64_t)version;
    return STATUS_OK;
}

void snapshot_place_prefetch(struct snapshot *s, uint32_t docid)
{
    const struct segment *seg = snapshot_segment_of(s, docid);
    if (seg)
        segment_place_prefetch(seg, docid - segment_base(seg));
}

void snapshot_record_prefetch(struct snapshot *s, uint32_t docid)
{
    const struct segment *seg = snapshot_segment_of(s, docid);
    if (seg)
        segment_record_prefetch(seg, docid - segment_base(seg));
}

void snapshot_product_prefetch(struct snapshot *s, uint32_t docid, const uint64_t *wanted)
{
    for (uint32_t i = 0; i < s->schema->field_count; i++)
        if (s->columns[i].txn && s->schema->fields[i].stored &&
            (!wanted || wanted[i / 64] >> (i % 64) & 1))
            column_prefetch(&s->columns[i], docid);
}
