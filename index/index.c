#include "index/index.h"

#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

#include "index/batch_private.h"

enum { DEFAULT_READERS = 4096 };

#define DEFAULT_MAP_BYTES ((uint64_t)64 << 30)

static uint64_t analyser_stamp(void)
{
    const char *v = analyse_version();
    return XXH3_64bits(v, strlen(v));
}

/* --- creating --------------------------------------------------------------------------------- */

static struct store_options store_options_of(const struct index_options *o, bool create)
{
    return (struct store_options){.map_bytes = o && o->map_bytes ? o->map_bytes : DEFAULT_MAP_BYTES,
                                  .read_only = o && o->read_only && !create,
                                  .create = create,
                                  .max_readers =
                                      o && o->max_readers ? o->max_readers : DEFAULT_READERS};
}

static enum status name_edition(struct meta *m)
{
    return getrandom(m->uuid, sizeof m->uuid, 0) == sizeof m->uuid ? STATUS_OK : STATUS_IO;
}

static enum status write_first(struct store *store, const struct schema *schema)
{
    struct store_txn *t = NULL;
    struct buf bytes = BUF_INIT;
    struct meta *m = calloc(1, sizeof *m);
    enum status st = m ? store_begin(store, true, &t) : STATUS_NO_MEMORY;
    struct slice old;
    if (!st && store_get(t, STORE_META, SLICE_LIT("meta"), &old) != STATUS_NOT_FOUND)
        st = STATUS_EXISTS;
    schema_encode(schema, &bytes);
    if (!st && bytes.failed)
        st = STATUS_NO_MEMORY;
    if (!st)
        st = store_put(t, STORE_META, SLICE_LIT("schema"), buf_slice(&bytes));
    if (!st)
        st = name_edition(m);
    if (!st) {
        m->analyser = analyser_stamp();
        m->generation = 1;
        m->schema_version = 1;
        m->next_segment = 1;
        st = meta_write(t, m);
    }
    if (!st)
        st = store_commit(&t);
    store_abort(&t);
    buf_fini(&bytes);
    free(m);
    return st;
}

