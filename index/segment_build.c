#include "index/segment_pack.h"
#include "index/segment_write.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/*
 * Inversion: postings are appended to one array in document order; finish() counts them per term,
 * places them by counting sort (which keeps documents ascending) and writes the terms in byte
 * order.
 */

enum { LENGTH_MAX = 1020, POSITIONS_MAX = 1024, TERM_MAX = 255 };

struct posting {
    uint32_t term, doc, pos_at;
    uint16_t pos_count;
    uint8_t evidence;
};

struct term {
    uint32_t str_off;      /* in `strings` */
    uint32_t stamp;        /* document + 1 in which it was seen last */
    uint32_t slot;         /* its place in the document's scratch */
    uint32_t count;        /* postings */
    uint32_t dead, killed; /* killed: number of the product that counted it last */
    uint16_t len;
};

struct seen { /* one distinct term of the document at hand */
    uint32_t term;
    uint32_t first; /* index of its last token + 1; `next` leads to the ones before */
    uint32_t count;
    uint16_t tf[4];
    uint8_t mask;
};

struct array {
    void *items;
    size_t count, cap, size;
};

struct segment_builder {
    struct segment_facts facts;
    uint32_t base, doc_count, kills;
    struct array terms, postings, positions, seen, next, ties, record_off, record_len;
    struct buf strings, records;
    uint32_t *slots; /* term number + 1 */
    uint32_t slot_count;
    uint32_t *ids; /* doc + 1 by tie, open addressing, newest wins */
    uint32_t id_slots;
    bool failed;
};

static void *array_add(struct segment_builder *b, struct array *a, size_t n)
{
    if (a->count + n > a->cap) {
        size_t cap = a->cap ? a->cap * 2 : 1024;
        while (cap < a->count + n)
            cap *= 2;
        void *p = realloc(a->items, cap * a->size);
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
    b->positions.size = b->next.size = b->ties.size = b->record_off.size = b->record_len.size = 4;
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
    struct array *arrays[] = {&(*b)->terms, &(*b)->postings, &(*b)->positions,  &(*b)->seen,
                              &(*b)->next,  &(*b)->ties,     &(*b)->record_off, &(*b)->record_len};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        free(arrays[i]->items);
    buf_fini(&(*b)->strings);
    buf_fini(&(*b)->records);
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
           b->positions.count * 4;
}

/* --- terms ------------------------------------------------------------------------------------ */

static struct term *term_at(const struct segment_builder *b, uint32_t n)
{
    return (struct term *)b->terms.items + n;
}

static struct slice term_text(const struct segment_builder *b, const struct term *t)
{
    return slice_make(b->strings.ptr + t->str_off, t->len);
}

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
static uint32_t intern(struct segment_builder *b, struct slice text)
{
    if (b->terms.count * 2 > b->slot_count)
        grow_slots(b);
    if (b->failed)
        return UINT32_MAX;
    uint32_t at = hash_of(text) & (b->slot_count - 1);
    for (; b->slots[at]; at = (at + 1) & (b->slot_count - 1))
        if (slice_equal(term_text(b, term_at(b, b->slots[at] - 1)), text))
            return b->slots[at] - 1;
    struct term *t = array_add(b, &b->terms, 1);
    if (!t)
        return UINT32_MAX;
    *t = (struct term){.str_off = (uint32_t)b->strings.len, .len = (uint16_t)text.len};
    buf_put_slice(&b->strings, text);
    b->slots[at] = (uint32_t)b->terms.count;
    return (uint32_t)b->terms.count - 1;
}

enum status segment_builder_kill_term(struct segment_builder *b, struct slice term)
{
    if (term.len == 0 || term.len > TERM_MAX) /* add() leaves these out as well */
        return STATUS_OK;
    uint32_t n = intern(b, term);
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
        uint32_t n = intern(b, tokens[i].term);
        if (n == UINT32_MAX)
            return STATUS_NO_MEMORY;
        struct term *t = term_at(b, n);
        t->dead += t->killed != b->kills;
        t->killed = b->kills;
    }
    return STATUS_OK;
}

