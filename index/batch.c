#include <stdlib.h>

#include "index/batch_private.h"

/*
 * A batch collects changes over the committed state `base`:
 *   texts     -> builder (a new segment of the docids from doc_base on) and the live bitmap
 *   columns   -> edits (open chunks)
 *   small rows -> rows, applied in key order at commit
 * Nothing is written before batch_commit(). Input is judged before anything is changed; a failure
 * after that (memory, damaged store) leaves only abort.
 */

/* --- life ------------------------------------------------------------------------------------- */

static void free_batch(struct batch *b)
{
    column_edits_destroy(&b->edits);
    segment_builder_destroy(&b->builder);
    schema_destroy(&b->schema);
    expiry_move_fini(&b->expiry);
    arena_fini(&b->arena);
    free(b->rows.items);
    buf_fini(&b->items);
    buf_fini(&b->record);
    buf_fini(&b->document);
    buf_fini(&b->merged);
    buf_fini(&b->scratch);
    free(b);
}

/* Products are weighed where a limit is set; the first batch behind that counts what is there. */
static enum status begin_weight(struct batch *b)
{
    if (!b->base->schema->max_bytes)
        b->meta.weight = WEIGHT_UNKNOWN;
    else if (b->meta.weight == WEIGHT_UNKNOWN)
        return weight_count(b->base, &b->meta.weight);
    return STATUS_OK;
}

enum status batch_begin(struct index *ix, struct batch **out)
{
    *out = NULL;
    struct writer *w = ix->writer;
    if (!w)
        return STATUS_READ_ONLY;
    if (w->busy)
        return STATUS_IN_PROGRESS;
    enum status st = writer_begin(w);
    if (st)
        return st;
    struct batch *b = calloc(1, sizeof *b);
    if (!b || column_edits_create(w->base->txn, &b->edits)) {
        free(b);
        snapshot_end(w->base);
        return STATUS_NO_MEMORY;
    }
    b->ix = ix;
    b->w = w;
    b->base = w->base;
    b->meta = w->base->meta;
    b->doc_base = b->meta.docid_end;
    if (b->meta.next_segment < w->next_segment)
        b->meta.next_segment = w->next_segment;
    expiry_move_init(&b->expiry);
    enum status weighed = begin_weight(b);
    if (weighed) {
        column_edits_destroy(&b->edits);
        free(b);
        snapshot_end(w->base);
        return weighed;
    }
    arena_init(&b->arena, 0);
    facet_intern_begin(w->intern, w->base->txn, &b->meta);
    w->busy = true;
    *out = b;
    return STATUS_OK;
}

void batch_end(struct batch **bp, bool committed)
{
    struct batch *b = *bp;
    facet_intern_end(b->w->intern, committed);
    if (!committed) /* it holds changes that never were; the next batch loads it anew */
        live_fini(&b->w->live);
    snapshot_end(b->base);
    b->w->busy = false;
    free_batch(b);
    *bp = NULL;
}

void batch_abort(struct batch **b)
{
    if (*b)
        batch_end(b, false);
}

void batch_on_move(struct batch *b, void (*moved)(void *ctx, uint32_t from, uint32_t to), void *ctx)
{
    b->moved = moved;
    b->moved_ctx = ctx;
}

uint32_t batch_doc_count(const struct batch *b)
{
    return b->builder ? segment_builder_doc_count(b->builder) : 0;
}

uint64_t batch_bytes(const struct batch *b)
{
    return b->arena.used + column_edits_bytes(b->edits) +
           (b->builder ? segment_builder_bytes(b->builder) : 0);
}

/* --- products as the batch sees them ---------------------------------------------------------- */

/* Docid of a live product, changes of this batch included. */
static enum status locate(struct batch *b, struct slice id, uint32_t *docid)
{
    uint32_t doc;
    enum status st = STATUS_NOT_FOUND;
    if (b->builder && !(st = segment_builder_find(b->builder, id, &doc)))
        *docid = b->doc_base + doc;
    if (st == STATUS_NOT_FOUND) {
        snapshot_expect_ids(b->base, 1);
        st = snapshot_find(b->base, id, docid);
    }
    if (!st && !live_get(&b->w->live, *docid))
        st = STATUS_NOT_FOUND;
    return st;
}

