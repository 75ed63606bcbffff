#include "index/facet_intern.h"

#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

#include "protocol/arena.h"

/*
 *   key 'v' field u16 BE ordinal u32 BE -> parent u32, type u8, number f64 (NaN: none), text
 *   key 'o' field u16 BE hash u64 BE    -> ordinals u32 each: those whose text has the hash
 */
enum { ROW_HEADER = 13, FIRST_SLOTS = 1024, KNOWN_BYTES = 64 << 20 };

struct known {
    uint64_t hash;
    struct slice text;
    uint32_t field, ordinal; /* ordinal 0 = free slot */
    enum value_type type;
};

struct waiting {
    uint32_t field, ordinal;
    uint64_t hash;
    struct facet_row row;
};

struct facet_intern {
    struct store_txn *read;
    uint32_t counts[META_FIELDS];
    uint32_t committed[META_FIELDS];
    struct known *slots;
    uint32_t slot_count, used;
    struct arena texts;
    struct waiting *waiting;
    uint32_t waiting_count, waiting_cap;
    struct buf key, value;
};

static bool same_kind(enum value_type a, enum value_type b)
{
    bool boolean = a == VALUE_FALSE || a == VALUE_TRUE, number = a == VALUE_INT || a == VALUE_FLOAT;
    return boolean  ? b == VALUE_FALSE || b == VALUE_TRUE
           : number ? b == VALUE_INT || b == VALUE_FLOAT
                    : b == a;
}

static void put_be(struct buf *b, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_put_u8(b, (uint8_t)(v >> (8 * i)));
}

void facet_value_key(struct buf *key, uint32_t field, uint32_t ordinal)
{
    buf_clear(key);
    buf_put_u8(key, 'v');
    put_be(key, field, 2);
    put_be(key, ordinal, 4);
}

static void hash_key(struct buf *key, uint32_t field, uint64_t hash)
{
    buf_clear(key);
    buf_put_u8(key, 'o');
    put_be(key, field, 2);
    put_be(key, hash, 8);
}

static uint64_t text_hash(struct slice text)
{
    return XXH3_64bits(text.ptr, text.len);
}

enum { ROW_KEY = 7 };

static void row_key(uint8_t key[ROW_KEY], uint32_t field, uint32_t ordinal)
{
    const uint8_t bytes[ROW_KEY] = {'v',
                                    (uint8_t)(field >> 8),
                                    (uint8_t)field,
                                    (uint8_t)(ordinal >> 24),
                                    (uint8_t)(ordinal >> 16),
                                    (uint8_t)(ordinal >> 8),
                                    (uint8_t)ordinal};
    memcpy(key, bytes, ROW_KEY);
}

static enum status parse_row(struct slice v, uint32_t ordinal, struct facet_row *out)
{
    if (v.len < ROW_HEADER)
        return STATUS_CORRUPT;
    struct wire_reader r = wire_reader_of(v);
    out->parent = wire_u32(&r);
    out->type = (enum value_type)wire_u8(&r);
    out->number = wire_f64(&r);
    out->has_number = !isnan(out->number);
    out->text = slice_make(r.at, wire_left(&r));
    return out->parent < ordinal ? STATUS_OK : STATUS_CORRUPT;
}

enum status facet_row_read(struct store_txn *t, uint32_t field, uint32_t ordinal,
                           struct facet_row *out)
{
    uint8_t key[ROW_KEY];
    struct slice v;
    row_key(key, field, ordinal);
    enum status st = store_get(t, STORE_FACETS, slice_make(key, sizeof key), &v);
    return st ? st : parse_row(v, ordinal, out);
}

enum status facet_rows_read(struct store_txn *t, uint32_t field, uint32_t from, uint32_t to,
                            enum status (*each)(void *ctx, uint32_t ordinal,
                                                const struct facet_row *row),
                            void *ctx)
{
    struct store_cursor *c;
    struct slice found, raw, v;
    struct facet_row row;
    uint8_t key[ROW_KEY];
    enum status st = store_cursor_open(t, STORE_FACETS, &c);
    if (st)
        return st;
    for (uint32_t o = from; o <= to && !st; o++) {
        row_key(key, field, o);
        st = o == from ? store_seek(c, slice_make(key, sizeof key), &found, &raw)
                       : store_next(c, &found, &raw);
        if (st == STATUS_END || (!st && !slice_equal(found, slice_make(key, sizeof key))))
            st = STATUS_CORRUPT;
        st = st ? st : store_unwrap(found, raw, &v);
        st = st ? st : parse_row(v, o, &row);
        st = st ? st : each(ctx, o, &row);
    }
    store_cursor_close(&c);
    return st;
}

