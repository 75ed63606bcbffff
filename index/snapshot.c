#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/snapshot.h"

#include <stdlib.h>

#include "index/expiry_moves.h"
#include "index/index_private.h"
#include "index/visible.h"

enum { AHEAD_BYTES = 4 << 20 }; /* of what a commit wrote, before it is read */

/* --- segments --------------------------------------------------------------------------------- */

void segment_key(uint8_t key[SEGMENT_KEY_LEN], uint32_t number, uint32_t extent)
{
    wire_store32(key, __builtin_bswap32(number));
    wire_store32(key + 4, __builtin_bswap32(extent));
}

enum status segment_lookup_txn(void *ctx, uint32_t number, uint32_t extent, struct slice *value)
{
    uint8_t key[SEGMENT_KEY_LEN];
    segment_key(key, number, extent);
    return store_get_raw(ctx, STORE_SEGMENTS, slice_make(key, sizeof key), value);
}

static struct segment *take_known(struct snapshot *s, uint32_t number)
{
    for (uint32_t i = 0; i < s->segment_count; i++)
        if (s->segments[i] && s->segment_numbers[i] == number) {
            struct segment *found = s->segments[i];
            s->segments[i] = NULL;
            return found;
        }
    return NULL;
}

static void close_segments(struct snapshot *s)
{
    for (uint32_t i = 0; i < s->segment_count; i++)
        if (s->segments[i])
            segment_close(&s->segments[i]);
    s->segment_count = 0;
}

static enum status bind_segment(struct snapshot *s, const struct segment_row *row,
                                struct segment **out)
{
    enum status st;
    *out = take_known(s, row->number);
    if (*out)
        st = segment_rebind(*out, segment_lookup_txn, s->txn);
    else
        st = segment_open(row->number, segment_lookup_txn, s->txn, out);
    if (st == STATUS_NOT_FOUND)
        st = STATUS_CORRUPT; /* the list names it, so it must be there */
    if (!st)
        segment_set_pulse(*out, &s->pulse);
    if (!st && (segment_base(*out) != row->base || segment_doc_count(*out) != row->count))
        st = STATUS_CORRUPT;
    return st;
}

static enum status bind_segments(struct snapshot *s)
{
    uint32_t n = s->meta.segment_count, done = 0;
    struct segment **bound = calloc(n ? n : 1, sizeof(struct segment *));
    enum status st = bound ? STATUS_OK : STATUS_NO_MEMORY;
    while (!st && done < n) {
        st = bind_segment(s, &s->meta.segments[done], &bound[done]);
        done++;
    }
    close_segments(s);
    for (uint32_t i = 0; i < done; i++) {
        if (st && bound[i])
            segment_close(&bound[i]);
        s->segments[i] = bound[i];
        s->segment_numbers[i] = s->meta.segments[i].number;
    }
    s->segment_count = st ? 0 : n;
    s->expected_ids = 0;
    s->ids_learned = false;
    free(bound);
    return st;
}

/* Segments never change: their numbers tell all that is in them. */
static uint64_t name_dictionary(const struct snapshot *s)
{
    uint64_t of = XXH3_64bits_withSeed(s->meta.uuid, sizeof s->meta.uuid, s->schema_version);
    return XXH3_64bits_withSeed(s->segment_numbers, s->segment_count * sizeof *s->segment_numbers,
                                of);
}

/* --- life ------------------------------------------------------------------------------------- */

enum status schema_load(struct store_txn *t, struct schema **out)
{
    struct slice bytes;
    enum status st = store_get(t, STORE_META, SLICE_LIT("schema"), &bytes);
    if (!st)
        st = schema_decode(bytes, out, NULL);
    return st == STATUS_INVALID || st == STATUS_NOT_FOUND ? STATUS_CORRUPT : st;
}

enum status snapshot_create(struct index *ix, struct snapshot **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return STATUS_NO_MEMORY;
    (*out)->ix = ix;
    return STATUS_OK;
}