static enum status raw_record(struct batch *b, uint32_t docid, struct slice *out)
{
    if (docid < b->doc_base)
        return snapshot_record(b->base, docid, out);
    *out = segment_builder_record(b->builder, docid - b->doc_base);
    return STATUS_OK;
}

static enum status read_column(void *ctx, uint32_t column, enum column_kind kind, uint32_t docid,
                               struct column_value *out)
{
    return column_edits_get(((struct batch *)ctx)->edits, column, kind, docid, out);
}

static enum status read_facet(void *ctx, uint32_t field, uint32_t ordinal, struct facet_row *out)
{
    return facet_intern_read(((struct batch *)ctx)->w->intern, field, ordinal, out);
}

/* The stored product as one document in b->document. */
static enum status read_document(struct batch *b, struct slice id, uint32_t docid)
{
    const struct product_source from = {b, read_column, read_facet};
    struct slice record;
    enum status st = raw_record(b, docid, &record);
    buf_clear(&b->document);
    return st ? st
              : product_assemble(b->base->schema, id, record, docid, &from, NULL, true,
                                 &b->document);
}

/* Takes the product as it is now out of the sum of weights (-1) or into it (1). */
static enum status weigh(struct batch *b, struct slice id, uint32_t docid, int sign)
{
    if (b->meta.weight == WEIGHT_UNKNOWN)
        return STATUS_OK;
    enum status st = read_document(b, id, docid);
    b->meta.weight += sign < 0 ? -b->document.len : b->document.len;
    return st;
}

/* The stored product, parsed into b->old. */
static enum status read_old(struct batch *b, struct slice id, uint32_t docid)
{
    enum status st = read_document(b, id, docid);
    if (!st)
        st = product_parse(b->base->schema, buf_slice(&b->document), &b->old);
    return st;
}

/* --- changes ---------------------------------------------------------------------------------- */

static bool same_value(const struct field *f, const struct column_value *a,
                       const struct column_value *c)
{
    if (a->present != c->present || !a->present)
        return a->present == c->present;
    switch (product_column_kind(f)) {
    case COLUMN_INT:
        return a->i == c->i;
    case COLUMN_FLOAT:
        return a->f == c->f;
    case COLUMN_ORDINAL:
        return a->ordinal == c->ordinal;
    default:
        return a->count == c->count && memcmp(a->items, c->items, a->count * sizeof *a->items) == 0;
    }
}

/* Column values of the parsed product into b->values; `all` or only the given fields. */
static enum status collect_values(struct batch *b, bool all)
{
    const struct schema *schema = b->base->schema;
    buf_clear(&b->items);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *f = &schema->fields[i];
        if (!f->has_column || (!all && !b->parsed.given[i]))
            continue;
        enum status st =
            product_column_value(f, &b->parsed, b->w->intern, &b->items, &b->values[i]);
        if (st)
            return st;
    }
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].has_column && (all || b->parsed.given[i]) &&
            product_column_kind(&schema->fields[i]) == COLUMN_ORDINALS && b->values[i].present)
            product_fix_list(&b->values[i], &b->items);
    return STATUS_OK;
}

static enum status store_values(struct batch *b, uint32_t docid, bool all, bool fresh)
{
    const struct schema *schema = b->base->schema;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *f = &schema->fields[i];
        struct column_value old = {0};
        enum column_kind kind = product_column_kind(f);
        enum status st = STATUS_OK;
        if (!f->has_column || (!all && !b->parsed.given[i]))
            continue;
        if (!fresh)
            st = column_edits_get(b->edits, i, kind, docid, &old);
        if (!st && !same_value(f, &old, &b->values[i]))
            st = column_edits_set(b->edits, i, kind, docid, &b->values[i]);
        if (st)
            return st;
    }
    return STATUS_OK;
}

