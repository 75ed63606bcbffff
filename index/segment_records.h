/*
 * segment_records - stored records: each packed by itself with the pieces (pieces.h) that an
 * edition learned from its products.
 *
 * What pieces cannot make smaller lies plainly, and so do records for which record_packs() is
 * false. A reader also knows the frames of older segments (record_frames.h).
 * Dictionaries are numbered by the edition from 1 on; 0 is none, and then all lies plainly. One
 * writer and one reader object per thread.
 */
#ifndef SOUK_INDEX_SEGMENT_RECORDS_H
#define SOUK_INDEX_SEGMENT_RECORDS_H

#include "protocol/buf.h"
#include "protocol/status.h"

enum {
    RECORD_MAX = 1100000, /* of one record, before it is packed */
    RECORD_BLOCK = 16,    /* at most in one of any format */
    RECORD_BLOCK_FILL = 16,
    RECORD_BLOCK_BYTES = 4096, /* as they are stored; more of them share a block only within this */
    RECORD_PLAIN = 896, /* those of about a kilobyte, up to RECORD_PLAIN_TO, lie plainly: a GET */
    RECORD_PLAIN_TO = 1152,   /* of one would take half as long again for unpacking it */
    RECORD_PACKED_MAX = 8192, /* and larger ones than this are not worth the room to unpack them */
    RECORD_ID_MAX = 255,
    RECORD_SAMPLES = 4 << 20,      /* bytes of records a batch trains from */
    RECORD_MERGE_SAMPLES = 8 << 20 /* and a merge, for which nobody waits */
};

/* Is a record of so many bytes packed? */
static inline bool record_packs(size_t len)
{
    return len <= RECORD_PLAIN || (len > RECORD_PLAIN_TO && len <= RECORD_PACKED_MAX);
}

/* A record as it lies in a block: by itself, or as one of a frame. */
struct stored_record {
    struct slice bytes;
    bool packed, framed, beside; /* beside: see record_beside.h, packed as well */
    uint32_t place;              /* in the frame; of the base in the block */
    struct slice base;           /* as it is stored */
    bool base_packed;
};

struct record_writer;
/* Number 0: without a dictionary. A dictionary of frames is none to write with: the number of the
 * writer is 0 then. CORRUPT, NO_MEMORY. */
enum status record_writer_create(struct slice dictionary, uint32_t number,
                                 struct record_writer **out);
void record_writer_destroy(struct record_writer **w);
/* From now on it finds the fewest bytes, which takes four times as long. */
void record_writer_thorough(struct record_writer *w);
uint32_t record_writer_dictionary(const struct record_writer *w);
/* Never longer than the record; lives until the next call, and as long as `record`. TOO_LARGE. */
enum status record_encode(struct record_writer *w, struct slice record, struct stored_record *out);

/* The same of one that has something in common with a base; *out is not `beside` when it has too
 * little. */
struct record_base;
enum status record_encode_beside(struct record_writer *w, struct slice record,
                                 const struct record_base *base, struct stored_record *out);

struct record_reader;
enum status record_reader_create(struct record_reader **out);
void record_reader_destroy(struct record_reader **r);
/* Does the reader know the dictionary? It knows 0 from the start. */
bool record_reader_has(const struct record_reader *r, uint32_t number);
/* Copies what it needs of the dictionary. CORRUPT, NO_MEMORY. */
enum status record_reader_add(struct record_reader *r, uint32_t number, struct slice dictionary);
/* What record_encode() got, when its writer had the dictionary of the number, or a record of a
 * frame; lives until the next call, and as long as `stored`. NOT_FOUND: the dictionary was not
 * added. */
enum status record_decode(struct record_reader *r, const struct stored_record *stored,
                          uint32_t number, struct slice *record);

#endif
