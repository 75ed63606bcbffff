/*
 * segment_pack - records of a segment in blocks: putting them together, taking one out.
 *
 *   block     count u8 | ids | lengths | records, back to back
 *   ids       count x (head u8, bytes): bytes shared with the id before << 4 | bytes that follow;
 *             a half of 15 is 15 + the u8 that comes next (shared first)
 *   lengths   count x varint: bytes of the record << 1 | whether the first of them is a kind
 *   kind      0: the record lies as it is | 1 + k: packed beside record k of the block, which is
 *             not beside another (record_beside.h); without a kind it is packed by itself
 *
 * Ids are read without unpacking anything, and a record without the others. Blocks are filled with
 * as many records as RECORD_BLOCK_FILL and RECORD_BLOCK_BYTES allow, in order of documents; a
 * larger record has a block of its own.
 *
 * Where a document's record lies:
 *
 *   places       for each 32 documents three u32: which have a record | which begin a block |
 * number of the first block that begins there block_off[]  u32 by block
 *
 * A document's block is the last that begins at or before it, its place in the block the number of
 * documents with records between.
 */
#ifndef SOUK_INDEX_SEGMENT_PACK_H
#define SOUK_INDEX_SEGMENT_PACK_H

#include "index/record_beside.h"
#include "index/segment_records.h"
#include "index/segment_write.h"

struct record_packer {
    struct segment_writer *out;
    struct record_writer *writer;
    uint32_t *block_of; /* by document of the segment being written: number of its block + 1 */
    uint32_t waiting[RECORD_BLOCK];
    uint32_t count;
    struct buf records, lengths, ids, block;
    struct record_base base;  /* one of those that wait */
    char last[RECORD_ID_MAX]; /* id of the last that waits */
    size_t last_len;
};

void record_packer_init(struct record_packer *p, struct segment_writer *out,
                        struct record_writer *writer, uint32_t *block_of);
void record_packer_fini(struct record_packer *p);
/* Copies id (at most RECORD_ID_MAX bytes) and record. */
enum status record_pack(struct record_packer *p, uint32_t doc, struct slice id,
                        struct slice record);
/* The same of a record that is stored with the writer's dictionary already, and not beside another.
 */
enum status record_pack_stored(struct record_packer *p, uint32_t doc, struct slice id,
                               const struct stored_record *stored);
/* Writes what waits. */
enum status record_pack_end(struct record_packer *p);
/* A block that is packed already, whole; `docs` ascending, as many as it has records. */
enum status record_pack_block(struct record_packer *p, struct slice block, const uint32_t *docs,
                              uint32_t count);

/* Does the document have a record? */
bool record_exists(const struct segment *s, uint32_t doc);
/* Where a record's block begins, and its place in it. NOT_FOUND, CORRUPT. */
enum status record_place(const struct segment *s, uint32_t doc, uint32_t *block_at, uint32_t *k);

struct record_block {
    struct slice whole;   /* its bytes */
    struct slice ids;     /* front-coded */
    struct slice lengths; /* varints */
    struct slice records; /* back to back, or a frame */
    uint32_t count;
    bool framed, kinds;
};
/* At most of what lies before the records of a block. */
enum { RECORD_HEAD_MAX = 1 + RECORD_BLOCK * (RECORD_ID_MAX + 3 + 4) + 10 };
/* The block at an offset of the blob. CORRUPT. */
enum status record_block_at(const struct segment *s, uint32_t at, struct record_block *b);
/* The next id of a block, put together in `room`; *id is the one before, nothing at first. CORRUPT.
 */
enum status record_next_id(struct wire_reader *ids, char room[RECORD_ID_MAX], struct slice *id);
/* Record k of a block, k below its count. CORRUPT for a kind that there is not. */
enum status record_of_block(const struct record_block *b, uint32_t k, struct stored_record *out);
/* Most bytes that a record of so many adds to a block. */
size_t record_bound(size_t len);

#endif