/* Columns of a product that stays as it is otherwise. */
static enum status change_values(struct batch *b, uint32_t docid, bool all)
{
    enum status st = weigh(b, b->parsed.id, docid, -1);
    st = st ? st : store_values(b, docid, all, false);
    return st ? st : weigh(b, b->parsed.id, docid, 1);
}

/* True when the words and the record of the stored product are those of the new one. */
static enum status same_text(struct batch *b, uint32_t docid, bool *same)
{
    const struct schema *schema = b->base->schema;
    struct slice record;
    enum status st = raw_record(b, docid, &record);
    *same = !st && slice_equal(record, buf_slice(&b->record));
    for (uint32_t i = 0; i < schema->field_count && *same && !st; i++) {
        const struct field *f = &schema->fields[i];
        struct column_value old;
        if (!f->has_column || !f->searchable)
            continue;
        st = column_edits_get(b->edits, i, product_column_kind(f), docid, &old);
        *same = !st && same_value(f, &old, &b->values[i]);
    }
    return st;
}

static enum status need_builder(struct batch *b)
{
    if (b->builder)
        return STATUS_OK;
    struct segment_facts facts = product_tokens_facts(b->base->schema);
    return segment_builder_create(&facts, b->doc_base, &b->builder);
}

/* Ends an old product: bit, df of its words, expiry row, counters. Uses the writer's tokens. */
static enum status kill(struct batch *b, struct slice id, uint32_t docid)
{
    enum status st = need_builder(b);
    st = st ? st : read_old(b, id, docid);
    if (!st && b->meta.weight != WEIGHT_UNKNOWN)
        b->meta.weight -= b->document.len;
    st = st ? st : product_tokens_collect(&b->w->tokens, b->base->schema, &b->old);
    if (st)
        return st;
    st = segment_builder_kill(b->builder, b->w->tokens.items, b->w->tokens.count);
    st = st ? st : batch_freshness_drop(b, id, docid);
    st = st ? st : live_kill(&b->w->live, docid);
    if (st)
        return st;
    struct segment_row *row = docid < b->doc_base ? meta_segment_of(&b->meta, docid) : NULL;
    if (row)
        row->dead++;
    b->meta.live--;
    return STATUS_OK;
}

/* `collected`: the writer's tokens still are those of b->parsed. */
static enum status add_product(struct batch *b, struct slice id, bool collected, uint32_t *docid)
{
    struct product_tokens *t = &b->w->tokens;
    uint32_t doc;
    enum status st = need_builder(b);
    if (!st && !collected)
        st = product_tokens_collect(t, b->base->schema, &b->parsed);
    st = st ? st
            : segment_builder_add(b->builder, id, t->items, t->count, buf_slice(&b->record), &doc);
    if (st)
        return st;
    *docid = b->doc_base + doc;
    live_extend(&b->w->live, *docid + 1);
    b->meta.docid_end = *docid + 1;
    b->meta.live++;
    return b->w->live.docid_end == *docid + 1 ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status replace(struct batch *b, bool exists, uint32_t old, const struct change *c,
                           bool keep_windows)
{
    struct slice id = b->parsed.id;
    struct windows f = batch_freshness_of(c), was = {0, -1, -1, -1};
    uint32_t docid = 0;
    enum status st = STATUS_OK;
    if (exists && keep_windows) {
        st = batch_freshness_read(b, old, &was);
        f.ttl_ms = f.ttl_ms < 0 ? was.ttl_ms : f.ttl_ms;
        f.swr_ms = f.swr_ms < 0 ? was.swr_ms : f.swr_ms;
        f.sie_ms = f.sie_ms < 0 ? was.sie_ms : f.sie_ms;
    }
    if (!st && exists)
        st = kill(b, id, old);
    st = st ? st : add_product(b, id, !exists, &docid);
    if (!st && exists && b->moved)
        b->moved(b->moved_ctx, old, docid);
    st = st ? st : store_values(b, docid, true, true);
    st = st ? st : weigh(b, id, docid, 1);
    return st ? st : batch_freshness_write(b, id, docid, c, &f);
}

/* Upsert of b->parsed, whose bytes must outlive the call. */
static enum status upsert_parsed(struct batch *b, const struct change *c, bool keep_windows)
{
    uint32_t old = 0;
    bool same = false;
    buf_clear(&b->record);
    product_put_record(b->base->schema, &b->parsed, &b->record);
    if (b->record.failed)
        return STATUS_NO_MEMORY;
    if (b->record.len > RECORD_MAX)
        return STATUS_TOO_LARGE;
    enum status st = collect_values(b, true);
    /* Judges the text before anything is changed. */
    st = st ? st : product_tokens_collect(&b->w->tokens, b->base->schema, &b->parsed);
    if (st)
        return st;
    st = locate(b, b->parsed.id, &old);
    bool exists = st == STATUS_OK;
    if (st == STATUS_NOT_FOUND)
        st = STATUS_OK;
    if (!st && exists)
        st = same_text(b, old, &same);
    if (!st && same) {
        st = change_values(b, old, true);
        st = st ? st : batch_freshness_renew(b, b->parsed.id, old, c, keep_windows);
    } else if (!st)
        st = replace(b, exists, old, c, keep_windows);
    if (st)
        b->failed = st;
    return st;
}

enum status batch_upsert(struct batch *b, struct slice document, const struct change *c)
{
    if (b->failed || b->schema)
        return b->failed ? b->failed : STATUS_INVALID;
    enum status st = product_parse(b->base->schema, document, &b->parsed);
    return st ? st : upsert_parsed(b, c, false);
}

static bool columns_only(const struct schema *schema, const struct product *p)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (p->given[i] && (!schema->fields[i].has_column || schema->fields[i].searchable))
            return false;
    return true;
}

