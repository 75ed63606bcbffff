#include "index/column.h"

#include <math.h>
#include <stdlib.h>

#include "index/column_private.h"
#include "index/kernels.h"
#include "protocol/wire.h"

/*
 * Bytes of a chunk behind the store's checksum (little-endian):
 *
 *   0  generation u64 | 8 kind u8 | 9 width u8 | 10 scale u8 | 11 flags u8 | 12 count u32
 *   16 base i64
 *   24 flags & 1: presence bitmap, ceil(count / 64) words
 *      INT FLOAT ORDINAL: count x width bytes, or, of a width above COLUMN_PACKED, count x (width -
 *      COLUMN_PACKED) bits, least significant first, and COLUMN_BEHIND zeros
 *      ORDINALS: (count + 1) starts u32, then items x width
 *
 * The bitmap begins at a multiple of 8, and LMDB puts long values on pages of their own, so it is
 * read in place nearly always; short chunks are copied.
 */
enum { HEADER_LEN = 24, FLAG_PRESENT = 1 };

static const double powers_of_ten[] = {1, 10, 100, 1000, 10000};

double column_power_of_ten(uint8_t scale)
{
    return powers_of_ten[scale];
}

void column_key(uint8_t key[COLUMN_KEY_LEN], uint32_t column, uint32_t chunk_idx)
{
    key[0] = (uint8_t)(column >> 8);
    key[1] = (uint8_t)column;
    for (int i = 0; i < 4; i++)
        key[2 + i] = (uint8_t)(chunk_idx >> (24 - 8 * i));
}

static bool width_fits(const struct column_chunk *c, uint8_t width)
{
    bool packed = width > COLUMN_PACKED && width < COLUMN_PACKED + 32 && width % 8;
    switch (c->kind) {
    case COLUMN_FLOAT:
        if (c->scale == COLUMN_RAW_SCALE)
            return width == 8;
        return c->scale < 5 && (width <= 2 || width == 4 || width == 8 || packed);
    case COLUMN_INT:
        return width <= 2 || width == 4 || width == 8 || packed;
    case COLUMN_ORDINAL:
        if (packed && (c->base < 0 || c->base > UINT32_MAX))
            return false;
        return width == 1 || width == 2 || width == 4 || packed;
    default:
        return width == 1 || width == 2 || width == 4;
    }
}

static enum status parse_present(struct wire_reader *r, struct column_slot *s)
{
    size_t words = (s->chunk.count + 63) / 64;
    const uint8_t *p = wire_take(r, words * 8);
    if (!p)
        return STATUS_CORRUPT;
    s->chunk.present = (const uint64_t *)(const void *)p;
    if (((uintptr_t)p & 7) == 0)
        return STATUS_OK;
    if (!s->present_copy)
        s->present_copy = malloc(COLUMN_PRESENT_WORDS * sizeof(uint64_t));
    if (!s->present_copy)
        return STATUS_NO_MEMORY;
    memcpy(s->present_copy, p, words * 8);
    s->chunk.present = s->present_copy;
    return STATUS_OK;
}

static bool parse_lists(struct wire_reader *r, struct column_chunk *c)
{
    c->offsets = wire_take(r, ((size_t)c->count + 1) * 4);
    if (!c->offsets)
        return false;
    uint32_t last = 0;
    for (uint32_t i = 0; i <= c->count; i++) {
        uint32_t at = column_list_start(c, i);
        if (at < last)
            return false;
        last = at;
    }
    c->values = wire_take(r, (size_t)last * c->bits / 8);
    return c->values != NULL;
}

enum status column_parse(struct slice bytes, enum column_kind kind, struct column_slot *s)
{
    struct wire_reader r = wire_reader_of(bytes);
    struct column_chunk *c = &s->chunk;
    memset(c, 0, sizeof *c);
    c->sequence = wire_u64(&r);
    c->kind = (enum column_kind)wire_u8(&r);
    uint8_t width = wire_u8(&r);
    c->scale = wire_u8(&r);
    uint8_t flags = wire_u8(&r);
    c->count = wire_u32(&r);
    c->base = (int64_t)wire_u64(&r);
    if (r.failed || c->kind != kind || c->count > COLUMN_CHUNK || !width_fits(c, width))
        return STATUS_CORRUPT;
    bool packed = width > COLUMN_PACKED;
    c->bits = (uint8_t)(packed ? width - COLUMN_PACKED : 8 * width);
    enum status st = flags & FLAG_PRESENT ? parse_present(&r, s) : STATUS_OK;
    if (st)
        return st;
    if (kind == COLUMN_ORDINALS)
        return parse_lists(&r, c) ? STATUS_OK : STATUS_CORRUPT;
    c->values = wire_take(&r, ((size_t)c->count * c->bits + 7) / 8);
    if (packed && !wire_take(&r, COLUMN_BEHIND))
        return STATUS_CORRUPT;
    return c->values ? STATUS_OK : STATUS_CORRUPT;
}