static enum status find_hashed(struct store_txn *t, uint32_t field, struct slice text,
                               enum value_type type, uint64_t hash, uint32_t *ordinal)
{
    uint8_t key[FACET_KEY_MAX] = {'o', (uint8_t)(field >> 8), (uint8_t)field};
    for (int i = 0; i < 8; i++)
        key[3 + i] = (uint8_t)(hash >> (56 - 8 * i));
    struct slice v;
    enum status st = store_get(t, STORE_FACETS, slice_make(key, sizeof key), &v);
    for (size_t at = 0; !st && at + 4 <= v.len; at += 4) {
        struct facet_row row;
        uint32_t candidate = wire_load32(v.ptr + at);
        st = facet_row_read(t, field, candidate, &row);
        if (!st && slice_equal(row.text, text) && same_kind(row.type, type)) {
            *ordinal = candidate;
            return STATUS_OK;
        }
    }
    return st ? st : STATUS_NOT_FOUND;
}

enum status facet_row_find(struct store_txn *t, uint32_t field, struct slice text,
                           enum value_type type, uint32_t *ordinal)
{
    return find_hashed(t, field, text, type, text_hash(text), ordinal);
}

enum status facet_intern_create(struct facet_intern **out)
{
    struct facet_intern *f = calloc(1, sizeof *f);
    if (f)
        f->slots = calloc(FIRST_SLOTS, sizeof *f->slots);
    if (!f || !f->slots) {
        free(f);
        return STATUS_NO_MEMORY;
    }
    f->slot_count = FIRST_SLOTS;
    arena_init(&f->texts, 0);
    *out = f;
    return STATUS_OK;
}

void facet_intern_destroy(struct facet_intern **f)
{
    if (!*f)
        return;
    arena_fini(&(*f)->texts);
    buf_fini(&(*f)->key);
    buf_fini(&(*f)->value);
    free((*f)->slots);
    free((*f)->waiting);
    free(*f);
    *f = NULL;
}

static void forget(struct facet_intern *f)
{
    memset(f->slots, 0, f->slot_count * sizeof *f->slots);
    f->used = 0;
    arena_reset(&f->texts);
}

void facet_intern_begin(struct facet_intern *f, struct store_txn *read, const struct meta *meta)
{
    f->read = read;
    f->waiting_count = 0;
    if (f->texts.used > KNOWN_BYTES)
        forget(f);
    memcpy(f->counts, meta->facet_counts, sizeof f->counts);
    memcpy(f->committed, meta->facet_counts, sizeof f->committed);
}

void facet_intern_end(struct facet_intern *f, bool committed)
{
    if (!committed && f->waiting_count)
        forget(f);
    f->waiting_count = 0;
    f->read = NULL;
}

static struct known *probe(struct facet_intern *f, uint32_t field, struct slice text,
                           enum value_type type, uint64_t hash)
{
    uint32_t mask = f->slot_count - 1;
    uint32_t i = (uint32_t)(hash + field * UINT64_C(0x9e3779b1)) & mask;
    while (f->slots[i].ordinal) {
        const struct known *k = &f->slots[i];
        if (k->hash == hash && k->field == field && same_kind(k->type, type) &&
            slice_equal(k->text, text))
            break;
        i = (i + 1) & mask;
    }
    return &f->slots[i];
}

static bool grow_slots(struct facet_intern *f)
{
    if (f->used * 2 < f->slot_count)
        return true;
    struct known *old = f->slots;
    uint32_t n = f->slot_count;
    struct known *p = calloc((size_t)n * 2, sizeof *p);
    if (!p)
        return false;
    f->slots = p;
    f->slot_count = n * 2;
    for (uint32_t i = 0; i < n; i++)
        if (old[i].ordinal)
            *probe(f, old[i].field, old[i].text, old[i].type, old[i].hash) = old[i];
    free(old);
    return true;
}

