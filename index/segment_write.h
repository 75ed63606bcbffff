/* segment_write - laying out a segment's blob: shared by the builder and the merge, nobody else. */
#ifndef SOUK_INDEX_SEGMENT_WRITE_H
#define SOUK_INDEX_SEGMENT_WRITE_H

#include "index/segment_build.h"
#include "index/segment_format.h"

/* One list in memory: docs ascending; the positions of posting i as a stream (positions.h) are the
 * bytes pos[pos_at[i] .. pos_at[i + 1]). */
struct list_input {
    const uint32_t *docs;
    const uint8_t *evidence;
    const uint32_t *pos_at; /* count + 1 entries; NULL = no positions */
    const uint8_t *pos;
    uint32_t count;
};

enum { MAX_EXTENTS = UINT32_MAX / SEGMENT_EXTENT + 1 };

struct segment_writer {
    struct segment_head head;
    struct buf blob;
    const uint32_t *ties;        /* [doc_count], of the segment being written */
    struct buf strings;          /* len u8, bytes of each term, in order */
    struct buf str_off, df, ptr; /* u32 arrays by ordinal; str_off into `strings` until the end */
    struct buf dead;             /* (str_off, count) pairs */
    struct buf prefixes, apart;  /* prefix entries, ordinals behind them */
    struct buf block_off;        /* u32 by block of records */
    uint64_t whole[MAX_EXTENTS / 64]; /* extents that hold an item longer than a cell, a bit each */
};

/* `guess`: bytes of the segment, about; it grows beyond. */
void segment_writer_init(struct segment_writer *w, size_t guess);
void segment_writer_fini(struct segment_writer *w);
/* Terms in ascending order. */
void segment_writer_term(struct segment_writer *w, struct slice term,
                         const struct list_input *list);
/* A term given before. */
struct slice segment_writer_text(const struct segment_writer *w, uint32_t ordinal);
void segment_writer_dead(struct segment_writer *w, struct slice term, int32_t count);
/* A prefix whose list has all of its terms but some. */
struct prefix_input {
    char letters[PREFIX_MAX_LEN];                   /* padded with zeros */
    uint32_t df;                                    /* documents that any of its terms has */
    uint32_t apart[PREFIX_APART_MOST], apart_count; /* ordinals, ascending */
};
void segment_writer_prefix(struct segment_writer *w, const struct prefix_input *prefix,
                           const struct list_input *list);
/* Makes room for `len` bytes that do not cross an extent, aligned. */
void segment_writer_settle(struct segment_writer *w, size_t len, size_t align);
/* Appends a list; returns its offset. It counts as postings of the segment. */
uint32_t segment_writer_list(struct segment_writer *w, const struct list_input *list);
/* Appends bytes that must not cross an extent, and that segment_window() finds the end of; returns
 * their offset. */
uint32_t segment_writer_put(struct segment_writer *w, struct slice bytes);
/* Appends a block of records, which says how long it is; returns its number. */
uint32_t segment_writer_block(struct segment_writer *w, struct slice bytes);
/* Appends a u32 array (may cross extents); returns its offset. */
uint32_t segment_writer_array(struct segment_writer *w, const void *words, size_t count);
/* The same of numbers in as many bits as the head says already or, if that is more, the greatest
 * needs. */
uint32_t segment_writer_packed(struct segment_writer *w, const uint32_t *numbers, size_t count,
                               enum segment_array array);
/* Writes the term arrays, hash, ids and head, and hands the extents to the sink. block_of: by
 * document the number of its block of records + 1, 0 = none. */
enum status segment_writer_finish(struct segment_writer *w, const uint32_t *block_of,
                                  segment_sink sink, void *ctx);

#endif