static enum status resolve(struct column *c, uint32_t chunk_idx, struct column_slot *slot)
{
    uint8_t key_bytes[COLUMN_KEY_LEN];
    column_key(key_bytes, c->id, chunk_idx);
    struct slice key = slice_make(key_bytes, sizeof key_bytes), raw, bytes;
    enum status st = store_get_raw(*c->txn, STORE_COLUMNS, key, &raw);
    if (st)
        return st;
    /* Generations never repeat: bytes of a generation seen to be whole are whole. */
    if (raw.len >= 16 && slot->verified && slot->verified == wire_load64(raw.ptr + 8))
        bytes = slice_make(raw.ptr + 8, raw.len - 8);
    else if ((st = store_unwrap(key, raw, &bytes)))
        return st;
    st = column_parse(bytes, c->kind, slot);
    slot->verified = st ? 0 : slot->chunk.sequence;
    return st;
}

/* Whoever reads a value takes this for one that is absent: what was found that way must not be
 * answered. */
static enum status without_memory(struct column *c)
{
    if (c->trouble)
        *c->trouble = STATUS_NO_MEMORY;
    return STATUS_NO_MEMORY;
}

enum status column_chunk(struct column *c, uint32_t chunk_idx, const struct column_chunk **out)
{
    if (chunk_idx >= c->slot_count) {
        if (chunk_idx > UINT32_MAX / COLUMN_CHUNK)
            return STATUS_NOT_FOUND;
        uint32_t n = chunk_idx + 1 + c->slot_count;
        struct column_slot *p = realloc(c->slots, n * sizeof *p);
        if (!p)
            return without_memory(c);
        memset(p + c->slot_count, 0, (n - c->slot_count) * sizeof *p);
        c->slots = p;
        c->slot_count = n;
    }
    struct column_slot *s = &c->slots[chunk_idx];
    if (s->epoch != *c->epoch) {
        s->status = resolve(c, chunk_idx, s);
        if (s->status == STATUS_NO_MEMORY) /* that passes */
            return without_memory(c);
        s->epoch = *c->epoch;
    }
    *out = &s->chunk;
    return s->status;
}

enum column_kind column_kind(const struct column *c)
{
    return c->kind;
}

void column_fini(struct column *c)
{
    for (uint32_t i = 0; i < c->slot_count; i++)
        free(c->slots[i].present_copy);
    free(c->slots);
    c->slots = NULL;
    c->slot_count = 0;
}

static bool is_present(const struct column_chunk *c, uint32_t i)
{
    return i < c->count && (!c->present || (c->present[i / 64] >> (i % 64) & 1));
}

static uint64_t offset_of(const struct column_chunk *c, uint32_t i)
{
    switch (c->bits) {
    case 0:
        return 0;
    case 8:
        return c->values[i];
    case 16:
        return wire_load16(c->values + (size_t)i * 2);
    case 32:
        return wire_load32(c->values + (size_t)i * 4);
    case 64:
        return wire_load64(c->values + (size_t)i * 8);
    default:
        return bitpack_at(c->values, i, c->bits);
    }
}

bool column_chunk_int(const struct column_chunk *c, uint32_t i, int64_t *out)
{
    if (!is_present(c, i))
        return false;
    *out = (int64_t)((uint64_t)c->base + offset_of(c, i));
    return true;
}

bool column_chunk_float(const struct column_chunk *c, uint32_t i, double *out)
{
    if (!is_present(c, i))
        return false;
    uint64_t v = offset_of(c, i);
    if (c->kind == COLUMN_FLOAT && c->scale == COLUMN_RAW_SCALE) {
        memcpy(out, &v, sizeof *out);
        return true;
    }
    *out = (double)(int64_t)((uint64_t)c->base + v);
    if (c->kind == COLUMN_FLOAT)
        *out /= powers_of_ten[c->scale];
    return true;
}

uint32_t column_chunk_ordinal(const struct column_chunk *c, uint32_t i)
{
    uint32_t v = i < c->count ? (uint32_t)offset_of(c, i) : 0;
    return v && c->bits % 8 ? (uint32_t)c->base + v : v;
}

uint32_t column_chunk_ordinals(const struct column_chunk *c, uint32_t first, const uint32_t *docids,
                               uint32_t count, uint32_t *out)
{
    uint32_t add = c->bits % 8 ? (uint32_t)c->base : 0;
    return kernels_best()->values(docids, count, first, c->values, c->bits, add, out);
}

uint32_t column_list_start(const struct column_chunk *c, uint32_t i)
{
    return wire_load32(c->offsets + (size_t)i * 4);
}

uint32_t column_chunk_list(const struct column_chunk *c, uint32_t i, uint32_t *first)
{
    *first = 0;
    if (i >= c->count)
        return 0;
    *first = column_list_start(c, i);
    return column_list_start(c, i + 1) - *first;
}