static enum status wait_for_write(struct facet_intern *f, uint32_t field, uint32_t ordinal,
                                  uint64_t hash, const struct facet_row *row)
{
    if (f->waiting_count == f->waiting_cap) {
        uint32_t cap = f->waiting_cap ? f->waiting_cap * 2 : 256;
        struct waiting *p = realloc(f->waiting, cap * sizeof *p);
        if (!p)
            return STATUS_NO_MEMORY;
        f->waiting = p;
        f->waiting_cap = cap;
    }
    f->waiting[f->waiting_count++] = (struct waiting){field, ordinal, hash, *row};
    return STATUS_OK;
}

enum status facet_intern_ordinal(struct facet_intern *f, uint32_t field,
                                 const struct facet_row *value, uint32_t *ordinal)
{
    uint64_t hash = text_hash(value->text);
    struct known *k = probe(f, field, value->text, value->type, hash);
    if (k->ordinal) {
        *ordinal = k->ordinal;
        return STATUS_OK;
    }
    if (!grow_slots(f))
        return STATUS_NO_MEMORY;
    k = probe(f, field, value->text, value->type, hash);
    enum status st = STATUS_NOT_FOUND;
    if (f->committed[field])
        st = find_hashed(f->read, field, value->text, value->type, hash, ordinal);
    if (st && st != STATUS_NOT_FOUND)
        return st;
    struct facet_row row = *value;
    row.text = arena_copy(&f->texts, value->text);
    if (!row.text.ptr)
        return STATUS_NO_MEMORY;
    if (st) {
        *ordinal = f->counts[field] + 1;
        if ((st = wait_for_write(f, field, *ordinal, hash, &row)))
            return st;
        f->counts[field]++;
    }
    *k = (struct known){hash, row.text, field, *ordinal, row.type};
    f->used++;
    return STATUS_OK;
}

enum status facet_intern_read(struct facet_intern *f, uint32_t field, uint32_t ordinal,
                              struct facet_row *out)
{
    if (ordinal <= f->committed[field])
        return facet_row_read(f->read, field, ordinal, out);
    for (uint32_t i = 0; i < f->waiting_count; i++)
        if (f->waiting[i].field == field && f->waiting[i].ordinal == ordinal) {
            *out = f->waiting[i].row;
            return STATUS_OK;
        }
    return STATUS_NOT_FOUND;
}

static enum status add_hash(struct facet_intern *f, struct store_txn *write,
                            const struct waiting *w)
{
    struct slice old = SLICE_NULL;
    hash_key(&f->key, w->field, w->hash);
    enum status st = store_get(write, STORE_FACETS, buf_slice(&f->key), &old);
    if (st && st != STATUS_NOT_FOUND)
        return st;
    buf_clear(&f->value);
    if (!st)
        buf_put_slice(&f->value, old);
    wire_put_u32(&f->value, w->ordinal);
    return store_put(write, STORE_FACETS, buf_slice(&f->key), buf_slice(&f->value));
}

static enum status add_row(struct facet_intern *f, struct store_txn *write, const struct waiting *w)
{
    facet_value_key(&f->key, w->field, w->ordinal);
    buf_clear(&f->value);
    wire_put_u32(&f->value, w->row.parent);
    buf_put_u8(&f->value, (uint8_t)w->row.type);
    wire_put_f64(&f->value, w->row.has_number ? w->row.number : (double)NAN);
    buf_put_slice(&f->value, w->row.text);
    return store_put(write, STORE_FACETS, buf_slice(&f->key), buf_slice(&f->value));
}

enum status facet_intern_write(struct facet_intern *f, struct store_txn *write, struct meta *meta)
{
    for (uint32_t i = 0; i < f->waiting_count; i++) {
        enum status st = add_row(f, write, &f->waiting[i]);
        if (!st)
            st = add_hash(f, write, &f->waiting[i]);
        if (st)
            return st;
    }
    memcpy(meta->facet_counts, f->counts, sizeof f->counts);
    return STATUS_OK;
}
