#include <stdlib.h>

#include "index/merge.h"
#include "index/pieces.h"
#include "index/visible.h"

/*
 *   begin   writing thread   choose neighbours, reserve a number, keep a snapshot of the state
 *   run     any thread       build the merged segment in memory; the snapshot ends
 *   write   writing thread   extents into the store, some a transaction; nothing refers to them
 *                            until the last one, which puts the new row where the old ones were
 *
 * What batches kill meanwhile stays in the merged segment: dead in `live`, counted by the batch's
 * own table of killed postings. A crash before the switch leaves extents without a row, which the
 * next open removes.
 */

enum { SLICE_BYTES = 32 << 20, TRAIN_DOCS = 20000, TRAIN_GROWTH = 2 };

/* --- begin ------------------------------------------------------------------------------------ */

static struct merge_run choose_due(const struct snapshot *s)
{
    const struct segment *const *segments = (const struct segment *const *)s->segments;
    struct merge_run run = merge_find(&s->meta, segments, SEGMENT_MAX_DOCS, NULL);
    return run.count ? run : merge_find_dead(&s->meta);
}

static struct merge_run choose_idle(const struct snapshot *s)
{
    struct merge_run run = choose_due(s);
    return run.count ? run : merge_find_idle(&s->meta, (const struct segment *const *)s->segments);
}

enum status merge_task_create(struct index *ix,
                              struct merge_run (*choose)(const struct snapshot *s),
                              struct merge_task **out)
{
    struct writer *w = ix->writer;
    *out = NULL;
    if (!w)
        return STATUS_READ_ONLY;
    if (w->busy || w->task)
        return STATUS_IN_PROGRESS;
    struct merge_task *t = calloc(1, sizeof *t);
    if (!t)
        return STATUS_NO_MEMORY;
    t->ix = ix;
    enum status st = snapshot_create(ix, &t->from);
    st = st ? st : snapshot_begin(t->from);
    if (!st)
        t->run = choose(t->from);
    if (st || !t->run.count) {
        merge_task_destroy(&t);
        return st;
    }
    const struct meta *m = &t->from->meta;
    for (uint32_t i = 0; i < t->run.count; i++) {
        t->numbers[i] = m->segments[t->run.first + i].number;
        t->bytes += m->segments[t->run.first + i].bytes;
    }
    t->number = m->next_segment > w->next_segment ? m->next_segment : w->next_segment;
    w->next_segment = t->number + 1;
    w->task = t;
    *out = t;
    return STATUS_OK;
}

enum status index_merge_begin(struct index *ix, bool idle, struct merge_task **out)
{
    return merge_task_create(ix, idle ? choose_idle : choose_due, out);
}

uint64_t merge_task_bytes(const struct merge_task *t)
{
    return t->bytes;
}

/* --- dictionary ------------------------------------------------------------------------------- */

/* An even sample of the inputs' living records. */
static enum status sample(struct merge_task *t, const struct segment *const *inputs,
                          struct buf *samples, size_t *lens, uint32_t most, uint32_t *used)
{
    uint32_t step = t->docs / most + 1, at = 0;
    enum status st = STATUS_OK;
    for (uint32_t k = 0; k < t->run.count; k++)
        for (uint32_t d = 0; d < segment_doc_count(inputs[k]) && !st; d++) {
            struct slice record;
            if (!live_get(&t->from->live, segment_base(inputs[k]) + d) || at++ % step)
                continue;
            st = segment_record(inputs[k], d, t->reader, &record);
            if (st || *used == most || samples->len > RECORD_MERGE_SAMPLES)
                break;
            if (!record_packs(record.len))
                continue;
            buf_put_slice(samples, record);
            lens[(*used)++] = record.len;
        }
    return !st && samples->failed ? STATUS_NO_MEMORY : st;
}

/* What the first batch taught serves badly when the catalog has doubled: a merge that holds
 * most of it learns anew and packs everything with that. */