uint32_t column_chunk_item(const struct column_chunk *c, uint32_t k)
{
    return (uint32_t)offset_of(c, k);
}

enum status column_int(struct column *c, uint32_t docid, int64_t *out)
{
    const struct column_chunk *k;
    if (c->kind != COLUMN_INT)
        return STATUS_NOT_FOUND;
    enum status st = column_chunk(c, docid / COLUMN_CHUNK, &k);
    if (!st && !column_chunk_int(k, docid % COLUMN_CHUNK, out))
        st = STATUS_NOT_FOUND;
    return st;
}

void column_prefetch(struct column *c, uint32_t docid)
{
    const struct column_chunk *k;
    uint32_t i = docid % COLUMN_CHUNK;
    if (column_chunk(c, docid / COLUMN_CHUNK, &k) || i >= k->count)
        return;
    if (c->kind == COLUMN_ORDINALS) { /* where its list begins; the list may lie anywhere */
        __builtin_prefetch(k->offsets + (size_t)i * 4);
        return;
    }
    if (k->present)
        __builtin_prefetch(&k->present[i / 64]);
    __builtin_prefetch(k->values + (size_t)i * k->bits / 8);
}

void column_each_ordinal(struct column *c, const uint32_t *docids, uint32_t count, uint32_t *out)
{
    for (uint32_t i = 0, end, to; i < count; i = end) {
        const struct column_chunk *chunk;
        uint32_t number = docids[i] / COLUMN_CHUNK, first = number * COLUMN_CHUNK;
        end = column_run_end(docids, i, count);
        to = column_chunk(c, number, &chunk) ? i : end;
        while (to > i && docids[to - 1] - first >= chunk->count) /* behind the values */
            to--;
        if (to > i)
            column_chunk_ordinals(chunk, first, docids + i, to - i, out + i);
        memset(out + to, 0, (end - to) * sizeof *out);
    }
}

void column_each_float(struct column *c, const uint32_t *docids, uint32_t count, double *out)
{
    for (uint32_t i = 0, end; i < count; i = end) {
        const struct column_chunk *chunk;
        uint32_t number = docids[i] / COLUMN_CHUNK;
        end = column_run_end(docids, i, count);
        bool there = column_chunk(c, number, &chunk) == STATUS_OK;
        for (uint32_t k = i; k < end; k++)
            if (!there || !column_chunk_float(chunk, docids[k] % COLUMN_CHUNK, &out[k]))
                out[k] = (double)NAN;
    }
}

void column_ints(struct column *c, const uint32_t *docids, uint32_t count, int64_t absent,
                 int64_t *out)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t chunk_idx = docids[i] / COLUMN_CHUNK;
        const struct column_chunk *k = NULL;
        out[i] = absent;
        if (chunk_idx < c->slot_count && c->slots[chunk_idx].epoch == *c->epoch)
            k = c->slots[chunk_idx].status ? NULL : &c->slots[chunk_idx].chunk;
        else if (column_chunk(c, chunk_idx, &k))
            k = NULL;
        if (k)
            column_chunk_int(k, docids[i] % COLUMN_CHUNK, &out[i]);
    }
}

enum status column_float(struct column *c, uint32_t docid, double *out)
{
    const struct column_chunk *k;
    if (c->kind != COLUMN_INT && c->kind != COLUMN_FLOAT)
        return STATUS_NOT_FOUND;
    enum status st = column_chunk(c, docid / COLUMN_CHUNK, &k);
    if (!st && !column_chunk_float(k, docid % COLUMN_CHUNK, out))
        st = STATUS_NOT_FOUND;
    return st;
}

enum status column_ordinal(struct column *c, uint32_t docid, uint32_t *out)
{
    const struct column_chunk *k;
    if (c->kind != COLUMN_ORDINAL)
        return STATUS_NOT_FOUND;
    enum status st = column_chunk(c, docid / COLUMN_CHUNK, &k);
    if (st)
        return st;
    *out = column_chunk_ordinal(k, docid % COLUMN_CHUNK);
    return *out ? STATUS_OK : STATUS_NOT_FOUND;
}

enum status column_ordinals(struct column *c, uint32_t docid, uint32_t *out, uint32_t cap,
                            uint32_t *count)
{
    const struct column_chunk *k;
    *count = 0;
    if (c->kind != COLUMN_ORDINALS)
        return STATUS_NOT_FOUND;
    enum status st = column_chunk(c, docid / COLUMN_CHUNK, &k);
    if (st)
        return st;
    uint32_t first;
    *count = column_chunk_list(k, docid % COLUMN_CHUNK, &first);
    for (uint32_t i = 0; i < *count && i < cap; i++)
        out[i] = column_chunk_item(k, first + i);
    return *count ? STATUS_OK : STATUS_NOT_FOUND;
}
