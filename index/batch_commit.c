#include <stdlib.h>

#include "index/batch_private.h"
#include "index/expiry_moves.h"
#include "index/merge.h"
#include "index/pieces.h"
#include "index/segment_image.h"
#include "index/visible.h"

/*
 * The commit, in order: finish the segment in memory, fold it with small neighbours, then one write
 * transaction: segment, facet values, columns, live bitmap, small rows, meta. LMDB's commit makes
 * it durable; before that nothing is visible, after a failure nothing is kept.
 */

enum { TRAIN_FROM = 1000 };

struct commit {
    struct batch *b;
    struct buf dictionary; /* trained from this batch */
    struct store_txn *txn;
    struct segment_image image;
    uint32_t number; /* of the segment in `image`; has_segment tells whether there is one */
    bool has_segment;
    uint32_t removed[META_MAX_SEGMENTS], removed_count;
};

static bool is_live(void *ctx, uint32_t docid)
{
    return live_get(ctx, docid);
}

/* --- segment ---------------------------------------------------------------------------------- */

/* The first dictionary of pieces, from an even sample of the first batch that is large enough. Too
 * little to learn from is no failure: a later batch tries again. */
static enum status train(struct commit *c)
{
    struct batch *b = c->b;
    uint32_t n = batch_doc_count(b), used = 0;
    if (record_writer_dictionary(b->w->records) || n < TRAIN_FROM)
        return STATUS_OK;
    uint32_t step = (uint32_t)(segment_builder_record_bytes(b->builder) / RECORD_SAMPLES) + 1;
    struct buf samples = BUF_INIT;
    size_t *lens = calloc(n / step + 1, sizeof *lens);
    for (uint32_t i = 0; lens && i < n; i += step) {
        struct slice record = segment_builder_record(b->builder, i);
        if (!record_packs(record.len))
            continue;
        buf_put_slice(&samples, record);
        lens[used++] = record.len;
    }
    enum status st = lens && !samples.failed ? STATUS_OK : STATUS_NO_MEMORY;
    if (!st && pieces_train(buf_slice(&samples), lens, used, &c->dictionary) == STATUS_OK) {
        record_writer_destroy(&b->w->records);
        st =
            record_writer_create(buf_slice(&c->dictionary), b->meta.dictionary + 1, &b->w->records);
    }
    free(lens);
    buf_fini(&samples);
    return st;
}

static enum status write_dictionary(struct commit *c)
{
    char key[DICTIONARY_KEY_MAX];
    struct buf row = BUF_INIT;
    if (!c->dictionary.len)
        return STATUS_OK;
    uint32_t number = ++c->b->meta.dictionary;
    wire_put_u32(&row, batch_doc_count(c->b));
    buf_put_slice(&row, buf_slice(&c->dictionary));
    enum status st =
        row.failed ? STATUS_NO_MEMORY
                   : store_put(c->txn, STORE_META, dictionary_key(key, number), buf_slice(&row));
    buf_fini(&row);
    return st;
}

static enum status build_segment(struct commit *c)
{
    struct batch *b = c->b;
    if (!b->builder)
        return STATUS_OK;
    if (b->meta.segment_count == META_MAX_SEGMENTS)
        return STATUS_TOO_LARGE;
    enum status st = train(c);
    st = st ? st : segment_builder_finish(b->builder, b->w->records, segment_image_sink, &c->image);
    if (st)
        return st;
    uint32_t count = b->meta.docid_end - b->doc_base;
    c->number = b->meta.next_segment++;
    c->has_segment = true;
    b->meta.segments[b->meta.segment_count++] = (struct segment_row){
        .number = c->number,
        .base = b->doc_base,
        .count = count,
        .dead = count - live_count(&b->w->live, b->doc_base, b->meta.docid_end),
        .bytes = c->image.bytes};
    return STATUS_OK;
}

static enum status know_dictionary(struct commit *c, struct record_reader *r, uint32_t number)
{
    bool fresh = c->dictionary.len && !record_reader_has(r, number) &&
                 number == record_writer_dictionary(c->b->w->records);
    return fresh ? record_reader_add(r, number, buf_slice(&c->dictionary))
                 : dictionary_know(r, c->b->base->txn, number);
}

static enum status fold(struct commit *c, const struct segment **segments, struct merge_run run)
{
    struct meta *m = &c->b->meta;
    struct segment_image merged = {0};
    struct merge_records records = {NULL, c->b->w->records};
    enum status st = record_reader_create(&records.reader);
    for (uint32_t i = 0; i < run.count && !st; i++)
        st = know_dictionary(c, records.reader, segment_dictionary(segments[run.first + i]));
    st = st ? st
            : segment_merge(segments + run.first, run.count, is_live, &c->b->w->live, &records,
                            segment_image_sink, &merged);
    record_reader_destroy(&records.reader);
    if (st) {
        segment_image_fini(&merged);
        return st;
    }
    const struct segment_row *first = &m->segments[run.first],
                             *last = &m->segments[run.first + run.count - 1];
    struct segment_row row = {.number = m->next_segment++,
                              .base = first->base,
                              .count = last->base + last->count - first->base,
                              .bytes = merged.bytes};
    row.dead = row.count - live_count(&c->b->w->live, row.base, row.base + row.count);
    row.folded = row.dead;
    for (uint32_t i = 0; i < run.count; i++)
        if (m->segments[run.first + i].number != c->number)
            c->removed[c->removed_count++] = m->segments[run.first + i].number;
    merge_replace(m, run, row);
    segment_image_fini(&c->image);
    c->image = merged;
    c->number = row.number;
    return STATUS_OK;
}

