#include "index/kernels.h"
#include "index/segment_build.h"
#include "index/segment_pack.h"
#include "index/letters.h"
#include "index/segment_private.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* --- bytes ------------------------------------------------------------------------------------ */

static uint32_t cells_of(uint64_t len)
{
    return (uint32_t)((len + CELL_MASK) >> SEGMENT_CELL_SHIFT);
}

/* Does sum i of an extent, of a cell or of the whole, match its bytes? */
static bool sum_matches(const struct segment *s, uint32_t e, uint32_t i)
{
    uint32_t len = s->lengths[e], at = i << SEGMENT_CELL_SHIFT, left = len - at;
    bool cell = s->sums[e] > 1 && left > SEGMENT_CELL;
    return XXH3_64bits(s->extents[e] + at, cell ? SEGMENT_CELL : left) ==
           wire_load64(s->extents[e] + len + (size_t)i * SEGMENT_SUM);
}

enum cell_state segment_verify_cell(const struct segment *s, uint64_t cell)
{
    uint32_t e = (uint32_t)(cell / EXTENT_CELLS), k = cell % EXTENT_CELLS;
    uint8_t state = atomic_load_explicit(&s->cells[cell], memory_order_relaxed);
    if (state)
        return (enum cell_state)state;
    bool whole = s->sums[e] < cells_of(s->lengths[e]);
    uint32_t first = whole ? 0 : k, last = whole ? cells_of(s->lengths[e]) - 1 : k;
    state = !sum_matches(s, e, first) ? CELL_DAMAGED : whole ? CELL_GOOD_WHOLE : CELL_GOOD;
    for (k = first; k <= last; k++)
        atomic_store_explicit(&s->cells[e * EXTENT_CELLS + k], state, memory_order_relaxed);
    return (enum cell_state)state;
}

bool segment_span_good(const struct segment *s, uint64_t first, uint64_t last)
{
    for (uint64_t off = first; off <= last; off = (off | CELL_MASK) + 1)
        if (segment_cell(s, off) < CELL_GOOD)
            return false;
    return true;
}

/* --- open and close --------------------------------------------------------------------------- */

static enum status fetch(struct segment *s, uint32_t e, segment_lookup lookup, void *ctx)
{
    struct slice v;
    bool last = e + 1 == s->extent_count;
    uint64_t want = last ? s->head.blob_len - (uint64_t)e * SEGMENT_EXTENT : SEGMENT_EXTENT;
    enum status st = lookup(ctx, s->number, e, &v);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_CORRUPT : st;
    if (v.len != want + SEGMENT_SUM && v.len != want + (uint64_t)cells_of(want) * SEGMENT_SUM)
        return STATUS_CORRUPT;
    s->extents[e] = (const uint8_t *)v.ptr;
    s->lengths[e] = (uint32_t)want;
    s->sums[e] = (uint8_t)((v.len - want) / SEGMENT_SUM);
    return STATUS_OK;
}

static enum status allocate(struct segment *s, uint32_t extents)
{
    s->extent_count = extents;
    s->extents = calloc(extents, sizeof *s->extents);
    s->lengths = calloc(extents, sizeof *s->lengths);
    s->sums = calloc(extents, sizeof *s->sums);
    s->cells = calloc((size_t)extents * EXTENT_CELLS, sizeof *s->cells);
    s->letters = calloc(LETTERS_FIRSTS, sizeof *s->letters);
    return s->extents && s->lengths && s->sums && s->cells && s->letters ? STATUS_OK
                                                                         : STATUS_NO_MEMORY;
}

enum status segment_rebind(struct segment *s, segment_lookup lookup, void *ctx)
{
    for (uint32_t e = 0; e < s->extent_count; e++) {
        enum status st = fetch(s, e, lookup, ctx);
        if (st)
            return st;
    }
    return STATUS_OK;
}

