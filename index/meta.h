/*
 * meta - the one row that says what an edition holds; rewritten by every commit.
 *
 *   LMDB `meta`: key "meta" -> format u32, uuid 16 bytes, analyser u64, generation u64, sequence
 * u64, settings_sequence u64, live u32, docid_end u32, next_segment u32, schema_version
 * u32, dictionary u32, facet_fields u16, facet
 * counts u32 each, segment_count u16, segment rows (number, base, count, dead, folded u32; bytes
 * u64), weight u64 (or nothing) key "schema" -> the encoding of struct schema_spec key "zdict<n>"
 * -> record dictionary n
 *
 * All integers little-endian. A new member goes to the end; META_FORMAT counts changes a reader
 * must know of.
 */
#ifndef SOUK_INDEX_META_H
#define SOUK_INDEX_META_H

#include "index/store.h"
#include "index/weight.h"

enum { META_FORMAT = 1, META_MAX_SEGMENTS = 512, META_FIELDS = 256 };

struct segment_row {
    uint32_t number, base, count;
    uint32_t dead;   /* docids of [base, base + count) that are not live */
    uint32_t folded; /* those of them whose postings a merge has left out already */
    uint64_t bytes;  /* of its extents */
};

struct meta {
    uint8_t uuid[16];
    uint64_t analyser; /* analyse_hash() at creation */
    uint64_t generation, sequence, settings_sequence;
    uint32_t live, docid_end, next_segment;
    uint32_t schema_version;
    uint32_t dictionary; /* number of the record dictionary of new segments, 0 = none yet */
    uint32_t facet_counts[META_FIELDS]; /* highest value ordinal by field */
    uint32_t segment_count;
    struct segment_row segments[META_MAX_SEGMENTS];
    uint64_t weight; /* bytes of the living products, see weight.h; WEIGHT_UNKNOWN */
};

/* NOT_FOUND without a row, OLD_FORMAT for another version. */
enum status meta_read(struct store_txn *t, struct meta *m);
enum status meta_write(struct store_txn *t, const struct meta *m);
/* The row of the segment that covers a docid, NULL when none. */
struct segment_row *meta_segment_of(struct meta *m, uint32_t docid);

#endif