/* Folds the new segment with its small neighbours when there are enough of them. */
static enum status fold_small(struct commit *c)
{
    struct batch *b = c->b;
    uint32_t n = b->meta.segment_count;
    const struct segment *segments[META_MAX_SEGMENTS];
    struct segment *fresh = NULL;
    if (!c->has_segment)
        return STATUS_OK;
    enum status st = segment_open(c->number, segment_image_lookup, &c->image, &fresh);
    if (st)
        return st;
    for (uint32_t i = 0; i + 1 < n; i++)
        segments[i] = b->base->segments[i];
    segments[n - 1] = fresh;
    struct merge_run run = merge_find(&b->meta, segments, MERGE_SMALL, b->w->task);
    if (run.count && run.first + run.count == n)
        st = fold(c, segments, run);
    segment_close(&fresh);
    return st;
}

static enum status write_segment(struct commit *c)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < c->removed_count && !st; i++)
        st = segment_remove(c->txn, c->removed[i]);
    if (!st && c->has_segment)
        st = segment_image_write(&c->image, c->txn, c->number);
    return st;
}

/* --- rows ------------------------------------------------------------------------------------- */

static int by_row(const void *x, const void *y)
{
    const struct row_change *a = x, *b = y;
    if (a->table != b->table)
        return (a->table > b->table) - (a->table < b->table);
    int c = slice_compare(a->key, b->key);
    return c ? c : (a->order > b->order) - (a->order < b->order);
}

static enum status write_rows(struct commit *c)
{
    struct row_changes *r = &c->b->rows;
    enum status st = STATUS_OK;
    if (r->count)
        qsort(r->items, r->count, sizeof *r->items, by_row);
    for (uint32_t i = 0; i < r->count && !st; i++) {
        const struct row_change *x = &r->items[i];
        if (i + 1 < r->count && r->items[i + 1].table == x->table &&
            slice_equal(r->items[i + 1].key, x->key))
            continue; /* a later change of the key decides */
        st = x->remove ? store_delete(c->txn, x->table, x->key)
                       : store_put(c->txn, x->table, x->key, x->value);
        if (x->remove && st == STATUS_NOT_FOUND)
            st = STATUS_OK;
    }
    return st;
}

/* --- schema, meta ----------------------------------------------------------------- */

static enum status write_schema(struct commit *c)
{
    struct buf bytes = BUF_INIT;
    if (!c->b->schema)
        return STATUS_OK;
    schema_encode(c->b->schema, &bytes);
    enum status st = bytes.failed
                         ? STATUS_NO_MEMORY
                         : store_put(c->txn, STORE_META, SLICE_LIT("schema"), buf_slice(&bytes));
    buf_fini(&bytes);
    c->b->meta.schema_version++;
    if (!st && c->b->schema->max_bytes && c->b->meta.weight == WEIGHT_UNKNOWN)
        st = weight_count(c->b->base, &c->b->meta.weight);
    return st;
}

static enum status write_all(struct commit *c, uint64_t sequence)
{
    struct batch *b = c->b;
    uint64_t generation = b->meta.generation + 1;
    enum status st = write_segment(c);
    st = st ? st : write_dictionary(c);
    st = st ? st : facet_intern_write(b->w->intern, c->txn, &b->meta);
    st = st ? st : column_edits_write(b->edits, c->txn, generation, is_live, &b->w->live);
    st = st ? st : live_write(&b->w->live, c->txn, generation);
    st = st ? st : write_rows(c);
    st = st ? st : write_schema(c);
    if (!st && b->expiry.least != EXPIRY_NEVER)
        st = expiry_moves_add(c->txn, generation, &b->expiry);
    if (!st && b->unseen)
        st = visible_keep(c->txn, b->meta.generation, generation);
    if (st)
        return st;
    b->meta.generation = generation;
    b->meta.sequence = sequence;
    if (b->settings_changed)
        b->meta.settings_sequence = sequence;
    return meta_write(c->txn, &b->meta);
}

void batch_unseen(struct batch *b)
{
    b->unseen = true;
}

static void take_schema(struct batch *b)
{
    if (!b->schema)
        return;
    struct schema *old = b->ix->schema;
    b->ix->schema = b->schema;
    b->schema = old; /* freed with the batch */
}

enum status batch_commit(struct batch **bp, uint64_t sequence)
{
    struct batch *b = *bp;
    struct commit *c = calloc(1, sizeof *c);
    enum status st = c ? b->failed : STATUS_NO_MEMORY;
    if (!st) {
        c->b = b;
        st = build_segment(c);
    }
    st = st ? st : fold_small(c);
    st = st ? st : store_begin(b->ix->store, true, &c->txn);
    st = st ? st : write_all(c, sequence);
    st = st ? st : store_commit(&c->txn);
    if (c) {
        store_abort(&c->txn);
        segment_image_fini(&c->image);
        buf_fini(&c->dictionary);
        free(c);
    }
    if (!st)
        take_schema(b);
    batch_end(bp, st == STATUS_OK);
    return st;
}
