/*
 * segment - an immutable run of the index inside LMDB: dictionary, postings, ids, stored records.
 *
 * A segment covers the docids [base, base + count) and never changes; updates give products new
 * docids in a new segment and mark the old ones in `live`. The writer merges neighbours. Segments
 * of one snapshot are sorted by base and do not overlap.
 *
 *   LMDB `segments`: key = segment number u32 BE, extent u32 BE
 *                    value = extent bytes (<= 1 MiB) + checksums of its cells (<= 16 KiB)
 *   the bytes: segment_format.h
 *
 * A cell's checksum is verified once per process before its first use (the bytes never change), so
 * that a query pays for what it reads and not for its surroundings; damage gives CORRUPT.
 * Everything returned points into the snapshot and ends with it.
 */
#ifndef SOUK_INDEX_SEGMENT_H
#define SOUK_INDEX_SEGMENT_H

#include "index/postings.h"
#include "index/pulse.h"
#include "index/segment_format.h"

enum {
    SEGMENT_EXTENT = 1 << 20,
    SEGMENT_CELL_SHIFT = 14,
    SEGMENT_CELL = 1 << SEGMENT_CELL_SHIFT,
    EXTENT_CELLS = SEGMENT_EXTENT / SEGMENT_CELL
};

struct segment;

/* Cheap facts. */
uint32_t segment_number(const struct segment *s);
uint32_t segment_base(const struct segment *s);        /* first docid */
uint32_t segment_doc_count(const struct segment *s);   /* docids covered, dead ones included */
uint32_t segment_term_count(const struct segment *s);  /* distinct terms */
uint32_t segment_field_count(const struct segment *s); /* F of the position values */

/* What reading its lists beats; NULL = nothing, as it is when opened. */
void segment_set_pulse(struct segment *s, struct pulse *pulse);
struct pulse *segment_pulse(const struct segment *s);

/* Exact term -> ordinal (terms are sorted bytewise, ordinals 0..term_count-1). NOT_FOUND. */
enum status segment_find_term(const struct segment *s, struct slice term, uint32_t *ordinal);
/* Ordinals [*lo, *hi) of the terms that begin with `prefix`. Empty range when none. */
enum status segment_prefix_range(const struct segment *s, struct slice prefix, uint32_t *lo,
                                 uint32_t *hi);
/* First ordinal whose term is >= `term`. */
enum status segment_lower_bound(const struct segment *s, struct slice term, uint32_t *ordinal);
/* The bytes of a term. */
enum status segment_term(const struct segment *s, uint32_t ordinal, struct slice *term);
/* First ordinal in (ordinal, end) whose term does not share `bytes` bytes with the one at
 * `ordinal`; `end` when all do. Reads one byte a term. */
uint32_t segment_step_over(const struct segment *s, uint32_t ordinal, uint32_t end, uint32_t bytes);
uint32_t segment_term_df(const struct segment *s, uint32_t ordinal);
/* The posting list of a term. */
enum status postings_open(const struct segment *s, uint32_t ordinal, struct postings *out);
/* What is ready for a short prefix: the union of the terms that begin so, but for a few frequent
 * ones, which are read from their own lists. */
struct segment_prefix {
    uint32_t df;                                    /* documents that hold any of the terms */
    struct postings rest;                           /* without positions */
    uint32_t apart[PREFIX_APART_MOST], apart_count; /* ordinals */
};
/* Of 1 to 3 letters; NOT_FOUND when the segment has none (then the prefix has few postings: expand
 * it). CORRUPT. */
enum status segment_open_prefix(const struct segment *s, struct slice prefix,
                                struct segment_prefix *out);
/* May a list be ready for it, as far as its bytes go? */
bool segment_lists_prefix(struct slice prefix);
/* What the killed postings of a term take off its df in all segments; also answers for terms that
 * have no postings here. Negative in a merged segment whose purged postings were killed by later
 * segments: those still take them off. */
int32_t segment_dead_df(const struct segment *s, struct slice term);

/* Tie key: xxh32 of the external id; orders equal scores (smaller first). doc relative to base. */
uint32_t segment_tie(const struct segment *s, uint32_t doc);
/* The same of many. */
void segment_ties(const struct segment *s, const uint32_t *docs, uint32_t count, uint32_t *out);
/* Has its id and record fetched from memory, and, before, where these are told to be; hints. */
void segment_place_prefetch(const struct segment *s, uint32_t doc);
void segment_record_prefetch(const struct segment *s, uint32_t doc);
/* Candidate docs of an external id: docs (relative) whose tie key is xxh32(id); caller checks the
 * id. */
enum status segment_find_id(const struct segment *s, struct slice id, uint32_t *doc);
/* Takes 2 bytes a document, so that an id that is not there is mostly known without a search. For
 * the thread that owns the segment, before it looks up many. */
void segment_learn_ids(struct segment *s);
/* External id of a doc, put together in `room`. */
enum { SEGMENT_ID_MAX = 255 };
enum status segment_id(const struct segment *s, uint32_t doc, char room[SEGMENT_ID_MAX],
                       struct slice *id);
/* Stored record of a doc, until the reader is used again: a document
 * (protocol/document.h) of the fields that no column holds, field numbers = schema field ids. */
struct record_reader;
enum status segment_record(const struct segment *s, uint32_t doc, struct record_reader *rr,
                           struct slice *document);

#endif
