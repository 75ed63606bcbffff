/*
 * stream - whose record the log of a catalog is: a row of the index, changed by records only.
 *
 *   row "stream"       name 16 bytes, epoch u64, store 16 bytes
 *   record LOG_STREAM  the same
 *   row "stream/parted"  the same: of that stream leader and followers may not have the same any
 *                        more. Written with what parted them; another stream ends it.
 *
 * A catalog gets its stream when somebody first asks for its log, and a new epoch when a follower
 * is promoted; both are records, so that the row stands in the same transaction as the sequence it
 * counts from, and a copy of the index says what it is a copy of. The store is the data directory
 * of who decided it (store_name()): a follower drops a catalog only when that one says it is gone.
 */
#ifndef SOUK_SERVER_STREAM_H
#define SOUK_SERVER_STREAM_H

#include "index/index.h"
#include "protocol/follow.h"

struct stream {
    struct stream_id id;
    uint8_t store[STORE_NAME];
};

/* NOT_FOUND: nobody has asked for its log yet. */
enum status stream_read(struct index *ix, struct stream *out);
/* Opens a copy, to see that it can be opened, and tells where it stands; *sequence also with
 * NOT_FOUND. */
enum status stream_of_copy(const char *dir, uint64_t map_bytes, struct stream *out,
                           uint64_t *sequence);
void stream_encode(const struct stream *s, struct buf *out);
enum status stream_decode(struct slice bytes, struct stream *out);
/* What a LOG_STREAM record does. CORRUPT on damage. */
enum status stream_apply(struct batch *b, struct slice payload);
/* Writes into the batch that the stream the index has is parted; nothing when it has none. */
enum status stream_part(struct index *ix, struct batch *b);
/* Does the index say so of the stream it has? */
enum status stream_parted(struct index *ix, bool *parted);
/* 16 random bytes. */
enum status stream_random(uint8_t out[STREAM_NAME]);
/* The name of a data directory, DIR/STORE: made when there is none. */
enum status store_name(const char *data_dir, uint8_t out[STORE_NAME]);

#endif