/* --- ids -------------------------------------------------------------------------------------- */

static struct slice id_of(const struct segment_builder *b, uint32_t doc)
{
    uint32_t off = ((const uint32_t *)b->record_off.items)[doc];
    struct wire_reader r = wire_reader_of(slice_make(b->records.ptr + off, b->records.len - off));
    return wire_bytes(&r);
}

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
    uint32_t n = intern(b, t->term);
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

/* The first occurrences of a term, ascending, behind the builder's positions; returns how many.
 * Documents that repeat a word endlessly keep POSITIONS_MAX, so a block always fits an extent. */
static uint32_t add_positions(struct segment_builder *b, const struct seen *s,
                              const struct builder_token *tokens)
{
    const uint32_t *next = b->next.items;
    uint32_t first = s->first, n = s->count;
    for (; n > POSITIONS_MAX; n--) /* the chain runs backwards */
        first = next[first - 1];
    uint32_t *pos = array_add(b, &b->positions, n);
    if (!pos)
        return 0;
    for (uint32_t k = n; k-- > 0; first = next[first - 1])
        pos[k] = tokens[first - 1].position * b->facts.field_count + tokens[first - 1].field;
    for (uint32_t k = 1; k < n; k++) { /* nearly sorted: fields follow each other */
        uint32_t v = pos[k], at = k;
        for (; at > 0 && pos[at - 1] > v; at--)
            pos[at] = pos[at - 1];
        pos[at] = v;
    }
    return n;
}

static void add_posting(struct segment_builder *b, const struct seen *s,
                        const struct builder_token *tokens, uint32_t doc, const float *norm)
{
    struct posting *p = array_add(b, &b->postings, 1);
    if (!p)
        return;
    *p = (struct posting){.term = s->term,
                          .doc = doc,
                          .pos_at = (uint32_t)b->positions.count,
                          .evidence = evidence_of(s, norm)};
    p->pos_count = (uint16_t)add_positions(b, s, tokens);
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
    b->seen.count = b->next.count = 0;
    if (!array_add(b, &b->next, token_count + 1))
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
    return b->failed || b->records.failed || b->strings.failed ? STATUS_NO_MEMORY : STATUS_OK;
}

/* --- finish ----------------------------------------------------------------------------------- */

struct term_order {
    uint64_t key; /* first 8 bytes, big-endian: decides most comparisons */
    uint32_t term;
    const struct segment_builder *b;
};

static int by_text(const void *x, const void *y)
{
    const struct term_order *a = x, *c = y;
    if (a->key != c->key)
        return a->key < c->key ? -1 : 1;
    return slice_compare(term_text(a->b, term_at(a->b, a->term)),
                         term_text(c->b, term_at(c->b, c->term)));
}

static struct term_order *sorted_terms(const struct segment_builder *b)
{
    struct term_order *order = malloc((b->terms.count + 1) * sizeof *order);
    for (uint32_t i = 0; order && i < b->terms.count; i++) {
        struct slice t = term_text(b, term_at(b, i));
        uint8_t first[8] = {0};
        memcpy(first, t.ptr, t.len < 8 ? t.len : 8);
        uint64_t key = 0;
        for (int k = 0; k < 8; k++)
            key = key << 8 | first[k];
        order[i] = (struct term_order){key, i, b};
    }
    if (order)
        qsort(order, b->terms.count, sizeof *order, by_text);
    return order;
}

struct placed { /* postings by term, documents ascending */
    uint32_t *docs, *pos_at, *start, *pos;
    uint8_t *evidence;
};