static enum status learn(struct merge_task *t, const struct segment *const *inputs)
{
    enum { MOST = 73728 };
    struct slice old = SLICE_NULL;
    uint32_t number = t->from->meta.dictionary, docs = 0, used = 0;
    enum status st = number ? dictionary_read(t->from->txn, number, &docs, &old) : STATUS_OK;
    st = st ? st : record_writer_create(old, number, &t->writer);
    if (st)
        return st;
    if (!record_writer_dictionary(t->writer)) /* none, or one of frames */
        docs = 0;
    bool worth = t->docs >= TRAIN_DOCS && t->docs / TRAIN_GROWTH >= docs;
    struct buf samples = BUF_INIT;
    size_t *lens = worth ? calloc(MOST, sizeof *lens) : NULL;
    if (!st && worth)
        st = lens ? sample(t, inputs, &samples, lens, MOST, &used) : STATUS_NO_MEMORY;
    if (!st && worth &&
        pieces_train(buf_slice(&samples), lens, used, &t->dictionary) == STATUS_OK) {
        record_writer_destroy(&t->writer);
        st = record_writer_create(buf_slice(&t->dictionary), number + 1, &t->writer);
        if (!st)
            record_writer_thorough(t->writer);
    }
    free(lens);
    buf_fini(&samples);
    return st;
}

/* --- run -------------------------------------------------------------------------------------- */

static bool live_then(void *ctx, uint32_t docid)
{
    return live_get(ctx, docid);
}

enum status merge_task_run(struct merge_task *t)
{
    const struct segment *inputs[MERGE_INPUTS_MAX] = {NULL};
    const struct segment_row *first = &t->from->meta.segments[t->run.first],
                             *last = first + t->run.count - 1;
    for (uint32_t i = 0; i < t->run.count; i++)
        inputs[i] = t->from->segments[t->run.first + i];
    enum status st = record_reader_create(&t->reader);
    for (uint32_t i = 0; i < t->run.count && !st; i++) {
        t->docs += segment_record_count(inputs[i]);
        st = dictionary_know(t->reader, t->from->txn, segment_dictionary(inputs[i]));
    }
    st = st ? st : learn(t, inputs);
    struct merge_records records = {t->reader, t->writer};
    st = st ? st
            : segment_merge(inputs, t->run.count, live_then, &t->from->live, &records,
                            segment_image_sink, &t->image);
    uint32_t end = last->base + last->count;
    t->dead = end - first->base - live_count(&t->from->live, first->base, end);
    snapshot_destroy(&t->from);
    return st;
}

/* --- write ------------------------------------------------------------------------------------ */

static enum status delete_column_rows(struct store_txn *t, const struct schema *schema,
                                      uint32_t chunk_idx)
{
    for (uint32_t i = 0; i < schema->field_count + SYSTEM_COLUMNS; i++) {
        uint32_t id = i < schema->field_count ? i : COLUMN_VERSION + (i - schema->field_count);
        uint8_t key[COLUMN_KEY_LEN];
        column_key(key, id, chunk_idx);
        enum status st = store_delete(t, STORE_COLUMNS, slice_make(key, sizeof key));
        if (st && st != STATUS_NOT_FOUND)
            return st;
    }
    return STATUS_OK;
}

/* Columns of chunks in which nothing lives any more. */
static enum status drop_dead_columns(struct writer *w, struct store_txn *t, uint32_t from,
                                     uint32_t to)
{
    enum status st = STATUS_OK;
    for (uint32_t k = (from + COLUMN_CHUNK - 1) / COLUMN_CHUNK; k < to / COLUMN_CHUNK && !st; k++)
        if (live_count(&w->live, k * COLUMN_CHUNK, (k + 1) * COLUMN_CHUNK) == 0)
            st = delete_column_rows(t, w->base->schema, k);
    return st;
}

static bool is_input(const struct merge_task *t, uint32_t number)
{
    for (uint32_t i = 0; i < t->run.count; i++)
        if (t->numbers[i] == number)
            return true;
    return false;
}

/* The inputs' rows in the state of now; count 0 when they are not there as they were. */
static struct merge_run find_inputs(const struct merge_task *t, const struct meta *m)
{
    for (uint32_t i = 0; i + t->run.count <= m->segment_count; i++) {
        uint32_t k = 0;
        while (k < t->run.count && m->segments[i + k].number == t->numbers[k])
            k++;
        if (k == t->run.count)
            return (struct merge_run){i, k};
    }
    return (struct merge_run){0, 0};
}

