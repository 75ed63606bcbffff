/*
 * record_frames - records of segments of formats 4 and 5: zstd frames of up to 16 records each,
 * with trained dictionaries. They are read until a merge takes them in; nothing writes them.
 *
 *   frame   raw_len varint | frame_len varint | a magicless zstd frame, or the raw bytes when
 *           frame_len is 0
 *   raw     (len varint, record) by place
 */
#ifndef SOUK_INDEX_RECORD_FRAMES_H
#define SOUK_INDEX_RECORD_FRAMES_H

#include "protocol/buf.h"
#include "protocol/status.h"

enum { FRAMES_RAW_MAX = 1100000 + 480 + 64 };

/* Is it a dictionary of frames, not one of pieces? */
bool frames_dictionary_is(struct slice dictionary);

struct frames_dictionary;
/* Copies the bytes. NO_MEMORY. */
enum status frames_dictionary_create(struct slice dictionary, struct frames_dictionary **out);
void frames_dictionary_destroy(struct frames_dictionary **d);

struct frames_reader;
enum status frames_reader_create(struct frames_reader **out);
void frames_reader_destroy(struct frames_reader **r);
/* Record `place` of a frame; lives until the next call, and as long as `frame`. `d` NULL: it was
 * packed without a dictionary. CORRUPT, NO_MEMORY. */
enum status frames_record(struct frames_reader *r, struct slice frame,
                          const struct frames_dictionary *d, uint32_t place, struct slice *record);

#endif