static bool place(const struct segment_builder *b, const struct term_order *order,
                  struct placed *out)
{
    size_t n = b->postings.count, terms = b->terms.count;
    *out = (struct placed){malloc((n + 1) * 4), malloc((n + 1) * 4), calloc(terms + 1, 4),
                           malloc((b->positions.count + 1) * 4), malloc(n + 1)};
    uint32_t *rank = malloc((terms + 1) * 4), *from = calloc(n + 1, 4);
    bool ok = out->docs && out->pos_at && out->start && out->pos && out->evidence && rank && from;
    for (uint32_t i = 0; ok && i < terms; i++) {
        rank[order[i].term] = i;
        out->start[i + 1] = out->start[i] + term_at(b, order[i].term)->count;
    }
    for (uint32_t i = 0; ok && i < n; i++) {
        const struct posting *p = (const struct posting *)b->postings.items + i;
        from[out->start[rank[p->term]]++] = i;
    }
    for (uint32_t i = (uint32_t)terms; ok && i > 0; i--)
        out->start[i] = out->start[i - 1];
    if (ok)
        out->start[0] = 0;
    uint32_t at = 0;
    for (uint32_t i = 0; ok && i < n; i++) {
        const struct posting *p = (const struct posting *)b->postings.items + from[i];
        out->docs[i] = p->doc;
        out->evidence[i] = p->evidence;
        out->pos_at[i] = at;
        memcpy(out->pos + at, (const uint32_t *)b->positions.items + p->pos_at,
               p->pos_count * sizeof *out->pos);
        at += p->pos_count;
    }
    if (ok)
        out->pos_at[n] = at;
    free(rank);
    free(from);
    return ok;
}

static void placed_fini(struct placed *p)
{
    free(p->docs);
    free(p->pos_at);
    free(p->start);
    free(p->pos);
    free(p->evidence);
}

static enum status write_all(struct segment_builder *b, struct segment_writer *w,
                             const struct term_order *order, const struct placed *p,
                             struct record_writer *records, segment_sink sink, void *ctx)
{
    for (uint32_t i = 0; i < b->terms.count; i++) {
        const struct term *t = term_at(b, order[i].term);
        uint32_t at = p->start[i];
        if (t->count)
            segment_writer_term(w, term_text(b, t),
                                &(struct list_input){p->docs + at, p->evidence + at, p->pos_at + at,
                                                     p->pos, t->count});
    }
    for (uint32_t i = 0; i < b->terms.count; i++) {
        const struct term *t = term_at(b, order[i].term);
        if (t->dead)
            segment_writer_dead(w, term_text(b, t), (int32_t)t->dead);
    }
    uint32_t *block_of = malloc((b->doc_count + 1u) * sizeof *block_of);
    if (!block_of)
        return STATUS_NO_MEMORY;
    struct record_packer pack;
    record_packer_init(&pack, w, records, block_of);
    enum status s = STATUS_OK;
    for (uint32_t d = 0; d < b->doc_count && !s; d++)
        s = record_pack(&pack, d, id_of(b, d), segment_builder_record(b, d));
    s = s ? s : record_pack_end(&pack);
    record_packer_fini(&pack);
    s = s ? s : segment_writer_finish(w, block_of, sink, ctx);
    free(block_of);
    return s;
}

enum status segment_builder_finish(struct segment_builder *b, struct record_writer *records,
                                   segment_sink sink, void *ctx)
{
    struct segment_writer w;
    struct record_writer *plain = NULL;
    if (!records && record_writer_create(SLICE_NULL, 0, &plain))
        return STATUS_NO_MEMORY;
    records = records ? records : plain;
    segment_writer_init(&w);
    w.head.base = b->base;
    w.head.doc_count = b->doc_count;
    w.head.field_count = b->facts.field_count;
    w.head.dictionary = record_writer_dictionary(records);
    w.ties = b->ties.items;
    struct placed p = {0};
    struct term_order *order = sorted_terms(b);
    enum status s = STATUS_NO_MEMORY;
    if (order && place(b, order, &p))
        s = write_all(b, &w, order, &p, records, sink, ctx);
    placed_fini(&p);
    free(order);
    segment_writer_fini(&w);
    record_writer_destroy(&plain);
    return s;
}
