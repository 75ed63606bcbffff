#include "index/column_edit.h"

#include <math.h>
#include <stdlib.h>

#include "index/column_pack.h"
#include "index/column_private.h"
#include "protocol/wire.h"

enum {
    FIRST_ITEM_CAP = 1024,
    COLUMN_BEFORE = 8 + 24 /* bytes of a row before what depends on its values */
};

struct open_chunk {
    bool dirty;
    uint64_t present[COLUMN_PRESENT_WORDS];
    union {
        int64_t i[COLUMN_CHUNK];
        double f[COLUMN_CHUNK];
        uint32_t ordinal[COLUMN_CHUNK];
        struct {
            uint32_t start[COLUMN_CHUNK], len[COLUMN_CHUNK];
        } list;
    };
    uint32_t *items; /* ORDINALS: lists in order of writing; old ones stay as garbage */
    uint32_t item_count, item_cap;
};

struct column_edit {
    uint32_t id;
    enum column_kind kind;
    struct open_chunk **chunks;
    uint32_t chunk_cap;
};

struct column_edits {
    struct store_txn *read;
    struct column_edit **by_id; /* [SLOTS] */
    uint64_t bytes;
    struct buf encoded;
};

/* Fields have ids below 256, system columns lie at 0xff00: 512 slots hold both. */
enum { SLOTS = 512 };

static uint32_t slot_of(uint32_t column)
{
    return column < 256 ? column : 256 + (column & 0xff);
}

enum status column_edits_create(struct store_txn *read, struct column_edits **out)
{
    struct column_edits *e = calloc(1, sizeof *e);
    if (e)
        e->by_id = calloc(SLOTS, sizeof(struct column_edit *));
    if (!e || !e->by_id) {
        free(e);
        return STATUS_NO_MEMORY;
    }
    e->read = read;
    *out = e;
    return STATUS_OK;
}

static void free_column(struct column_edit *c)
{
    for (uint32_t i = 0; i < c->chunk_cap; i++)
        if (c->chunks[i]) {
            free(c->chunks[i]->items);
            free(c->chunks[i]);
        }
    free(c->chunks);
    free(c);
}

void column_edits_destroy(struct column_edits **e)
{
    if (!*e)
        return;
    for (uint32_t i = 0; i < SLOTS; i++)
        if ((*e)->by_id[i])
            free_column((*e)->by_id[i]);
    free((*e)->by_id);
    buf_fini(&(*e)->encoded);
    free(*e);
    *e = NULL;
}

uint64_t column_edits_bytes(const struct column_edits *e)
{
    return e->bytes;
}

static bool append_items(struct open_chunk *o, const uint32_t *items, uint32_t count)
{
    if (o->item_cap - o->item_count < count) {
        uint32_t cap = o->item_cap ? o->item_cap * 2 : FIRST_ITEM_CAP;
        while (cap - o->item_count < count)
            cap *= 2;
        uint32_t *p = realloc(o->items, cap * sizeof *p);
        if (!p)
            return false;
        o->items = p;
        o->item_cap = cap;
    }
    if (count)
        memcpy(o->items + o->item_count, items, count * sizeof *items);
    o->item_count += count;
    return true;
}

static void set_present(struct open_chunk *o, uint32_t i, bool on)
{
    uint64_t bit = (uint64_t)1 << (i % 64);
    o->present[i / 64] = on ? o->present[i / 64] | bit : o->present[i / 64] & ~bit;
}

static bool get_present(const struct open_chunk *o, uint32_t i)
{
    return o->present[i / 64] >> (i % 64) & 1;
}

static enum status load_list(struct open_chunk *o, const struct column_chunk *c, uint32_t i)
{
    uint32_t first, count = column_chunk_list(c, i, &first);
    o->list.start[i] = o->item_count;
    o->list.len[i] = count;
    set_present(o, i, count > 0);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t v = column_chunk_item(c, first + k);
        if (!append_items(o, &v, 1))
            return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

static enum status load_values(struct open_chunk *o, const struct column_chunk *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        enum status st;
        switch (c->kind) {
        case COLUMN_INT:
            set_present(o, i, column_chunk_int(c, i, &o->i[i]));
            break;
        case COLUMN_FLOAT:
            set_present(o, i, column_chunk_float(c, i, &o->f[i]));
            break;
        case COLUMN_ORDINAL:
            o->ordinal[i] = column_chunk_ordinal(c, i);
            set_present(o, i, o->ordinal[i] != 0);
            break;
        case COLUMN_ORDINALS:
            if ((st = load_list(o, c, i)))
                return st;
            break;
        }
    }
    return STATUS_OK;
}

