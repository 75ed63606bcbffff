/*
 * record_beside - what a record has in common with one that lies before it in its block.
 *
 * Neighbours in a catalog are often one thing in other colours or sizes. A record may be packed
 * beside an earlier one of its block, its base, which is packed by itself:
 *
 *   beside   (len varint, codes of pieces | from varint, len varint: bytes of the base)*, where the
 *            last pair may lack its copy
 *
 * To unpack it is to unpack two records, never more. For segment_pack.c and segment_records.c.
 */
#ifndef SOUK_INDEX_RECORD_BESIDE_H
#define SOUK_INDEX_RECORD_BESIDE_H

#include "index/segment_records.h"

enum { BESIDE_RUNS = 32, BESIDE_SLOTS = 1024 };

/* A base, and where its bytes stand. Zeros: there is none. */
struct record_base {
    bool there;
    uint8_t place;                /* in the block */
    uint16_t len, stored;         /* bytes of it, and as it is stored */
    uint16_t slots[BESIDE_SLOTS]; /* where in `text` the bytes stand, of the base with this stamp */
    uint32_t stamps[BESIDE_SLOTS], stamp;
    char text[RECORD_PLAIN];
};

/* Copies the record, of at most RECORD_PLAIN bytes; it takes `stored` bytes. */
void record_base_set(struct record_base *b, struct slice record, size_t stored, uint8_t place);

struct record_run {
    uint16_t own;       /* bytes of its own before the copy */
    uint16_t from, len; /* what is copied of the base */
};
/* The copies that a record can be made of; 0 when they would not save anything. Behind the last
 * run the rest is its own. */
uint32_t record_base_runs(const struct record_base *b, struct slice record,
                          struct record_run runs[BESIDE_RUNS]);

#endif