enum status index_create(const char *dir, const struct schema *schema,
                         const struct index_options *o, struct fault *fault)
{
    struct store *store;
    struct store_options so = store_options_of(o, true);
    enum status st = store_open(dir, &so, &store);
    if (!st)
        st = write_first(store, schema);
    if (store)
        store_close(&store);
    return st ? fault_set(fault, st, "", "cannot make an index in %s: %s", dir, status_text(st))
              : st;
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool in_list(const struct meta *m, uint32_t number)
{
    for (uint32_t i = 0; i < m->segment_count; i++)
        if (m->segments[i].number == number)
            return true;
    return false;
}

/* The next segment number with extents that the list does not name; END. */
static enum status find_leftover(struct store_txn *t, const struct meta *m, uint32_t *number)
{
    struct store_cursor *c;
    struct slice found, value;
    uint8_t key[SEGMENT_KEY_LEN] = {0};
    enum status st = store_cursor_open(t, STORE_SEGMENTS, &c);
    if (st)
        return st;
    st = store_seek(c, SLICE_NULL, &found, &value);
    while (!st) {
        if (found.len != SEGMENT_KEY_LEN) {
            st = STATUS_CORRUPT;
            break;
        }
        *number = __builtin_bswap32(wire_load32(found.ptr));
        if (!in_list(m, *number))
            break;
        if (*number == UINT32_MAX)
            st = STATUS_END;
        else {
            segment_key(key, *number + 1, 0);
            st = store_seek(c, slice_make(key, sizeof key), &found, &value);
        }
    }
    store_cursor_close(&c);
    return st;
}

static enum status remove_extents_of(struct store_txn *t, uint32_t number)
{
    struct store_cursor *c;
    struct slice found, value;
    uint8_t key[SEGMENT_KEY_LEN];
    segment_key(key, number, 0);
    enum status st = store_cursor_open(t, STORE_SEGMENTS, &c);
    while (!st) {
        st = store_seek(c, slice_make(key, sizeof key), &found, &value);
        if (!st && __builtin_bswap32(wire_load32(found.ptr)) != number)
            st = STATUS_END;
        if (!st)
            st = store_cursor_delete(c);
    }
    store_cursor_close(&c);
    return st == STATUS_END ? STATUS_OK : st;
}

/*
 * Extents of a merge that a crash cut short. The list is read in the write transaction itself:
 * where a writer died behind its commit, read transactions see the commit before until the first
 * write transaction has mended the lock, and the newest segments would pass for leftovers.
 */
static enum status clean_leftovers(struct index *ix, struct meta *m)
{
    struct store_txn *t;
    uint32_t number;
    enum status st = store_begin(ix->store, true, &t);
    if (st)
        return st;
    bool any = false;
    if ((st = meta_read(t, m))) {
        store_abort(&t);
        return st;
    }
    while (!(st = find_leftover(t, m, &number))) {
        any = true;
        if ((st = remove_extents_of(t, number)))
            break;
    }
    if (st == STATUS_END)
        st = any ? store_commit(&t) : STATUS_OK;
    store_abort(&t);
    return st;
}

static enum status read_state(struct index *ix, struct meta *m)
{
    struct store_txn *t;
    enum status st = store_begin(ix->store, false, &t);
    if (st)
        return st;
    st = meta_read(t, m);
    if (!st)
        st = schema_load(t, &ix->schema);
    store_abort(&t);
    return st;
}

enum status index_open(const char *dir, const struct index_options *o, struct index **out,
                       bool *stale, struct fault *fault)
{
    struct store_options so = store_options_of(o, false);
    *out = NULL;
    struct index *ix = calloc(1, sizeof *ix);
    struct meta *m = calloc(1, sizeof *m);
    enum status st = ix && m ? store_open(dir, &so, &ix->store) : STATUS_NO_MEMORY;
    st = st ? st : read_state(ix, m);
    if (!st) {
        ix->read_only = so.read_only;
        if (stale)
            *stale = m->analyser != analyser_stamp();
        if (!ix->read_only)
            st = clean_leftovers(ix, m);
        if (!st && !ix->read_only)
            st = writer_create(ix, &ix->writer);
    }
    free(m);
    if (st)
        index_close(&ix);
    *out = ix;
    return st ? fault_set(fault, st, "", "cannot open the index in %s: %s", dir, status_text(st))
              : st;
}

void index_close(struct index **ix)
{
    if (!*ix)
        return;
    writer_destroy(&(*ix)->writer);
    schema_destroy(&(*ix)->schema);
    store_close(&(*ix)->store);
    free(*ix);
    *ix = NULL;
}

const struct schema *index_schema(const struct index *ix)
{
    return ix->schema;
}

/* The copy goes its own way: its segments to come have numbers that those of the original have. */
static enum status name_copy(const char *dir)
{
    const struct store_options so = store_options_of(NULL, false);
    struct store *store = NULL;
    struct store_txn *t = NULL;
    struct meta *m = calloc(1, sizeof *m);
    enum status st = m ? store_open(dir, &so, &store) : STATUS_NO_MEMORY;
    if (!st)
        st = store_begin(store, true, &t);
    if (!st)
        st = meta_read(t, m);
    if (!st)
        st = name_edition(m);
    if (!st)
        st = meta_write(t, m);
    if (!st)
        st = store_commit(&t);
    store_abort(&t);
    if (store)
        store_close(&store);
    free(m);
    return st;
}

enum status index_copy_into(struct index *ix, const char *dir)
{
    enum status st = store_copy(ix->store, dir);
    return st ? st : name_copy(dir);
}

uint32_t index_in_memory(struct index *ix)
{
    return store_in_memory(ix->store);
}

bool index_map_ahead(struct index *ix, size_t most)
{
    return store_map_ahead(ix->store, most);
}

void index_warm(struct index *ix)
{
    store_warm(ix->store);
}

enum status index_row_get(struct index *ix, struct slice key, struct buf *value)
{
    struct store_txn *t;
    struct slice v;
    enum status st = store_begin(ix->store, false, &t);
    if (st)
        return st;
    st = store_get(t, STORE_ROWS, key, &v);
    if (!st) {
        buf_put_slice(value, v);
        st = value->failed ? STATUS_NO_MEMORY : STATUS_OK;
    }
    store_abort(&t);
    return st;
}

/* --- the writer ------------------------------------------------------------------------------- */

enum status writer_create(struct index *ix, struct writer **out)
{
    struct writer *w = calloc(1, sizeof *w);
    if (!w)
        return STATUS_NO_MEMORY;
    enum status st = snapshot_create(ix, &w->base);
    st = st ? st : facet_intern_create(&w->intern);
    st = st ? st : product_tokens_init(&w->tokens);
    if (st)
        writer_destroy(&w);
    *out = w;
    return st;
}

void writer_destroy(struct writer **wp)
{
    struct writer *w = *wp;
    if (!w)
        return;
    snapshot_destroy(&w->base);
    live_fini(&w->live);
    facet_intern_destroy(&w->intern);
    product_tokens_fini(&w->tokens);
    record_writer_destroy(&w->records);
    free(w);
    *wp = NULL;
}

static enum status need_records(struct writer *w)
{
    struct slice dictionary = SLICE_NULL;
    uint32_t docs, number = w->base->meta.dictionary;
    if (w->records && record_writer_dictionary(w->records) == number)
        return STATUS_OK;
    enum status st = number ? dictionary_read(w->base->txn, number, &docs, &dictionary) : STATUS_OK;
    if (st)
        return st;
    record_writer_destroy(&w->records);
    return record_writer_create(dictionary, number, &w->records);
}

enum status writer_begin(struct writer *w)
{
    enum status st = snapshot_begin(w->base);
    if (st)
        return st;
    st = live_load(&w->live, w->base->txn, w->base->meta.docid_end);
    st = st ? st : need_records(w);
    if (st)
        snapshot_end(w->base);
    return st;
}

/* --- altering --------------------------------------------------------------------------------- */

static bool field_compatible(const struct field *was, const struct field *is)
{
    return strcmp(was->name, is->name) == 0 && was->type == is->type &&
           was->searchable == is->searchable && was->has_column == is->has_column &&
           was->stored == is->stored && was->weight_class == is->weight_class;
}

static bool compatible(const struct schema *was, const struct schema *is)
{
    if (is->field_count < was->field_count || is->search_count != was->search_count)
        return false;
    for (uint32_t i = 0; i < was->field_count; i++)
        if (!field_compatible(&was->fields[i], &is->fields[i]))
            return false;
    return true;
}

/* New default windows move the rows of products that have none of their own. */
static enum status move_expiry(struct batch *b, const struct schema *is)
{
    const struct schema *was = b->base->schema;
    uint8_t key[EXPIRY_KEY_LEN];
    enum status st = STATUS_OK;
    if (was->ttl_ms == is->ttl_ms && was->swr_ms == is->swr_ms && was->sie_ms == is->sie_ms)
        return STATUS_OK;
    for (uint32_t d = 0; d < b->doc_base && !st; d++) {
        struct slice id;
        if (!live_get(&b->w->live, d))
            continue;
        struct windows f = snapshot_freshness(b->base, d);
        if ((st = snapshot_id(b->base, d, &id)))
            break;
        int64_t from = expiry_limit_ms(was, &f, id), to = expiry_limit_ms(is, &f, id);
        if (from != to)
            expiry_move_unnamed(&b->expiry, from < to ? from : to);
        expiry_key(key, from, d);
        if (from != to && from != EXPIRY_NEVER)
            st = batch_note_row(b, STORE_EXPIRY, slice_make(key, sizeof key), SLICE_NULL, true);
        expiry_key(key, to, d);
        if (!st && from != to && to != EXPIRY_NEVER)
            st = batch_note_row(b, STORE_EXPIRY, slice_make(key, sizeof key), SLICE_NULL, false);
    }
    return st;
}

enum status batch_alter(struct batch *b, const struct schema *schema)
{
    struct buf bytes = BUF_INIT;
    if (b->failed || b->schema || b->builder || column_edits_bytes(b->edits))
        return b->failed ? b->failed : STATUS_INVALID;
    if (!compatible(b->base->schema, schema))
        return STATUS_SCHEMA_MISMATCH;
    schema_encode(schema, &bytes);
    enum status st =
        bytes.failed ? STATUS_NO_MEMORY : schema_decode(buf_slice(&bytes), &b->schema, NULL);
    buf_fini(&bytes);
    return b->failed = st ? st : move_expiry(b, schema);
}
