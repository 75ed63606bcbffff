#include "index/large.h"
#include "index/segment_build_private.h"
#include "index/segment_pack.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Postings are appended to one array in document order; segment_invert.c sorts them at the end. */

enum { LENGTH_MAX = 1020, POSITIONS_MAX = 1024, TERM_MAX = 255 };

struct seen { /* one distinct term of the document at hand */
    uint32_t term;
    uint32_t first; /* index of its last token + 1; `next` leads to the ones before */
    uint32_t count;
    uint16_t tf[4];
    uint8_t mask;
};

static void *array_add(struct segment_builder *b, struct array *a, size_t n)
{
    if (a->count + n > a->cap) {
        size_t cap = a->cap ? a->cap * 2 : 1024;
        while (cap < a->count + n)
            cap *= 2;
        void *p = large_pages(realloc(a->items, cap * a->size), cap * a->size);
        if (!p) {
            b->failed = true;
            return NULL;
        }
        a->items = p;
        a->cap = cap;
    }
    void *p = (char *)a->items + a->count * a->size;
    a->count += n;
    return p;
}

/* The length side of BM25 for one document: b = 0.75, k1 = 1.2 (Robertson & Zaragoza 2009). Lengths
 * count in steps of 4 and stop at 1020, so that small edits of a long text keep its evidence. */
static float length_norm(const struct segment_builder *b, uint32_t c, uint32_t class_len)
{
    float ref = b->facts.class_reference_len[c] > 0 ? b->facts.class_reference_len[c] : 16;
    uint32_t len = class_len < LENGTH_MAX ? class_len & ~3u : LENGTH_MAX;
    return 1.2f * (0.25f + 0.75f * (float)len / ref);
}

enum status segment_builder_create(const struct segment_facts *facts, uint32_t base,
                                   struct segment_builder **out)
{
    struct segment_builder *b = calloc(1, sizeof *b);
    *out = NULL;
    if (!b)
        return STATUS_NO_MEMORY;
    b->facts = *facts;
    b->base = base;
    b->terms.size = sizeof(struct term);
    b->postings.size = sizeof(struct posting);
    b->seen.size = sizeof(struct seen);
    b->hashes.size = b->next.size = b->ties.size = b->record_off.size = b->record_len.size = 4;
    b->slot_count = b->id_slots = 1024;
    b->slots = calloc(b->slot_count, 4);
    b->ids = calloc(b->id_slots, 4);
    *out = b;
    if (b->slots && b->ids)
        return STATUS_OK;
    segment_builder_destroy(out);
    return STATUS_NO_MEMORY;
}

void segment_builder_destroy(struct segment_builder **b)
{
    if (!*b)
        return;
    struct array *arrays[] = {&(*b)->terms,  &(*b)->postings, &(*b)->seen,       &(*b)->next,
                              &(*b)->hashes, &(*b)->ties,     &(*b)->record_off, &(*b)->record_len};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        free(arrays[i]->items);
    buf_fini(&(*b)->strings);
    buf_fini(&(*b)->records);
    buf_fini(&(*b)->positions);
    free((*b)->slots);
    free((*b)->ids);
    free(*b);
    *b = NULL;
}

uint32_t segment_builder_doc_count(const struct segment_builder *b)
{
    return b->doc_count;
}

uint64_t segment_builder_bytes(const struct segment_builder *b)
{
    return b->records.len + b->strings.len + b->postings.count * sizeof(struct posting) +
           b->positions.len;
}

/* --- terms ------------------------------------------------------------------------------------ */

static uint32_t hash_of(struct slice s)
{
    return (uint32_t)XXH3_64bits(s.ptr, s.len);
}

static void grow_slots(struct segment_builder *b)
{
    uint32_t n = b->slot_count * 2, *slots = calloc(n, 4);
    if (!slots) {
        b->failed = true;
        return;
    }
    for (uint32_t i = 0; i < b->terms.count; i++) {
        uint32_t at = hash_of(term_text(b, term_at(b, i))) & (n - 1);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = i + 1;
    }
    free(b->slots);
    b->slots = slots;
    b->slot_count = n;
}

/* Number of a term, made when new; UINT32_MAX without memory. */
static uint32_t intern(struct segment_builder *b, struct slice text, uint32_t hash)
{
    if (b->terms.count * 2 > b->slot_count)
        grow_slots(b);
    if (b->failed)
        return UINT32_MAX;
    uint32_t at = hash & (b->slot_count - 1);
    for (; b->slots[at]; at = (at + 1) & (b->slot_count - 1))
        if (slice_equal(term_text(b, term_at(b, b->slots[at] - 1)), text))
            return b->slots[at] - 1;
    struct term *t = buf_reserve(&b->strings, text.len) ? array_add(b, &b->terms, 1) : NULL;
    if (!t) {
        b->failed = true;
        return UINT32_MAX;
    }
    *t = (struct term){.str_off = (uint32_t)b->strings.len, .len = (uint16_t)text.len};
    buf_put_slice(&b->strings, text);
    b->slots[at] = (uint32_t)b->terms.count;
    return (uint32_t)b->terms.count - 1;
}

