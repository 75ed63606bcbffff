/*
 * segment_pack - records of a segment in blocks: putting them together, taking one out.
 *
 *   block   raw_len varint, frame_len varint, zstd frame of: (len varint, record) x up to 4
 *   entry   id_len varint, id, back varint, k u8         one a document, behind its block;
 *           record_off[doc] points to it; the block begins `back` bytes before it and the record is
 *           number k of the block
 *
 * Block and entries lie in one extent. Ids are read without unpacking anything.
 */
#ifndef SOUK_INDEX_SEGMENT_PACK_H
#define SOUK_INDEX_SEGMENT_PACK_H

#include "index/segment_records.h"
#include "index/segment_write.h"

struct packed_record {
    uint32_t doc;
    size_t id_len; /* of its id in `ids` */
};

struct record_packer {
    struct segment_writer *out;
    struct record_writer *writer;
    uint32_t *off; /* by document of the segment being written */
    struct packed_record waiting[RECORD_BLOCK];
    uint32_t count;
    struct buf raw, ids, block;
};

void record_packer_init(struct record_packer *p, struct segment_writer *out,
                        struct record_writer *writer, uint32_t *off);
void record_packer_fini(struct record_packer *p);
/* Copies id and record. */
enum status record_pack(struct record_packer *p, uint32_t doc, struct slice id,
                        struct slice record);
/* Writes what waits. */
enum status record_pack_end(struct record_packer *p);
/* A block that is packed already, with its entries: `docs` ascending, `ids` of them. */
enum status record_pack_block(struct record_packer *p, struct slice packed, const uint32_t *docs,
                              const struct slice *ids, uint32_t count);

/* The bytes of a record's block, from its first one on, and its place in it. CORRUPT. */
enum status record_place(const struct segment *s, uint32_t doc, struct slice *id,
                         uint32_t *block_at, uint32_t *k);
/* Record k of an unpacked block. CORRUPT. */
enum status record_of_block(struct slice raw, uint32_t k, struct slice *record);

#endif