static enum status load(struct column_edits *e, struct column_edit *c, uint32_t chunk_idx,
                        struct open_chunk *o)
{
    uint8_t key[COLUMN_KEY_LEN];
    struct slice bytes;
    column_key(key, c->id, chunk_idx);
    enum status st = store_get(e->read, STORE_COLUMNS, slice_make(key, sizeof key), &bytes);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    struct column_slot slot = {0};
    st = column_parse(bytes, c->kind, &slot);
    if (!st)
        st = load_values(o, &slot.chunk);
    free(slot.present_copy);
    return st;
}

static enum status open_column(struct column_edits *e, uint32_t column, enum column_kind kind,
                               struct column_edit **out)
{
    struct column_edit **slot = &e->by_id[slot_of(column)];
    if (!*slot) {
        *slot = calloc(1, sizeof **slot);
        if (!*slot)
            return STATUS_NO_MEMORY;
        (*slot)->id = column;
        (*slot)->kind = kind;
    }
    *out = *slot;
    return (*slot)->kind == kind ? STATUS_OK : STATUS_INTERNAL;
}

static enum status open_chunk(struct column_edits *e, struct column_edit *c, uint32_t chunk_idx,
                              struct open_chunk **out)
{
    if (chunk_idx >= c->chunk_cap) {
        uint32_t cap = (chunk_idx + 16) * 2;
        struct open_chunk **p = realloc(c->chunks, cap * sizeof *p);
        if (!p)
            return STATUS_NO_MEMORY;
        memset(p + c->chunk_cap, 0, (cap - c->chunk_cap) * sizeof *p);
        c->chunks = p;
        c->chunk_cap = cap;
    }
    if (!c->chunks[chunk_idx]) {
        struct open_chunk *o = calloc(1, sizeof *o);
        if (!o)
            return STATUS_NO_MEMORY;
        enum status st = load(e, c, chunk_idx, o);
        if (st) {
            free(o->items);
            free(o);
            return st;
        }
        c->chunks[chunk_idx] = o;
        e->bytes += sizeof *o;
    }
    *out = c->chunks[chunk_idx];
    return STATUS_OK;
}

static enum status open_at(struct column_edits *e, uint32_t column, enum column_kind kind,
                           uint32_t docid, struct open_chunk **out)
{
    struct column_edit *c;
    enum status st = open_column(e, column, kind, &c);
    return st ? st : open_chunk(e, c, docid / COLUMN_CHUNK, out);
}

enum status column_edits_get(struct column_edits *e, uint32_t column, enum column_kind kind,
                             uint32_t docid, struct column_value *out)
{
    struct open_chunk *o;
    *out = (struct column_value){0};
    enum status st = open_at(e, column, kind, docid, &o);
    uint32_t i = docid % COLUMN_CHUNK;
    if (st || !get_present(o, i))
        return st;
    out->present = true;
    switch (kind) {
    case COLUMN_INT:
        out->i = o->i[i];
        break;
    case COLUMN_FLOAT:
        out->f = o->f[i];
        break;
    case COLUMN_ORDINAL:
        out->ordinal = o->ordinal[i];
        break;
    case COLUMN_ORDINALS:
        out->items = o->items + o->list.start[i];
        out->count = o->list.len[i];
        break;
    }
    return STATUS_OK;
}

