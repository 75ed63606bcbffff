/*
 * column - values of one field by docid, for filters, sort, facets, freshness; updated in place.
 *
 * A column is cut into chunks of 4096 docids (COLUMN_CHUNK); a chunk is one LMDB value:
 *   LMDB `columns`: key = column u16 BE, chunk u32 BE
 *   value = XXH3-64 of the rest, u64 sequence of last change, header, payload
 * NUMBER chunks hold int64 or float64 as base + offsets of 0/1/2/4/8 bytes (floats as scaled
 * decimals when exact, else raw 8 bytes); ORDINAL chunks hold one u32 value ordinal per doc of
 * 1/2/4 bytes (0 = none, else base + number). Where it takes fewer pages of LMDB both lie in as
 * many bits as the greatest needs, below 32 and not 8, 16 or 24. ORDINALS chunks hold a list per
 * doc (u16/u32 offsets + ordinals). Presence is a bitmap when any value is missing. Ordinals number
 * the distinct values of the field from 1 in order of first sight (facet_values.h). PATH fields
 * store the ordinal of the deepest node; parents via facet_value_parent().
 *
 * Reading: column_chunk() maps a chunk once per snapshot; kernels then work on `struct
 * column_chunk`.
 */
#ifndef SOUK_INDEX_COLUMN_H
#define SOUK_INDEX_COLUMN_H

#include "index/bitpack.h"
#include "protocol/wire.h"

enum { COLUMN_CHUNK = 4096 };

/* Behind the last of the ascending docids [from, count) that lie in the chunk of the first. */
static inline uint32_t column_run_end(const uint32_t *docids, uint32_t from, uint32_t count)
{
    uint32_t last = docids[from] | (COLUMN_CHUNK - 1), low = from + 1, high = count;
    if (docids[count - 1] <= last)
        return count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (docids[mid] <= last)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

enum column_kind {
    COLUMN_INT,     /* int64: integer, boolean (0/1), timestamp (ms) */
    COLUMN_FLOAT,   /* float64 */
    COLUMN_ORDINAL, /* one value ordinal: keyword, path */
    COLUMN_ORDINALS /* several value ordinals: keyword_list, attributes */
};

/* System columns, beside those of schema fields (column id = field id for fields < 256). */
enum column_system {
    COLUMN_VERSION = 0xff00, /* source version, absent = none */
    COLUMN_VALIDATED,        /* ms since epoch when pushed or last confirmed by upstream */
    COLUMN_TTL,              /* soft ttl in ms, absent = catalog default */
    COLUMN_SWR,              /* stale-while-revalidate window ms, absent = default */
    COLUMN_SIE,              /* stale-if-error window ms, absent = default */
    COLUMN_ORIGIN            /* 0 pushed, n = provider n; absent = pushed */
};

struct column; /* one column of one snapshot */

/* One mapped chunk; pointers end with the snapshot. */
struct column_chunk {
    enum column_kind kind;
    uint8_t bits;   /* per value: 0..32 or 64; ORDINALS: per ordinal, 8, 16 or 32 */
    uint8_t scale;  /* FLOAT: value = (base + offset) / 10^scale; 255 = raw doubles */
    uint32_t count; /* docs covered (rest of the chunk is absent) */
    int64_t base;
    const uint8_t *values;   /* count x bits, little-endian offsets from base, or ordinals; where
                                they do not fill bytes, eight bytes can be read at each of them */
    const uint64_t *present; /* bitmap of count bits; NULL = all present */
    const uint8_t *offsets;  /* ORDINALS: (count + 1) u32 starts into values (in items) */
    uint64_t sequence;       /* of the last change */
};

/* chunk_idx = docid / COLUMN_CHUNK. NOT_FOUND: no value in it (all absent). CORRUPT on damage. */
enum status column_chunk(struct column *c, uint32_t chunk_idx, const struct column_chunk **out);
enum column_kind column_kind(const struct column *c);

/* Single values; NOT_FOUND when absent. docid is absolute. */
enum status column_int(struct column *c, uint32_t docid, int64_t *out);
enum status column_float(struct column *c, uint32_t docid, double *out); /* also of INT columns */
enum status column_ordinal(struct column *c, uint32_t docid, uint32_t *out);
/* Pointer-free list access: up to cap ordinals into out, *count in total. */
enum status column_ordinals(struct column *c, uint32_t docid, uint32_t *out, uint32_t cap,
                            uint32_t *count);

/* Ordinals of ascending docids of an ORDINAL column; 0 where there is none. */
void column_each_ordinal(struct column *c, const uint32_t *docids, uint32_t count, uint32_t *out);

/* The same of numbers, of an INT or FLOAT column; NaN where there is none. */
void column_each_float(struct column *c, const uint32_t *docids, uint32_t count, double *out);

/* Asks the processor for a value that will be read soon; of a list, for where it begins. */
void column_prefetch(struct column *c, uint32_t docid);
/* Values of an INT column; `absent` where there is none. Many at once: they wait for memory
 * together. */
void column_ints(struct column *c, const uint32_t *docids, uint32_t count, int64_t absent,
                 int64_t *out);

/* Kernels over one chunk (i = docid % COLUMN_CHUNK < count, value present is checked by them). */
bool column_chunk_int(const struct column_chunk *c, uint32_t i, int64_t *out);
bool column_chunk_float(const struct column_chunk *c, uint32_t i, double *out);
uint32_t column_chunk_ordinal(const struct column_chunk *c, uint32_t i); /* 0 = none */
uint32_t column_chunk_list(const struct column_chunk *c, uint32_t i,
                           uint32_t *first); /* -> count; item k = */
uint32_t column_chunk_item(const struct column_chunk *c, uint32_t first_plus_k);
/* The ordinals of documents first + i of an ORDINAL chunk, each i below its count; returns the
 * largest. */
uint32_t column_chunk_ordinals(const struct column_chunk *c, uint32_t first, const uint32_t *docids,
                               uint32_t count, uint32_t *out);

#endif