static void drop_columns(struct snapshot *s)
{
    for (uint32_t i = 0; i < SNAPSHOT_COLUMNS; i++) {
        column_fini(&s->columns[i]);
        s->columns[i] = (struct column){0};
    }
}

void snapshot_destroy(struct snapshot **sp)
{
    struct snapshot *s = *sp;
    if (!s)
        return;
    close_segments(s);
    drop_columns(s);
    for (uint32_t i = 0; i < META_FIELDS; i++)
        value_index_free(&s->values[i]);
    facet_values_fini(s);
    live_fini(&s->live);
    schema_destroy(&s->schema);
    record_reader_destroy(&s->reader);
    buf_fini(&s->record);
    buf_fini(&s->items);
    buf_fini(&s->scratch);
    store_abort(&s->txn);
    free(s);
    *sp = NULL;
}

static enum status load_schema(struct snapshot *s)
{
    if (s->schema && s->schema_version == s->meta.schema_version)
        return STATUS_OK;
    struct schema *fresh;
    enum status st = schema_load(s->txn, &fresh);
    if (st)
        return st;
    schema_destroy(&s->schema);
    drop_columns(s); /* kinds belong to the schema */
    s->schema = fresh;
    s->schema_version = s->meta.schema_version;
    return STATUS_OK;
}

static enum status refresh(struct snapshot *s)
{
    s->number = 0;
    s->epoch++;
    store_map_ahead(s->ix->store, AHEAD_BYTES);
    enum status st = meta_read(s->txn, &s->meta);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_CORRUPT : st;
    if ((st = load_schema(s)) || (st = bind_segments(s)))
        return st;
    if ((st = live_load(&s->live, s->txn, s->meta.docid_end)) ||
        (st = settings_any(s->txn, &s->has_settings)) ||
        (st = visible_of(s->txn, s->meta.generation, &s->visible)))
        return st;
    s->dictionary = name_dictionary(s);
    s->number = store_txn_number(s->txn);
    return STATUS_OK;
}

enum status snapshot_begin(struct snapshot *s)
{
    enum status st = s->txn ? store_renew(s->txn) : store_begin(s->ix->store, false, &s->txn);
    if (st)
        return st;
    s->active = true;
    if (store_txn_number(s->txn) != s->number && (st = refresh(s)))
        snapshot_end(s);
    return st;
}

void snapshot_end(struct snapshot *s)
{
    if (s->active)
        store_reset(s->txn);
    s->active = false;
}

/* --- facts ------------------------------------------------------------------------------------ */

struct edition snapshot_edition(const struct snapshot *s)
{
    return (struct edition){wire_load64(s->meta.uuid), wire_load64(s->meta.uuid + 8)};
}

uint64_t snapshot_generation(const struct snapshot *s)
{
    return s->meta.generation;
}

uint64_t snapshot_visible(const struct snapshot *s)
{
    return s->visible;
}

uint64_t snapshot_sequence(const struct snapshot *s)
{
    return s->meta.sequence;
}

uint64_t snapshot_settings_sequence(const struct snapshot *s)
{
    return s->meta.settings_sequence;
}

uint32_t snapshot_live_count(const struct snapshot *s)
{
    return s->meta.live;
}

uint32_t snapshot_docid_end(const struct snapshot *s)
{
    return s->meta.docid_end;
}

const struct schema *snapshot_schema(const struct snapshot *s)
{
    return s->schema;
}

uint64_t snapshot_dictionary(const struct snapshot *s)
{
    return s->dictionary;
}

uint32_t snapshot_segment_count(const struct snapshot *s)
{
    return s->segment_count;
}

const struct segment *snapshot_segment(const struct snapshot *s, uint32_t i)
{
    return s->segments[i];
}

