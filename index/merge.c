#include "index/merge.h"

#include <stdlib.h>

enum { TXN_BYTES = 32 << 20, DEAD_PART = 4 };

/* --- choosing --------------------------------------------------------------------------------- */

static uint32_t tier_of(uint32_t count)
{
    uint32_t t = 0;
    while (count >= MERGE_FACTOR) {
        count /= MERGE_FACTOR;
        t++;
    }
    return t;
}

bool merge_compatible(const struct segment *a, const struct segment *b)
{
    return segment_field_count(a) == segment_field_count(b) &&
           segment_dictionary(a) == segment_dictionary(b);
}

static struct merge_run find_in_tier(const struct meta *m, const struct segment *const *segments,
                                     uint32_t tier, uint64_t most)
{
    struct merge_run run = {0, 0};
    uint64_t docs = 0;
    for (uint32_t i = m->segment_count; i-- > 0;) {
        uint32_t count = m->segments[i].count;
        bool fits = tier_of(count) <= tier && docs + count < most &&
                    (!run.count || merge_compatible(segments[i], segments[run.first]));
        if (fits) {
            run.first = i;
            run.count++;
            docs += count;
            continue;
        }
        if (run.count >= MERGE_FACTOR)
            return run;
        run.count = 0;
        docs = 0;
    }
    return run.count >= MERGE_FACTOR ? run : (struct merge_run){0, 0};
}

struct merge_run merge_find(const struct meta *m, const struct segment *const *segments,
                            uint64_t most)
{
    struct merge_run run = {0, 0};
    for (uint32_t t = 0; t < MERGE_TIERS && !run.count; t++)
        run = find_in_tier(m, segments, t, most);
    return run;
}

struct merge_run merge_find_dead(const struct meta *m)
{
    for (uint32_t i = 0; i < m->segment_count; i++) {
        const struct segment_row *s = &m->segments[i];
        /* Ranges do not shrink: what was folded before counts as live from then on. */
        if (s->count >= MERGE_SMALL && s->dead - s->folded > (s->count - s->folded) / DEAD_PART)
            return (struct merge_run){i, 1};
    }
    return (struct merge_run){0, 0};
}

void merge_replace(struct meta *m, struct merge_run run, struct segment_row row)
{
    m->segments[run.first] = row;
    memmove(&m->segments[run.first + 1], &m->segments[run.first + run.count],
            (m->segment_count - run.first - run.count) * sizeof *m->segments);
    m->segment_count -= run.count - 1;
}

/* --- doing ------------------------------------------------------------------------------------ */

/* Writes extents in transactions of their own; nothing refers to them until the list does. */
struct extent_writer {
    struct store *store;
    struct store_txn *txn;
    uint32_t number;
    uint64_t open_bytes, bytes;
    struct buf value;
};

static enum status write_extent(void *ctx, uint32_t extent, struct slice bytes, uint64_t checksum)
{
    struct extent_writer *w = ctx;
    enum status st = STATUS_OK;
    if (w->txn && w->open_bytes + bytes.len > TXN_BYTES)
        st = store_commit(&w->txn);
    if (!st && !w->txn) {
        w->open_bytes = 0;
        st = store_begin(w->store, true, &w->txn);
    }
    if (st)
        return st;
    uint8_t key[SEGMENT_KEY_LEN];
    segment_key(key, w->number, extent);
    buf_clear(&w->value);
    buf_put_slice(&w->value, bytes);
    wire_put_u64(&w->value, checksum);
    w->open_bytes += bytes.len;
    w->bytes += bytes.len;
    if (w->value.failed)
        return STATUS_NO_MEMORY;
    return store_put_raw(w->txn, STORE_SEGMENTS, slice_make(key, sizeof key), buf_slice(&w->value));
}

static bool writer_live(void *ctx, uint32_t docid)
{
    return live_get(ctx, docid);
}

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