/* A patch that touches text: the stored product with the given fields over it. */
static enum status patch_text(struct batch *b, uint32_t docid, const struct change *c)
{
    enum status st = read_old(b, b->parsed.id, docid);
    if (st)
        return b->failed = st;
    buf_clear(&b->merged);
    buf_put_slice(&b->merged, buf_slice(&b->document));
    if (b->merged.failed)
        return STATUS_NO_MEMORY;
    /* read_old() is used again below, so what the fields point into must be another buffer. */
    struct product *old = &b->old;
    st = product_parse(b->base->schema, buf_slice(&b->merged), old);
    if (st)
        return b->failed = st;
    for (uint32_t i = 0; i < b->base->schema->field_count; i++)
        if (!b->parsed.given[i]) {
            b->parsed.given[i] = old->given[i];
            b->parsed.values[i] = old->values[i];
        }
    return upsert_parsed(b, c, true);
}

enum status batch_patch(struct batch *b, struct slice document, const struct change *c)
{
    uint32_t docid;
    if (b->failed || b->schema)
        return b->failed ? b->failed : STATUS_INVALID;
    enum status st = product_parse(b->base->schema, document, &b->parsed);
    st = st ? st : locate(b, b->parsed.id, &docid);
    if (st)
        return st;
    if (!columns_only(b->base->schema, &b->parsed))
        return patch_text(b, docid, c);
    if ((st = collect_values(b, false)))
        return st;
    st = change_values(b, docid, false);
    st = st ? st : batch_freshness_renew(b, b->parsed.id, docid, c, true);
    return b->failed = st;
}

enum status batch_validate(struct batch *b, struct slice id, const struct change *c)
{
    uint32_t docid;
    if (b->failed || b->schema)
        return b->failed ? b->failed : STATUS_INVALID;
    enum status st = locate(b, id, &docid);
    if (st)
        return st;
    return b->failed = batch_freshness_renew(b, id, docid, c, true);
}

enum status batch_delete(struct batch *b, struct slice id)
{
    uint32_t docid;
    if (b->failed || b->schema)
        return b->failed ? b->failed : STATUS_INVALID;
    enum status st = locate(b, id, &docid);
    if (st)
        return st;
    return b->failed = kill(b, id, docid);
}