/* The tokens' hashes, and their slots on the way: each would be a cache miss to wait for. */
static bool fetch_slots(struct segment_builder *b, const struct builder_token *tokens,
                        uint32_t count)
{
    uint32_t *hashes = array_add(b, &b->hashes, count + 1);
    for (uint32_t i = 0; hashes && i < count; i++) {
        hashes[i] = hash_of(tokens[i].term);
        __builtin_prefetch(&b->slots[hashes[i] & (b->slot_count - 1)]);
    }
    return hashes != NULL;
}

enum status segment_builder_kill_term(struct segment_builder *b, struct slice term)
{
    if (term.len == 0 || term.len > TERM_MAX) /* add() leaves these out as well */
        return STATUS_OK;
    uint32_t n = intern(b, term, hash_of(term));
    if (n == UINT32_MAX)
        return STATUS_NO_MEMORY;
    term_at(b, n)->dead++;
    return STATUS_OK;
}

enum status segment_builder_kill(struct segment_builder *b, const struct builder_token *tokens,
                                 uint32_t count)
{
    b->kills++;
    for (uint32_t i = 0; i < count; i++) {
        if (tokens[i].term.len == 0 || tokens[i].term.len > TERM_MAX)
            continue;
        uint32_t n = intern(b, tokens[i].term, hash_of(tokens[i].term));
        if (n == UINT32_MAX)
            return STATUS_NO_MEMORY;
        struct term *t = term_at(b, n);
        t->dead += t->killed != b->kills;
        t->killed = b->kills;
    }
    return STATUS_OK;
}

/* --- ids -------------------------------------------------------------------------------------- */

static uint32_t *id_slot(const struct segment_builder *b, uint32_t *slots, uint32_t count,
                         uint32_t tie, struct slice id)
{
    uint32_t at = tie & (count - 1);
    while (slots[at] && !(((const uint32_t *)b->ties.items)[slots[at] - 1] == tie &&
                          slice_equal(id_of(b, slots[at] - 1), id)))
        at = (at + 1) & (count - 1);
    return &slots[at];
}

static void remember_id(struct segment_builder *b, uint32_t tie, struct slice id, uint32_t doc)
{
    if (b->doc_count * 2 > b->id_slots) {
        uint32_t n = b->id_slots * 2, *slots = calloc(n, 4);
        if (!slots) {
            b->failed = true;
            return;
        }
        for (uint32_t i = 0; i < b->id_slots; i++)
            if (b->ids[i]) {
                uint32_t d = b->ids[i] - 1;
                *id_slot(b, slots, n, ((const uint32_t *)b->ties.items)[d], id_of(b, d)) = d + 1;
            }
        free(b->ids);
        b->ids = slots;
        b->id_slots = n;
    }
    *id_slot(b, b->ids, b->id_slots, tie, id) = doc + 1;
}

enum status segment_builder_find(const struct segment_builder *b, struct slice id, uint32_t *doc)
{
    uint32_t v = *id_slot(b, b->ids, b->id_slots, XXH32(id.ptr, id.len, 0), id);
    if (!v)
        return STATUS_NOT_FOUND;
    *doc = v - 1;
    return STATUS_OK;
}

struct slice segment_builder_record(const struct segment_builder *b, uint32_t doc)
{
    uint32_t off = ((const uint32_t *)b->record_off.items)[doc];
    struct slice id = id_of(b, doc);
    const char *start = id.ptr + id.len;
    return slice_make(start, ((const uint32_t *)b->record_len.items)[doc] -
                                 (size_t)(start - (b->records.ptr + off)));
}

uint64_t segment_builder_record_bytes(const struct segment_builder *b)
{
    return b->records.len;
}

/* --- documents -------------------------------------------------------------------------------- */

static void note_token(struct segment_builder *b, const struct builder_token *t, uint32_t i,
                       uint32_t doc, const uint8_t *classes)
{
    uint32_t n = intern(b, t->term, ((const uint32_t *)b->hashes.items)[i]);
    if (n == UINT32_MAX)
        return;
    struct term *term = term_at(b, n);
    struct seen *s;
    if (term->stamp != doc + 1) {
        term->stamp = doc + 1;
        term->slot = (uint32_t)b->seen.count;
        s = array_add(b, &b->seen, 1);
        if (!s)
            return;
        *s = (struct seen){.term = n};
    } else {
        s = (struct seen *)b->seen.items + term->slot;
    }
    uint8_t c = classes[t->field];
    s->mask |= (uint8_t)(1 << c);
    uint32_t tf = s->tf[c] + 1U + t->closing; /* what names the thing counts twice */
    s->tf[c] = (uint8_t)(tf < 255 ? tf : 255);
    ((uint32_t *)b->next.items)[i] = s->first;
    s->first = i + 1;
    s->count++;
}