enum status segment_open(uint32_t number, segment_lookup lookup, void *ctx, struct segment **out)
{
    struct slice first;
    *out = NULL;
    enum status st = lookup(ctx, number, 0, &first);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_CORRUPT : st;
    struct segment *s = calloc(1, sizeof *s);
    if (!s)
        return STATUS_NO_MEMORY;
    s->number = number;
    st = first.len > SEGMENT_SUM
             ? segment_head_decode(slice_make(first.ptr, first.len - SEGMENT_SUM), &s->head)
             : STATUS_CORRUPT;
    if (!st)
        st = allocate(s, (uint32_t)((s->head.blob_len + SEGMENT_EXTENT - 1) >> EXTENT_SHIFT));
    if (!st)
        st = segment_rebind(s, lookup, ctx);
    if (!st && segment_cell(s, 0) < CELL_GOOD) /* the head */
        st = STATUS_CORRUPT;
    if (st)
        segment_close(&s);
    *out = s;
    return st;
}

void segment_close(struct segment **s)
{
    if (!*s)
        return;
    free((*s)->extents);
    free((*s)->lengths);
    free((*s)->sums);
    free((void *)(*s)->cells);
    free((*s)->id_words);
    for (uint32_t i = 0; (*s)->letters && i < LETTERS_FIRSTS; i++)
        free((*s)->letters[i]);
    free((void *)(*s)->letters);
    free(*s);
    *s = NULL;
}

enum status segment_verify(const struct segment *s)
{
    for (uint32_t e = 0; e < s->extent_count; e++)
        for (uint32_t i = 0; i < s->sums[e]; i++)
            if (!sum_matches(s, e, i))
                return STATUS_CORRUPT;
    return STATUS_OK;
}

/* --- facts ------------------------------------------------------------------------------------ */

void segment_set_pulse(struct segment *s, struct pulse *pulse)
{
    s->pulse = pulse;
}

struct pulse *segment_pulse(const struct segment *s)
{
    return s->pulse;
}

uint32_t segment_number(const struct segment *s)
{
    return s->number;
}
uint32_t segment_base(const struct segment *s)
{
    return s->head.base;
}
uint32_t segment_doc_count(const struct segment *s)
{
    return s->head.doc_count;
}
uint32_t segment_term_count(const struct segment *s)
{
    return s->head.term_count;
}
uint32_t segment_field_count(const struct segment *s)
{
    return s->head.field_count;
}
uint64_t segment_posting_count(const struct segment *s)
{
    return s->head.posting_count;
}
uint64_t segment_blob_len(const struct segment *s)
{
    return s->head.blob_len;
}
uint32_t segment_record_count(const struct segment *s)
{
    return s->head.record_count;
}
uint32_t segment_dictionary(const struct segment *s)
{
    return s->head.dictionary;
}

bool segment_packed_anywhere(const struct segment *s, uint64_t off, uint32_t shift, uint32_t bits,
                             uint32_t *out)
{
    uint64_t v = 0;
    for (uint32_t k = 0; k * 8 < shift + bits; k++) {
        const uint8_t *byte = segment_bytes(s, off + k, 1);
        if (!byte)
            return false;
        v |= (uint64_t)*byte << 8 * k;
    }
    *out = (uint32_t)(v >> shift & ((UINT64_C(1) << bits) - 1));
    return true;
}

/* --- dictionary ------------------------------------------------------------------------------- */

enum status segment_term(const struct segment *s, uint32_t ordinal, struct slice *term)
{
    if (ordinal >= s->head.term_count)
        return STATUS_NOT_FOUND;
    return segment_string(
        s,
        s->head.strings + segment_packed(s, s->head.str_off, s->head.bits[ARRAY_STR_OFF], ordinal),
        term);
}

uint32_t segment_term_df(const struct segment *s, uint32_t ordinal)
{
    return ordinal < s->head.term_count
               ? segment_packed(s, s->head.df, s->head.bits[ARRAY_DF], ordinal)
               : 0;
}

uint32_t segment_step_over(const struct segment *s, uint32_t ordinal, uint32_t end, uint32_t bytes)
{
    uint32_t at = ordinal + 1;
    end = end < s->head.term_count ? end : s->head.term_count;
    while (at < end) { /* one cell at a time */
        struct slice run = segment_window(s, (uint64_t)s->head.lcp + at, 1);
        uint32_t n = run.len < end - at ? (uint32_t)run.len : end - at;
        if (n == 0)
            return end; /* damaged: the walk ends */
        uint32_t first = kernels_best()->first_below((const uint8_t *)run.ptr, n, bytes);
        if (first < n)
            return at + first;
        at += n;
    }
    return end;
}

