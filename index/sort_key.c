#include "index/sort_key.h"

#include <math.h>
#include <string.h>

/* Carried keys: what follows. */
enum { CARRIED_NUMBER, CARRIED_TEXT, CARRIED_NOTHING };

enum { TAKEN = 256 }; /* at once */

/* NaN stands for none. */
static uint64_t key_of(double v, bool descending)
{
    uint64_t bits;
    if (isnan(v))
        return 0;
    v = v == 0 ? 0 : v;
    memcpy(&bits, &v, sizeof bits);
    bits = bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
    bits = descending ? bits : ~bits;
    return bits ? bits : 1;
}

static uint64_t number_key(struct column *c, bool descending, uint32_t docid)
{
    double v;
    return column_float(c, docid, &v) ? 0 : key_of(v, descending);
}

/* Twice the place, so that a carried text that is gone finds room between its neighbours. */
static uint64_t place_key(uint64_t twice, bool descending)
{
    return descending ? twice + 2 : UINT64_MAX - twice;
}

static uint64_t text_key(const struct sort_text *t, struct column *c, bool descending,
                         uint32_t docid)
{
    uint32_t ordinal, rank;
    if (column_ordinal(c, docid, &ordinal))
        return 0;
    rank = sort_text_rank(t, ordinal);
    return rank == UINT32_MAX ? 0 : place_key((uint64_t)rank * 2 + 1, descending);
}

void sort_keys_fill(const struct sort_keys *k, uint32_t docid, uint32_t score,
                    uint64_t keys[TOPK_KEYS])
{
    if (k->count == 0)
        keys[0] = score;
    for (uint32_t i = 0; i < k->count; i++) {
        bool down = k->items[i].descending;
        if (k->items[i].text)
            keys[i] = text_key(k->items[i].text, k->items[i].column, down, docid);
        else
            keys[i] = k->items[i].column ? number_key(k->items[i].column, down, docid) : score;
    }
}

static void first_texts(const struct sort_keys *k, const uint32_t *docids, uint32_t count,
                        uint64_t *keys)
{
    uint32_t ordinals[TAKEN];
    bool down = k->items[0].descending;
    for (uint32_t from = 0, n; from < count; from += n) {
        n = count - from < TAKEN ? count - from : TAKEN;
        column_each_ordinal(k->items[0].column, docids + from, n, ordinals);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t rank = sort_text_rank(k->items[0].text, ordinals[i]);
            keys[from + i] = rank == UINT32_MAX ? 0 : place_key((uint64_t)rank * 2 + 1, down);
        }
    }
}

static void first_numbers(const struct sort_keys *k, const uint32_t *docids, uint32_t count,
                          uint64_t *keys)
{
    double numbers[TAKEN];
    for (uint32_t from = 0, n; from < count; from += n) {
        n = count - from < TAKEN ? count - from : TAKEN;
        column_each_float(k->items[0].column, docids + from, n, numbers);
        for (uint32_t i = 0; i < n; i++)
            keys[from + i] = key_of(numbers[i], k->items[0].descending);
    }
}

void sort_keys_first(const struct sort_keys *k, const uint32_t *docids, const uint32_t *scores,
                     uint32_t count, uint64_t *keys)
{
    if (k->count && k->items[0].text) {
        first_texts(k, docids, count, keys);
        return;
    }
    if (k->count && k->items[0].column) {
        first_numbers(k, docids, count, keys);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        keys[i] = scores[i];
}

static enum status prepare_column(struct sort_keys *k, uint32_t i, struct slice name,
                                  struct fault *fault)
{
    const struct field *f = schema_find(snapshot_schema(k->snap), name);
    if (!f)
        return fault_set(fault, STATUS_UNKNOWN_FIELD, "sort", "the schema has no field '%.*s'",
                         (int)name.len, name.ptr);
    if (!f->sort || !f->has_column || f->type == FIELD_KEYWORD_LIST || f->type == FIELD_ATTRIBUTES)
        return fault_set(fault, STATUS_SCHEMA_MISMATCH, "sort",
                         "field '%s' is not declared for sorting by one value", f->name);
    k->items[i].field = f->id;
    k->items[i].column = snapshot_column(k->snap, f->id);
    if (!k->items[i].column)
        return STATUS_NO_MEMORY;
    return f->type == FIELD_KEYWORD || f->type == FIELD_PATH
               ? sort_texts_get(k->texts, k->snap, f->id, &k->items[i].text)
               : STATUS_OK;
}

enum status sort_keys_prepare(struct sort_keys *k, const struct query *q, struct snapshot *snap,
                              struct sort_texts *texts, struct fault *fault)
{
    enum status st = STATUS_OK;
    *k = (struct sort_keys){.texts = texts, .snap = snap};
    if (q->sort_count > TOPK_KEYS)
        return fault_set(fault, STATUS_TOO_LARGE, "sort", "at most %d sort fields", TOPK_KEYS);
    for (uint32_t i = 0; !st && i < q->sort_count; i++) {
        k->items[i].descending = q->sorts[i].descending;
        if (!slice_equal(q->sorts[i].field, SLICE_LIT("_score")))
            st = prepare_column(k, i, q->sorts[i].field, fault);
    }
    k->count = q->sort_count;
    return st;
}

/* --- carried ---------------------------------------------------------------------------------- */

static uint32_t key_count(const struct sort_keys *k)
{
    return k->count ? k->count : 1;
}

void sort_keys_encode(const struct sort_keys *k, const uint64_t keys[TOPK_KEYS], struct buf *out)
{
    buf_put_u8(out, (uint8_t)key_count(k));
    for (uint32_t i = 0; i < key_count(k); i++) {
        struct slice text;
        const struct sort_text *t = k->count ? k->items[i].text : NULL;
        uint64_t twice = !t ? 0 : k->items[i].descending ? keys[i] - 2 : UINT64_MAX - keys[i];
        if (!t) {
            buf_put_u8(out, CARRIED_NUMBER);
            wire_put_u64(out, keys[i]);
        } else if (keys[i] &&
                   !facet_value_text(k->snap, k->items[i].field,
                                     sort_text_ordinal(t, (uint32_t)(twice / 2)), &text, NULL)) {
            buf_put_u8(out, CARRIED_TEXT);
            wire_put_bytes(out, text);
        } else {
            buf_put_u8(out, CARRIED_NOTHING);
        }
    }
}

enum status sort_keys_decode(const struct sort_keys *k, struct wire_reader *r,
                             uint64_t keys[TOPK_KEYS])
{
    r->failed |= wire_u8(r) != key_count(k);
    for (uint32_t i = 0; i < key_count(k) && !r->failed; i++) {
        const struct sort_text *t = k->count ? k->items[i].text : NULL;
        uint8_t kind = wire_u8(r);
        if (kind == CARRIED_TEXT && t) {
            uint32_t rank;
            bool same;
            enum status st = sort_text_place(k->texts, t, wire_bytes(r), &rank, &same);
            if (st)
                return st;
            keys[i] = place_key((uint64_t)rank * 2 + same, k->items[i].descending);
        } else if (kind == CARRIED_NUMBER && !t) {
            keys[i] = wire_u64(r);
        } else {
            keys[i] = 0;
            r->failed |= kind != CARRIED_NOTHING || !t;
        }
    }
    return r->failed ? STATUS_INVALID : STATUS_OK;
}