enum status column_edits_set(struct column_edits *e, uint32_t column, enum column_kind kind,
                             uint32_t docid, const struct column_value *v)
{
    struct open_chunk *o;
    enum status st = open_at(e, column, kind, docid, &o);
    uint32_t i = docid % COLUMN_CHUNK;
    if (st || (!v->present && !get_present(o, i)))
        return st;
    o->dirty = true;
    set_present(o, i, v->present);
    switch (kind) {
    case COLUMN_INT:
        o->i[i] = v->i;
        break;
    case COLUMN_FLOAT:
        o->f[i] = v->f == 0 ? 0 : v->f; /* no negative zero */
        break;
    case COLUMN_ORDINAL:
        o->ordinal[i] = v->present ? v->ordinal : 0;
        break;
    case COLUMN_ORDINALS:
        o->list.start[i] = o->item_count;
        o->list.len[i] = v->present ? v->count : 0;
        if (v->present && !append_items(o, v->items, v->count))
            return STATUS_NO_MEMORY;
        break;
    }
    return STATUS_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void put_header(struct buf *b, uint64_t generation, enum column_kind kind, uint8_t width,
                       uint8_t scale, bool present, uint32_t count, int64_t base)
{
    wire_put_u64(b, generation);
    buf_put_u8(b, (uint8_t)kind);
    buf_put_u8(b, width);
    buf_put_u8(b, scale);
    buf_put_u8(b, present);
    wire_put_u32(b, count);
    wire_put_u64(b, (uint64_t)base);
}

static bool all_present(const struct open_chunk *o, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!get_present(o, i))
            return false;
    return true;
}

static void put_present(struct buf *b, const struct open_chunk *o, uint32_t count)
{
    for (uint32_t w = 0; w < (count + 63) / 64; w++)
        wire_put_u64(b, o->present[w]);
}

static void encode_ints(struct buf *b, const struct open_chunk *o, uint32_t count,
                        uint64_t generation, enum column_kind kind, uint8_t scale)
{
    int64_t lo = INT64_MAX, hi = INT64_MIN;
    for (uint32_t i = 0; i < count; i++)
        if (get_present(o, i)) {
            lo = o->i[i] < lo ? o->i[i] : lo;
            hi = o->i[i] > hi ? o->i[i] : hi;
        }
    uint64_t most = (uint64_t)hi - (uint64_t)lo;
    bool full = all_present(o, count);
    size_t before = COLUMN_BEFORE + (full ? 0 : (count + 63) / 64 * sizeof(uint64_t));
    struct column_layout l = column_layout_of(column_width(most), most, count, before);
    struct column_packer w = {.out = b, .layout = l};
    put_header(b, generation, kind, l.width, scale, !full, count, lo);
    if (!full)
        put_present(b, o, count);
    for (uint32_t i = 0; i < count && l.bits; i++)
        column_pack(&w, get_present(o, i) ? (uint64_t)o->i[i] - (uint64_t)lo : 0);
    column_pack_end(&w);
}

static const double powers_of_ten[] = {1, 10, 100, 1000, 10000};

/* Decimal places by which every value is a whole number that reads back as the same double. */
static uint8_t decimal_scale(const struct open_chunk *o, uint32_t count)
{
    for (uint8_t s = 0; s < 5; s++) {
        bool exact = true;
        for (uint32_t i = 0; i < count && exact; i++) {
            if (!get_present(o, i))
                continue;
            double whole = nearbyint(o->f[i] * powers_of_ten[s]);
            exact = fabs(whole) < 4503599627370496.0 && whole / powers_of_ten[s] == o->f[i];
        }
        if (exact)
            return s;
    }
    return COLUMN_RAW_SCALE;
}

static void encode_floats(struct buf *b, struct open_chunk *o, uint32_t count, uint64_t generation)
{
    uint8_t scale = decimal_scale(o, count);
    if (scale != COLUMN_RAW_SCALE) {
        for (uint32_t i = 0; i < count; i++) /* the chunk is not read again after this */
            o->i[i] = get_present(o, i) ? (int64_t)nearbyint(o->f[i] * powers_of_ten[scale]) : 0;
        encode_ints(b, o, count, generation, COLUMN_FLOAT, scale);
        return;
    }
    put_header(b, generation, COLUMN_FLOAT, 8, scale, true, count, 0);
    put_present(b, o, count);
    for (uint32_t i = 0; i < count; i++)
        wire_put_f64(b, get_present(o, i) ? o->f[i] : 0);
}

static uint8_t ordinal_width(uint32_t most)
{
    return most < 0x100 ? 1 : most < 0x10000 ? 2 : 4;
}

