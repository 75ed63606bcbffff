/* segment_build_private - the builder's state, for segment_build.c and segment_invert.c. */
#ifndef SOUK_INDEX_SEGMENT_BUILD_PRIVATE_H
#define SOUK_INDEX_SEGMENT_BUILD_PRIVATE_H

#include "index/segment_build.h"

struct posting {
    uint32_t term, doc, pos_at;
    uint16_t pos_len; /* bytes */
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

struct array {
    void *items;
    size_t count, cap, size;
};

struct segment_builder {
    struct segment_facts facts;
    uint32_t base, doc_count, kills;
    struct array terms, postings, seen, next, hashes, ties, record_off, record_len;
    struct buf strings, records, positions; /* positions: as they are stored */
    uint32_t *slots;                        /* term number + 1 */
    uint32_t slot_count;
    uint32_t *ids; /* doc + 1 by tie, open addressing, newest wins */
    uint32_t id_slots;
    bool failed;
};

static inline struct term *term_at(const struct segment_builder *b, uint32_t n)
{
    return (struct term *)b->terms.items + n;
}

static inline struct slice term_text(const struct segment_builder *b, const struct term *t)
{
    return slice_make(b->strings.ptr + t->str_off, t->len);
}

/* Id and record of a document lie one behind the other. */
static inline struct slice id_of(const struct segment_builder *b, uint32_t doc)
{
    uint32_t off = ((const uint32_t *)b->record_off.items)[doc];
    struct wire_reader r = wire_reader_of(slice_make(b->records.ptr + off, b->records.len - off));
    return wire_bytes(&r);
}

#endif