/* The dictionary the merge made; those that no segment needs any more go. */
static enum status switch_dictionary(struct merge_task *t, struct store_txn *txn, struct meta *m)
{
    const struct snapshot *base = t->ix->writer->base;
    char key[DICTIONARY_KEY_MAX];
    struct buf row = BUF_INIT;
    uint32_t number = m->dictionary + 1;
    if (!t->dictionary.len)
        return STATUS_OK;
    m->dictionary = number;
    wire_put_u32(&row, t->docs);
    buf_put_slice(&row, buf_slice(&t->dictionary));
    enum status st = row.failed
                         ? STATUS_NO_MEMORY
                         : store_put(txn, STORE_META, dictionary_key(key, number), buf_slice(&row));
    buf_fini(&row);
    for (uint32_t n = 1; n < number && !st; n++) {
        bool needed = false;
        for (uint32_t i = 0; i < base->segment_count; i++)
            needed |= segment_dictionary(base->segments[i]) == n &&
                      !is_input(t, base->segment_numbers[i]);
        st = needed ? STATUS_OK : store_delete(txn, STORE_META, dictionary_key(key, n));
        st = st == STATUS_NOT_FOUND ? STATUS_OK : st;
    }
    return st;
}

static enum status switch_list(struct merge_task *t, struct store_txn *txn)
{
    struct writer *w = t->ix->writer;
    struct merge_run run = find_inputs(t, &w->base->meta);
    if (!run.count ||
        (t->dictionary.len && w->base->meta.dictionary + 1 != record_writer_dictionary(t->writer)))
        return segment_remove(txn, t->number);
    struct meta *m = malloc(sizeof *m);
    if (!m)
        return STATUS_NO_MEMORY;
    *m = w->base->meta;
    const struct segment_row *first = &m->segments[run.first],
                             *last = &m->segments[run.first + run.count - 1];
    struct segment_row row = {.number = t->number,
                              .base = first->base,
                              .count = last->base + last->count - first->base,
                              .folded = t->dead,
                              .bytes = t->image.bytes};
    row.dead = row.count - live_count(&w->live, row.base, row.base + row.count);
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < run.count && !st; i++)
        st = segment_remove(txn, t->numbers[i]);
    st = st ? st : drop_dead_columns(w, txn, row.base, row.base + row.count);
    st = st ? st : switch_dictionary(t, txn, m);
    if (!st) {
        merge_replace(m, run, row);
        m->next_segment = w->next_segment > m->next_segment ? w->next_segment : m->next_segment;
        st = visible_keep(txn, m->generation, m->generation + 1);
        m->generation++;
        st = st ? st : meta_write(txn, m);
    }
    free(m);
    return st;
}

static enum status put_extents(struct merge_task *t, struct store_txn *txn, uint64_t max_bytes,
                               uint32_t *written)
{
    uint64_t bytes = 0;
    enum status st = STATUS_OK;
    for (; !st && *written < t->image.count && bytes < max_bytes; ++*written) {
        uint8_t key[SEGMENT_KEY_LEN];
        segment_key(key, t->number, *written);
        bytes += t->image.extents[*written].len;
        st = store_put_raw(txn, STORE_SEGMENTS, slice_make(key, sizeof key),
                           t->image.extents[*written]);
    }
    return st;
}

enum status index_merge_write(struct index *ix, struct merge_task *t, uint64_t max_bytes,
                              bool *done)
{
    struct writer *w = ix->writer;
    struct store_txn *txn = NULL;
    uint32_t written = t->written;
    *done = false;
    if (w->busy)
        return STATUS_IN_PROGRESS;
    enum status st = writer_begin(w);
    if (st)
        return st;
    st = store_begin(ix->store, true, &txn);
    st = st ? st : put_extents(t, txn, max_bytes ? max_bytes : SLICE_BYTES, &written);
    bool last = written == t->image.count;
    if (!st && last)
        st = switch_list(t, txn);
    st = st ? st : store_commit(&txn);
    if (!st) {
        t->written = written;
        t->switched = *done = last;
    }
    store_abort(&txn);
    snapshot_end(w->base);
    return st;
}

/* --- end -------------------------------------------------------------------------------------- */

/* Of a task given up half-way; when even that fails, the next open does it. */
static void take_back(struct merge_task *t)
{
    struct store_txn *txn;
    if (store_begin(t->ix->store, true, &txn))
        return;
    if (segment_remove(txn, t->number) == STATUS_OK)
        store_commit(&txn);
    store_abort(&txn);
}

void merge_task_destroy(struct merge_task **tp)
{
    struct merge_task *t = *tp;
    if (!t)
        return;
    if (t->written && !t->switched)
        take_back(t);
    if (t->ix->writer->task == t)
        t->ix->writer->task = NULL;
    snapshot_destroy(&t->from);
    segment_image_fini(&t->image);
    record_reader_destroy(&t->reader);
    record_writer_destroy(&t->writer);
    buf_fini(&t->dictionary);
    free(t);
    *tp = NULL;
}