static enum status switch_list(struct index *ix, struct extent_writer *e, struct merge_run run)
{
    struct writer *w = ix->writer;
    struct meta *m = malloc(sizeof *m);
    if (!m)
        return STATUS_NO_MEMORY;
    *m = w->base->meta;
    const struct segment_row *first = &m->segments[run.first],
                             *last = &m->segments[run.first + run.count - 1];
    struct segment_row row = {.number = e->number,
                              .base = first->base,
                              .count = last->base + last->count - first->base,
                              .bytes = e->bytes};
    row.dead = row.count - live_count(&w->live, row.base, row.base + row.count);
    row.folded = row.dead;
    enum status st = STATUS_OK;
    if (!e->txn)
        st = store_begin(ix->store, true, &e->txn);
    for (uint32_t i = 0; i < run.count && !st; i++)
        st = segment_remove(e->txn, m->segments[run.first + i].number);
    st = st ? st : drop_dead_columns(w, e->txn, row.base, row.base + row.count);
    if (!st) {
        merge_replace(m, run, row);
        m->next_segment = e->number + 1;
        m->generation = store_txn_number(e->txn);
        st = meta_write(e->txn, m);
    }
    st = st ? st : store_commit(&e->txn);
    free(m);
    return st;
}

static enum status merge_run_now(struct index *ix, struct merge_run run)
{
    struct writer *w = ix->writer;
    struct extent_writer e = {.store = ix->store, .number = w->base->meta.next_segment};
    const struct segment *inputs[META_MAX_SEGMENTS];
    for (uint32_t i = 0; i < run.count; i++)
        inputs[i] = w->base->segments[run.first + i];
    enum status st = segment_merge(inputs, run.count, writer_live, &w->live, write_extent, &e);
    st = st ? st : switch_list(ix, &e, run);
    store_abort(&e.txn);
    buf_fini(&e.value);
    return st;
}

static struct merge_run shrink(const struct meta *m, struct merge_run run, uint64_t max_bytes)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < run.count; i++) {
        bytes += m->segments[run.first + i].bytes;
        if (max_bytes && bytes > max_bytes && i >= 2)
            run.count = i;
    }
    return run;
}

enum status index_merge_step(struct index *ix, uint64_t max_bytes, bool *worked)
{
    struct writer *w = ix->writer;
    *worked = false;
    if (!w)
        return STATUS_READ_ONLY;
    if (w->busy)
        return STATUS_IN_PROGRESS;
    enum status st = writer_begin(w);
    if (st)
        return st;
    const struct segment *const *segments = (const struct segment *const *)w->base->segments;
    struct merge_run run = merge_find(&w->base->meta, segments, UINT32_MAX);
    run = shrink(&w->base->meta, run, max_bytes);
    if (!run.count)
        run = merge_find_dead(&w->base->meta);
    if (run.count) {
        st = merge_run_now(ix, run);
        *worked = st == STATUS_OK;
    }
    snapshot_end(w->base);
    return st;
}

/* The first run of at least two neighbours that may stand in one segment. */
static struct merge_run find_any(const struct snapshot *s)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i <= s->segment_count; i++) {
        if (i < s->segment_count && merge_compatible(s->segments[i], s->segments[first]))
            continue;
        if (i - first > 1)
            return (struct merge_run){first, i - first};
        first = i;
    }
    return (struct merge_run){0, 0};
}

enum status index_merge_all(struct index *ix)
{
    struct writer *w = ix->writer;
    enum status st = STATUS_OK;
    if (!w)
        return STATUS_READ_ONLY;
    if (w->busy)
        return STATUS_IN_PROGRESS;
    for (bool more = true; more && !st;) {
        if ((st = writer_begin(w)))
            return st;
        struct merge_run run = find_any(w->base);
        more = run.count > 0;
        if (more)
            st = merge_run_now(ix, run);
        snapshot_end(w->base);
    }
    return st;
}