/* Of terms [low, high) the first that is not before `term`; `high` when all are. */
static enum status bisect(const struct segment *s, struct slice term, uint32_t low, uint32_t high,
                          uint32_t *ordinal)
{
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        struct slice t;
        enum status st = segment_term(s, mid, &t);
        if (st)
            return st;
        if (slice_compare(t, term) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *ordinal = low;
    return STATUS_OK;
}

enum status segment_lower_bound(const struct segment *s, struct slice term, uint32_t *ordinal)
{
    return bisect(s, term, 0, s->head.term_count, ordinal);
}

static enum status find_hashed(const struct segment *s, struct slice term, uint32_t *ordinal)
{
    const struct segment_head *h = &s->head;
    uint64_t hash = XXH3_64bits(term.ptr, term.len);
    bool older = h->format <= SEGMENT_FORMAT_STREAMS;
    uint32_t bits = h->bits[ARRAY_HASH], shift = older ? 0 : bits - SEGMENT_HASH_CHECK,
             check = (uint32_t)(hash >> 32) & ((1u << SEGMENT_HASH_CHECK) - 1),
             at = older ? (uint32_t)hash & (h->hash_count - 1)
                        : segment_hash_slot((uint32_t)hash, h->hash_count);
    for (uint32_t probes = 0; probes < h->hash_count; probes++) {
        uint32_t slot = segment_packed(s, h->hash, bits, at);
        if (!slot)
            return STATUS_NOT_FOUND;
        at = at + 1 < h->hash_count ? at + 1 : 0;
        if (!older && slot >> shift != check)
            continue;
        struct slice t;
        uint32_t found = older ? slot - 1 : (slot & ((1u << shift) - 1)) - 1;
        enum status st = segment_term(s, found, &t);
        if (st)
            return STATUS_CORRUPT;
        if (slice_equal(t, term)) {
            *ordinal = found;
            return STATUS_OK;
        }
    }
    return STATUS_CORRUPT;
}

enum status segment_find_term(const struct segment *s, struct slice term, uint32_t *ordinal)
{
    if (s->head.hash_count)
        return find_hashed(s, term, ordinal);
    enum status st = segment_lower_bound(s, term, ordinal);
    if (st)
        return st;
    struct slice t;
    if (*ordinal >= s->head.term_count)
        return STATUS_NOT_FOUND;
    st = segment_term(s, *ordinal, &t);
    return st ? st : slice_equal(t, term) ? STATUS_OK : STATUS_NOT_FOUND;
}

/* A prefix that is a term itself comes first of those that begin so; the last one is where terms
 * share fewer bytes with the one before. */
enum status segment_prefix_range(const struct segment *s, struct slice prefix, uint32_t *lo,
                                 uint32_t *hi)
{
    struct slice first;
    *lo = *hi = 0;
    if (prefix.len > UINT8_MAX)
        return STATUS_OK;
    enum status st = prefix.len ? segment_find_term(s, prefix, lo) : STATUS_OK;
    if (st == STATUS_NOT_FOUND) {
        st = segment_lower_bound(s, prefix, lo);
        *hi = *lo;
        if (st || *lo >= s->head.term_count)
            return st;
        st = segment_term(s, *lo, &first);
        if (st || !slice_starts(first, prefix))
            return st;
    }
    if (!st && *lo < s->head.term_count)
        *hi = segment_step_over(s, *lo, s->head.term_count, (uint32_t)prefix.len);
    return st;
}

/* --- lists ------------------------------------------------------------------------------------ */

enum status postings_open(const struct segment *s, uint32_t ordinal, struct postings *out)
{
    if (ordinal >= s->head.term_count)
        return STATUS_NOT_FOUND;
    return postings_at(s, segment_term_df(s, ordinal),
                       segment_packed(s, s->head.ptr, s->head.bits[ARRAY_PTR], ordinal), true, out);
}

bool segment_lists_prefix(struct slice prefix)
{
    for (size_t i = 0; i < prefix.len; i++) {
        char c = prefix.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            return false;
    }
    return prefix.len > 0 && prefix.len <= PREFIX_MAX_LEN;
}

static enum status read_prefix(const struct segment *s, uint32_t at, struct segment_prefix *out)
{
    uint32_t entry = segment_prefix_entry(&s->head);
    *out = (struct segment_prefix){.df = segment_u32(s, at, 1)};
    if (entry == PREFIX_ENTRY_UNION)
        return postings_at(s, out->df, segment_u32(s, at, 2), false, &out->rest);
    const uint8_t *key = segment_bytes(s, at, 4);
    uint64_t ordinals = (uint64_t)s->head.prefix + (uint64_t)s->head.prefix_count * entry +
                        (uint64_t)segment_u32(s, at, 4) * 4;
    if (!key || key[PREFIX_MAX_LEN] > PREFIX_APART_MOST)
        return STATUS_CORRUPT;
    out->apart_count = key[PREFIX_MAX_LEN];
    for (uint32_t i = 0; i < out->apart_count; i++) {
        const uint8_t *p = segment_bytes(s, ordinals + 4 * (uint64_t)i, 4);
        out->apart[i] = p ? wire_load32(p) : UINT32_MAX;
        if (out->apart[i] >= s->head.term_count || (i && out->apart[i] <= out->apart[i - 1]))
            return STATUS_CORRUPT;
    }
    return postings_at(s, segment_u32(s, at, 2), segment_u32(s, at, 3), false, &out->rest);
}

enum status segment_open_prefix(const struct segment *s, struct slice prefix,
                                struct segment_prefix *out)
{
    char key[PREFIX_MAX_LEN] = {0};
    uint32_t entry = segment_prefix_entry(&s->head), low = 0, high = s->head.prefix_count;
    if (prefix.len == 0 || prefix.len > PREFIX_MAX_LEN)
        return STATUS_NOT_FOUND;
    memcpy(key, prefix.ptr, prefix.len);
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        const uint8_t *p = segment_bytes(s, s->head.prefix + (uint64_t)mid * entry, 4);
        if (!p)
            return STATUS_CORRUPT;
        int order = memcmp(p, key, sizeof key);
        if (order == 0)
            return read_prefix(s, s->head.prefix + mid * entry, out);
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return STATUS_NOT_FOUND;
}

/* --- killed postings -------------------------------------------------------------------------- */

uint32_t segment_dead_count(const struct segment *s)
{
    return s->head.dead_count;
}

enum status segment_dead_at(const struct segment *s, uint32_t i, struct slice *term, int32_t *count)
{
    *count = (int32_t)segment_u32(s, s->head.dead + i * 8, 1);
    return segment_string(s, segment_u32(s, s->head.dead + i * 8, 0), term);
}

int32_t segment_dead_df(const struct segment *s, struct slice term)
{
    uint32_t low = 0, high = s->head.dead_count;
    int32_t count;
    struct slice t;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (segment_dead_at(s, mid, &t, &count))
            return 0;
        int c = slice_compare(t, term);
        if (c == 0)
            return count;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}

/* --- ids and records -------------------------------------------------------------------------- */

uint32_t segment_tie(const struct segment *s, uint32_t doc)
{
    return doc < s->head.doc_count ? segment_u32(s, s->head.tie, doc) : 0;
}

enum status segment_id(const struct segment *s, uint32_t doc, char room[SEGMENT_ID_MAX],
                       struct slice *id)
{
    uint32_t at, k;
    enum status st = record_place(s, doc, &at, &k);
    if (st)
        return st;
    struct wire_reader ids = wire_reader_of(segment_window(s, at, RECORD_HEAD_MAX));
    *id = SLICE_NULL;
    if (k >= wire_u8(&ids))
        return STATUS_CORRUPT;
    for (uint32_t i = 0; i <= k && !st; i++)
        st = record_next_id(&ids, room, id);
    return st;
}

enum status segment_record(const struct segment *s, uint32_t doc, struct record_reader *rr,
                           struct slice *document)
{
    struct record_block b;
    uint32_t at, k;
    enum status st = record_place(s, doc, &at, &k);
    st = st ? st : record_block_at(s, at, &b);
    if (st)
        return st;
    if (k >= b.count)
        return STATUS_CORRUPT;
    struct stored_record stored;
    st = record_of_block(&b, k, &stored);
    return st ? st : record_decode(rr, &stored, s->head.dictionary, document);
}

void segment_record_prefetch(const struct segment *s, uint32_t doc)
{
    uint32_t at, k;
    if (record_place(s, doc, &at, &k) == STATUS_OK && at >> EXTENT_SHIFT < s->extent_count)
        __builtin_prefetch(s->extents[at >> EXTENT_SHIFT] + (at & EXTENT_MASK));
}