/* The saturated, length-normalised term frequency of the best class, in 15 steps. */
static uint8_t evidence_of(const struct seen *s, const float *norm)
{
    uint32_t c = (uint32_t)__builtin_ctz(s->mask);
    float tf = (float)s->tf[c], x = tf / (tf + norm[c]) * 15;
    return (uint8_t)(s->mask << 4 | (x < 1 ? 1 : (uint32_t)(x + 0.5f)));
}

/* The first occurrences of a term, ascending, behind the builder's positions. Documents that repeat
 * a word endlessly keep POSITIONS_MAX, so a block always fits an extent. */
static void add_positions(struct segment_builder *b, const struct seen *s,
                          const struct builder_token *tokens)
{
    const uint32_t *next = b->next.items;
    uint32_t pos[POSITIONS_MAX], first = s->first, n = s->count, last = 0;
    for (; n > POSITIONS_MAX; n--) /* the chain runs backwards */
        first = next[first - 1];
    for (uint32_t k = n; k-- > 0; first = next[first - 1])
        pos[k] = tokens[first - 1].position * b->facts.field_count + tokens[first - 1].field;
    for (uint32_t k = 1; k < n; k++) { /* nearly sorted: fields follow each other */
        uint32_t v = pos[k], at = k;
        for (; at > 0 && pos[at - 1] > v; at--)
            pos[at] = pos[at - 1];
        pos[at] = v;
    }
    for (uint32_t k = 0; k < n; k++) {
        wire_put_varint(&b->positions, (uint64_t)(pos[k] - last) << 1 | (k + 1 < n));
        last = pos[k];
    }
}

static void add_posting(struct segment_builder *b, const struct seen *s,
                        const struct builder_token *tokens, uint32_t doc, const float *norm)
{
    struct posting *p = array_add(b, &b->postings, 1);
    if (!p)
        return;
    *p = (struct posting){.term = s->term,
                          .doc = doc,
                          .pos_at = (uint32_t)b->positions.len,
                          .evidence = evidence_of(s, norm)};
    add_positions(b, s, tokens);
    p->pos_len = (uint16_t)(b->positions.len - p->pos_at);
    term_at(b, s->term)->count++;
}

enum status segment_builder_add(struct segment_builder *b, struct slice id,
                                const struct builder_token *tokens, uint32_t token_count,
                                struct slice record, uint32_t *doc)
{
    uint32_t class_len[4] = {0}, d = b->doc_count;
    float norm[4];
    if (record.len > RECORD_MAX || id.len > RECORD_ID_MAX ||
        record_bound(record.len) > SEGMENT_EXTENT)
        return STATUS_TOO_LARGE;
    b->seen.count = b->next.count = b->hashes.count = 0;
    if (!array_add(b, &b->next, token_count + 1) || !fetch_slots(b, tokens, token_count))
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < token_count; i++) {
        if (tokens[i].field >= b->facts.field_count || tokens[i].term.len == 0 ||
            tokens[i].term.len > TERM_MAX)
            continue;
        class_len[b->facts.field_class[tokens[i].field]]++;
        note_token(b, &tokens[i], i, d, b->facts.field_class);
    }
    for (uint32_t c = 0; c < 4; c++)
        norm[c] = length_norm(b, c, class_len[c]);
    for (size_t i = 0; i < b->seen.count && !b->failed; i++)
        add_posting(b, (struct seen *)b->seen.items + i, tokens, d, norm);
    uint32_t *tie = array_add(b, &b->ties, 1), *off = array_add(b, &b->record_off, 1),
             *len = array_add(b, &b->record_len, 1);
    if (b->failed || !tie || !off || !len)
        return STATUS_NO_MEMORY;
    *tie = XXH32(id.ptr, id.len, 0);
    *off = (uint32_t)b->records.len;
    wire_put_bytes(&b->records, id);
    buf_put_slice(&b->records, record);
    *len = (uint32_t)b->records.len - *off;
    b->doc_count++;
    remember_id(b, *tie, id, d);
    *doc = d;
    b->failed |= b->records.failed || b->strings.failed || b->positions.failed;
    return b->failed ? STATUS_NO_MEMORY : STATUS_OK;
}