const struct segment *snapshot_segment_of(const struct snapshot *s, uint32_t docid)
{
    uint32_t lo = 0, hi = s->segment_count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        const struct segment_row *row = &s->meta.segments[mid];
        if (row->base + row->count <= docid)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->segment_count && s->meta.segments[lo].base <= docid ? s->segments[lo] : NULL;
}

const uint64_t *snapshot_live_chunk(const struct snapshot *s, uint32_t chunk_idx)
{
    return live_words(&s->live, chunk_idx);
}

bool snapshot_is_live(const struct snapshot *s, uint32_t docid)
{
    return live_get(&s->live, docid);
}

bool snapshot_segment_all_live(const struct snapshot *s, uint32_t i)
{
    return s->meta.segments[i].dead == 0;
}

/* --- columns ---------------------------------------------------------------------------------- */

uint32_t column_slot_of(uint32_t id)
{
    if (id < 256)
        return id;
    return id >= COLUMN_VERSION && id < COLUMN_VERSION + SYSTEM_COLUMNS ? 256 + (id & 0xff)
                                                                        : UINT32_MAX;
}

struct column *snapshot_column(struct snapshot *s, uint32_t id)
{
    uint32_t slot = column_slot_of(id);
    if (slot == UINT32_MAX)
        return NULL;
    struct column *c = &s->columns[slot];
    if (c->txn)
        return c;
    if (id < 256 && (id >= s->schema->field_count || !s->schema->fields[id].has_column))
        return NULL;
    c->id = id;
    c->kind = id < 256 ? product_column_kind(&s->schema->fields[id]) : COLUMN_INT;
    c->epoch = &s->epoch;
    c->trouble = &s->trouble;
    c->txn = &s->txn;
    return c;
}

struct pulse *snapshot_pulse(struct snapshot *s)
{
    return &s->pulse;
}

enum status snapshot_trouble(struct snapshot *s)
{
    enum status st = s->trouble;
    s->trouble = STATUS_OK;
    return st;
}

void snapshot_column_or(struct snapshot *s, uint32_t id, uint32_t docid, int64_t *value)
{
    struct column *c = snapshot_column(s, id);
    int64_t v;
    if (c && column_int(c, docid, &v) == STATUS_OK)
        *value = v;
}

struct windows snapshot_freshness(struct snapshot *s, uint32_t docid)
{
    struct windows f = {0, -1, -1, -1};
    snapshot_column_or(s, COLUMN_VALIDATED, docid, &f.validated_ms);
    snapshot_column_or(s, COLUMN_TTL, docid, &f.ttl_ms);
    snapshot_column_or(s, COLUMN_SWR, docid, &f.swr_ms);
    snapshot_column_or(s, COLUMN_SIE, docid, &f.sie_ms);
    return f;
}

/* --- expiry and usage ------------------------------------------------------------------------- */

void snapshot_stamp_prefetch(struct snapshot *s, uint32_t docid)
{
    struct column *validated = snapshot_column(s, COLUMN_VALIDATED),
                  *ttl = snapshot_column(s, COLUMN_TTL);
    if (validated)
        column_prefetch(validated, docid);
    if (ttl)
        column_prefetch(ttl, docid);
}

void snapshot_stamps(struct snapshot *s, const uint32_t *docids, uint32_t count,
                     struct product_stamp *out)
{
    int64_t validated[SNAPSHOT_STAMPS] = {0}, ttl[SNAPSHOT_STAMPS];
    struct column *of_validated = snapshot_column(s, COLUMN_VALIDATED),
                  *of_ttl = snapshot_column(s, COLUMN_TTL);
    for (uint32_t i = 0; i < count; i++)
        ttl[i] = s->schema->ttl_ms;
    if (of_validated)
        column_ints(of_validated, docids, count, 0, validated);
    if (of_ttl)
        column_ints(of_ttl, docids, count, s->schema->ttl_ms, ttl);
    for (uint32_t i = 0; i < count; i++)
        out[i] =
            (struct product_stamp){validated[i], expiry_stale_earliest_ms(validated[i], ttl[i])};
}

