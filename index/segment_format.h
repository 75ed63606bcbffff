/*
 * segment_format - the bytes of a segment.
 *
 * A segment is one byte string, the blob, cut into extents of SEGMENT_EXTENT bytes (the last is
 * shorter), each extent into cells of SEGMENT_CELL bytes; an extent is one LMDB value followed by
 * the XXH3-64 of each of its cells. Nothing that is read as a whole (a block, a record, a list's
 * arrays, a term) crosses an extent: writers pad. It may lie in several cells. A list without
 * arrays and the positions of a block say nowhere how long they are; where one is longer than a
 * cell, its extent has one XXH3-64 of all its bytes and is verified as a whole, as all extents of
 * format 4. All integers are little-endian; offsets are bytes from the start of the blob; u32
 * arrays are aligned to 4.
 *
 *   0    u32 magic 'SkSg'   u32 format (9)      u32 base          u32 doc_count
 *   16   u32 term_count     u32 field_count     u32 record_count  u32 dictionary id (0 = none)
 *   32   u64 posting_count  u64 blob_len
 *   48   u32 str_off[] at   u32 df[] at         u32 ptr[] at      u32 hash slots at
 *   64   u32 hash slot count (0 = none)         u32 tie[] at      u32 sorted docs at
 *   76   u32 places at      u32 prefix table at   u32 prefix count
 *   88   u32 dead table at  u32 dead count      u32 lcp[] at      u32 block_off[] at
 *   104  u32 block count    u32 tails at (0 = none)   u32 tail count
 *   116  u8 bits of a number in str_off[] df[] ptr[] hash[] sorted[] block_off[] tails[]   0
 *   124  u32 strings at
 *
 *   numbers       of these arrays lie in as many bits as the greatest needs, least significant
 * first str_off       where the term's string begins, from the first string on term string   len
 * u8, bytes; one behind the other, sorted bytewise: ordinal = rank lcp           u8 by ordinal:
 * bytes the term shares with the one before (0 for the first), so that a walk steps over all terms
 * that begin alike without reading them tails         u32 ordinals of the terms longer than 4
 * bytes, ordered by their bytes read backwards (tails.h) hash slot     0 = empty, else ordinal + 1
 * and above it, in the upper SEGMENT_HASH_CHECK of its bits, the lowest of the upper half of
 * XXH3-64 of the term; linear probing from lower half * slots >> 32 on list, df < 16        docs:
 * varint deltas (first from -1, each minus 1); evidence; positions list, df <= 128      bound u32;
 * one block; positions list, df > 128       4-aligned, n = blocks of 128: bound of all u32;
 * last[n], bound[n], off[n], pos[n] u32; tie[n] u16. Lists of prefixes have no positions and no
 * pos[] block                evidence count u8; deltas (deltas.h) from the doc behind the previous
 *                        block's last; evidence table bytes; indexes of 0, 1, 2 or 4 bits (a count
 *                        above 16: raw bytes and no table)
 *   positions            per posting: varints (delta << 1 | more)
 *
 *   prefix entry         prefix 3 bytes (zero-padded), n u8, df u32, rest df u32, ptr u32,
 *                        first u32: df documents hold a term that begins so; the list of the rest,
 * without positions, is the union of all but n terms, whose ordinals u32 are those from the first
 * on behind the entries, ascending
 *
 *   dead entry           str_off u32, count i32: postings of earlier segments that this one's
 *                        changes killed
 *
 *   record               segment_pack.h
 *
 * To change it safely: raise the format number; segment_open() refuses numbers it does not know. It
 * knows 8 to 4: 8 has prefix entries of prefix 4 bytes, df u32, ptr u32: the union of all terms, 7
 * these and positions as streams, u32 in all arrays, str_off[] from the start of
 * the blob, slots of ordinals only probed by the low bits, and evidence in 0, 1, 2, 4 or 8 bits, 6
 * these and blocks of postings with one width for all deltas (width u8 before the evidence count)
 * and pos[] in all lists, 5 these and blocks of records in frames (record_frames.h), 4 these and
 * other sums.
 */
#ifndef SOUK_INDEX_SEGMENT_FORMAT_H
#define SOUK_INDEX_SEGMENT_FORMAT_H

#include "protocol/wire.h"

#define SEGMENT_MAGIC UINT32_C(0x67536b53)

enum {
    SEGMENT_FORMAT = 9,
    SEGMENT_FORMAT_UNIONS = 8,  /* the last whose lists of prefixes have all terms */
    SEGMENT_FORMAT_STREAMS = 7, /* the last whose positions lie in streams and numbers in u32 */
    SEGMENT_FORMAT_WIDTH = 6,   /* the last whose blocks of postings have one width */
    SEGMENT_FORMAT_FRAMES = 5,  /* the last whose records lie in frames */
    SEGMENT_FORMAT_OLDEST = 4,
    SEGMENT_SUM = 8,
    SEGMENT_HEAD = 128,
    SEGMENT_HASH_MIN_TERMS = 32,
    SEGMENT_HASH_CHECK = 6, /* bits of a slot that tell most other terms apart */
    LIST_TINY = 16,
    EVIDENCE_TABLE = 32, /* distinct evidence of a block that indexes name; more lies as it is */
    PREFIX_MAX_LEN = 3,
    PREFIX_MIN_TERMS = 32,
    PREFIX_MIN_POSTINGS = 4096,
    PREFIX_MIN_DOCS = 32768,
    PREFIX_APART_POSTINGS = 1024, /* terms with so many and one in PREFIX_APART_SHARE of all */
    PREFIX_APART_SHARE = 8,       /* postings under the prefix are read from their own lists; */
    PREFIX_APART_MOST = 16, /* and so many at most; a smaller share takes a larger number here */
    PREFIX_ENTRY = 20,
    PREFIX_ENTRY_UNION = 12, /* up to SEGMENT_FORMAT_UNIONS */
    SEGMENT_MAX_DOCS = 6000000
};

/* Arrays of packed numbers. */
enum segment_array {
    ARRAY_STR_OFF,
    ARRAY_DF,
    ARRAY_PTR,
    ARRAY_HASH,
    ARRAY_SORTED,
    ARRAY_BLOCK_OFF,
    ARRAY_TAILS,
    SEGMENT_ARRAYS
};

struct segment_head {
    uint32_t format; /* as it was read; what is written has SEGMENT_FORMAT */
    uint32_t base, doc_count, term_count, field_count, record_count, dictionary;
    uint64_t posting_count, blob_len;
    uint32_t str_off, df, ptr, hash, hash_count, tie, sorted, places, prefix, prefix_count, dead,
        dead_count, lcp, block_off, block_count, tails, tail_count, strings;
    uint8_t bits[SEGMENT_ARRAYS]; /* of a number */
};

/* Where the search for a term begins. */
static inline uint32_t segment_hash_slot(uint32_t hash, uint32_t slots)
{
    return (uint32_t)((uint64_t)hash * slots >> 32);
}

/* Bytes of an entry of the table of prefixes. */
static inline uint32_t segment_prefix_entry(const struct segment_head *h)
{
    return h->format <= SEGMENT_FORMAT_UNIONS ? PREFIX_ENTRY_UNION : PREFIX_ENTRY;
}

void segment_head_encode(const struct segment_head *h, uint8_t out[SEGMENT_HEAD]);
/* CORRUPT / OLD_FORMAT. Checks that every array lies inside the blob. */
enum status segment_head_decode(struct slice bytes, struct segment_head *h);

#endif
