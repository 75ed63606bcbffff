/*
 * segment_records - stored records: zstd frames of a few records each, with trained dictionaries.
 *
 * A frame holds up to RECORD_BLOCK records (segment_pack.h), which halves what one record a frame
 * takes and still decodes in about a microsecond. What zstd cannot make smaller lies plainly, and
 * so do records beyond RECORD_PLAIN: unpacking a kilobyte takes longer than all else of its GET.
 * Dictionaries are numbered by the edition from 1 on; 0 is none. One writer and one reader object
 * per thread.
 */
#ifndef SOUK_INDEX_SEGMENT_RECORDS_H
#define SOUK_INDEX_SEGMENT_RECORDS_H

#include "protocol/buf.h"
#include "protocol/status.h"

enum {
    RECORD_MAX = 1100000, /* of one record, before it is packed */
    RECORD_BLOCK = 16,
    RECORD_BLOCK_BYTES = 480, /* of records; more of them share a block only within this */
    RECORD_PLAIN = 512, /* a larger one is read far more often than its disk costs: not packed */
    RECORD_ID_MAX = 255,
    RECORD_DICTIONARY_MAX = 96 * 1024,
    RECORD_SAMPLES = 2 << 20 /* bytes of records worth training from */
};

struct record_writer;
enum status record_writer_create(struct slice dictionary, uint32_t number,
                                 struct record_writer **out);
void record_writer_destroy(struct record_writer **w);
uint32_t record_writer_dictionary(const struct record_writer *w);
/* Appends raw_len varint, frame_len varint, frame; or raw_len, 0, the raw bytes. */
enum status record_compress(struct record_writer *w, struct slice raw, struct buf *out);
/* Most bytes that record_compress() makes of so many. */
size_t record_bound(size_t raw_len);

struct record_reader;
enum status record_reader_create(struct record_reader **out);
void record_reader_destroy(struct record_reader **r);
/* Does the reader know the dictionary? It knows 0 from the start. */
bool record_reader_has(const struct record_reader *r, uint32_t number);
/* Copies the dictionary. */
enum status record_reader_add(struct record_reader *r, uint32_t number, struct slice dictionary);
/* Unpacks what record_compress() wrote with the dictionary of the number; *raw lives until the next
 * call, and as long as `packed`. NOT_FOUND: the dictionary was not added. */
enum status record_decompress(struct record_reader *r, struct slice packed, uint32_t number,
                              struct slice *raw);

/* Trains a dictionary from `count` samples lying back to back; INVALID when there is too little. */
enum status record_train(struct slice samples, const size_t *lens, uint32_t count,
                         struct buf *dictionary);

#endif
