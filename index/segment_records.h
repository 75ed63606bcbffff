/*
 * segment_records - stored records: zstd, one frame a record, with one dictionary an edition.
 *
 * The dictionary is trained from the first products (ZDICT); records before it have none. One
 * writer and one reader object per thread.
 */
#ifndef SOUK_INDEX_SEGMENT_RECORDS_H
#define SOUK_INDEX_SEGMENT_RECORDS_H

#include "protocol/buf.h"
#include "protocol/status.h"

enum { RECORD_MAX = 4 * 1024 * 1024, RECORD_DICTIONARY_MAX = 32 * 1024 };

struct record_writer;
enum status record_writer_create(struct slice dictionary, struct record_writer **out);
void record_writer_destroy(struct record_writer **w);
/* Appends raw_len varint, frame_len varint, frame. */
enum status record_compress(struct record_writer *w, struct slice raw, struct buf *out);

struct record_reader;
enum status record_reader_create(struct slice dictionary, struct record_reader **out);
void record_reader_destroy(struct record_reader **r);
/* Decompresses what record_compress() wrote; *raw lives until the next call. `plain` = no
 * dictionary. */
enum status record_decompress(struct record_reader *r, struct slice record, bool plain,
                              struct slice *raw);

/* Trains a dictionary from `count` samples lying back to back; INVALID when there is too little. */
enum status record_train(struct slice samples, const size_t *lens, uint32_t count,
                         struct buf *dictionary);

#endif