enum status snapshot_times(struct snapshot *s, uint32_t docid, struct slice id,
                           struct product_times *out)
{
    struct windows f = snapshot_freshness(s, docid);
    const struct schema *schema = s->schema;
    enum status st = STATUS_OK;
    int64_t swr = f.swr_ms >= 0 ? f.swr_ms : schema->swr_ms;
    bool expires = f.ttl_ms > 0 || (f.ttl_ms < 0 && schema->ttl_ms > 0);
    if (expires && !id.len && (st = snapshot_id(s, docid, &id)))
        return st;
    out->validated_ms = f.validated_ms;
    out->stale_ms = expiry_stale_ms(schema, &f, id);
    out->limit_ms = expiry_limit_from_ms(schema, &f, out->stale_ms);
    out->soft_ms = out->limit_ms;
    if (expires && swr < out->limit_ms - out->stale_ms)
        out->soft_ms = out->stale_ms + swr;
    return STATUS_OK;
}

enum status snapshot_expired(struct snapshot *s, int64_t after_ms, int64_t until_ms,
                             bool (*each)(void *ctx, uint32_t docid), void *ctx, int64_t *next_ms)
{
    struct store_cursor *c;
    struct slice key, value;
    uint8_t from[EXPIRY_KEY_LEN];
    int64_t limit = EXPIRY_NEVER;
    uint32_t docid;
    bool more = true;
    enum status st = store_cursor_open(s->txn, STORE_EXPIRY, &c);
    if (st)
        return st;
    expiry_key(from, after_ms < 0 ? 0 : after_ms + 1, 0);
    st = store_seek(c, slice_make(from, sizeof from), &key, &value);
    while (!st && more) {
        if (!expiry_parse(key, &limit, &docid))
            st = STATUS_CORRUPT;
        else if (limit > until_ms)
            break;
        else if ((more = each(ctx, docid)))
            st = store_next(c, &key, &value);
    }
    store_cursor_close(&c);
    if (next_ms)
        *next_ms = st ? EXPIRY_NEVER : limit;
    return st == STATUS_END ? STATUS_OK : st;
}

enum status snapshot_expiry_moves(struct snapshot *s, uint64_t since, int64_t until_ms,
                                  uint64_t most, enum status (*each)(void *ctx, uint32_t docid),
                                  void *ctx, bool *told)
{
    return expiry_moves_since(s->txn, since, until_ms, most, each, ctx, told);
}

enum status snapshot_usage(struct snapshot *s, struct index_usage *out)
{
    struct store_usage u;
    enum status st = store_usage(s->ix->store, s->txn, &u);
    if (st)
        return st;
    *out = (struct index_usage){.map_bytes = u.map_bytes,
                                .used_bytes = u.used_bytes - u.free_pages * u.page_bytes,
                                .file_bytes = u.used_bytes,
                                .free_pages = u.free_pages,
                                .reader_count = u.reader_count,
                                .oldest_reader_lag = u.oldest_reader_lag,
                                .segments = s->segment_count,
                                .docids = s->meta.docid_end,
                                .live = s->meta.live,
                                .weight = s->meta.weight};
    for (uint32_t i = 0; i < s->segment_count; i++) {
        out->dead += s->meta.segments[i].dead - s->meta.segments[i].folded;
        out->terms += segment_term_count(s->segments[i]);
        out->postings += segment_posting_count(s->segments[i]);
    }
    return STATUS_OK;
}

bool snapshot_map_beyond(struct snapshot *s, uint32_t percent)
{
    struct index_usage u;
    uint64_t end, map;
    if (store_extent(s->ix->store, &end, &map) || end < map / 100 * percent)
        return false;
    return snapshot_usage(s, &u) == STATUS_OK && u.used_bytes >= map / 100 * percent;
}