static void encode_ordinals(struct buf *b, const struct open_chunk *o, uint32_t count,
                            uint64_t generation)
{
    uint32_t least = UINT32_MAX, most = 0;
    for (uint32_t i = 0; i < count; i++)
        if (get_present(o, i) && o->ordinal[i]) {
            least = o->ordinal[i] < least ? o->ordinal[i] : least;
            most = o->ordinal[i] > most ? o->ordinal[i] : most;
        }
    uint32_t base = most ? least - 1 : 0; /* in bits they count from there, as 0 is no value */
    struct column_layout l =
        column_layout_of(ordinal_width(most), most - base, count, COLUMN_BEFORE);
    base = l.width > COLUMN_PACKED ? base : 0;
    struct column_packer w = {.out = b, .layout = l};
    put_header(b, generation, COLUMN_ORDINAL, l.width, 0, false, count, base);
    for (uint32_t i = 0; i < count; i++)
        column_pack(&w, get_present(o, i) && o->ordinal[i] ? o->ordinal[i] - base : 0);
    column_pack_end(&w);
}

static void encode_lists(struct buf *b, const struct open_chunk *o, uint32_t count,
                         uint64_t generation)
{
    uint32_t most = 0, at = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; get_present(o, i) && k < o->list.len[i]; k++)
            if (o->items[o->list.start[i] + k] > most)
                most = o->items[o->list.start[i] + k];
    uint8_t width = ordinal_width(most);
    struct column_packer w = {.out = b, .layout = {width, 8u * width}};
    put_header(b, generation, COLUMN_ORDINALS, width, 0, false, count, 0);
    wire_put_u32(b, 0);
    for (uint32_t i = 0; i < count; i++) {
        at += get_present(o, i) ? o->list.len[i] : 0;
        wire_put_u32(b, at);
    }
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; get_present(o, i) && k < o->list.len[i]; k++)
            column_pack(&w, o->items[o->list.start[i] + k]);
}

static uint32_t drop_dead(struct open_chunk *o, uint32_t chunk_idx,
                          bool (*live)(void *ctx, uint32_t docid), void *ctx)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < COLUMN_CHUNK; i++) {
        if (!get_present(o, i))
            continue;
        if (live(ctx, chunk_idx * COLUMN_CHUNK + i))
            count = i + 1;
        else
            set_present(o, i, false);
    }
    return count;
}

static enum status write_chunk(struct column_edits *e, struct store_txn *write,
                               const struct column_edit *c, uint32_t chunk_idx, uint32_t count,
                               uint64_t generation)
{
    struct open_chunk *o = c->chunks[chunk_idx];
    uint8_t key_bytes[COLUMN_KEY_LEN];
    column_key(key_bytes, c->id, chunk_idx);
    struct slice key = slice_make(key_bytes, sizeof key_bytes);
    if (!count) {
        enum status st = store_delete(write, STORE_COLUMNS, key);
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    }
    buf_clear(&e->encoded);
    switch (c->kind) {
    case COLUMN_INT:
        encode_ints(&e->encoded, o, count, generation, COLUMN_INT, 0);
        break;
    case COLUMN_FLOAT:
        encode_floats(&e->encoded, o, count, generation);
        break;
    case COLUMN_ORDINAL:
        encode_ordinals(&e->encoded, o, count, generation);
        break;
    case COLUMN_ORDINALS:
        encode_lists(&e->encoded, o, count, generation);
        break;
    }
    if (e->encoded.failed)
        return STATUS_NO_MEMORY;
    return store_put(write, STORE_COLUMNS, key, buf_slice(&e->encoded));
}

enum status column_edits_write(struct column_edits *e, struct store_txn *write, uint64_t generation,
                               bool (*live)(void *ctx, uint32_t docid), void *ctx)
{
    for (uint32_t s = 0; s < SLOTS; s++) {
        const struct column_edit *c = e->by_id[s];
        for (uint32_t k = 0; c && k < c->chunk_cap; k++) {
            if (!c->chunks[k] || !c->chunks[k]->dirty)
                continue;
            uint32_t count = drop_dead(c->chunks[k], k, live, ctx);
            enum status st = write_chunk(e, write, c, k, count, generation);
            if (st)
                return st;
        }
    }
    return STATUS_OK;
}
