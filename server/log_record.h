/*
 * log_record - what the records of the event log hold: decisions, ready to be applied.
 *
 *   CHANGES  accepted_ms varint, key bytes, 16 bytes XXH3-128 of the request (with a key), reply
 *            bytes (with a key), then the accepted items and the cursor as in the body of PUT
 *   SETTING  kind bytes, name bytes, value bytes
 *   SCHEMA   a schema: the catalog takes it over, by a rebuild where it must
 *   REBUILD  empty: a new edition from what is stored
 *   STREAM   whose records these are from here on (stream.h)
 *
 * A record covers the sequences behind the one before it up to its own. New kinds get new numbers;
 * a reader that does not know one stops.
 */
#ifndef SOUK_SERVER_LOG_RECORD_H
#define SOUK_SERVER_LOG_RECORD_H

#include "protocol/request.h"
#include "server/log_scan.h"

enum log_type { LOG_CHANGES = 1, LOG_SETTING, LOG_SCHEMA, LOG_REBUILD, LOG_STREAM };
enum { BODY_HASH = 16 };

struct log_changes {
    int64_t accepted_ms;
    struct slice key, hash, reply; /* empty without a key */
    const struct put_item *items;
    uint32_t item_count;
    struct slice cursor_of, cursor; /* of a PUT that moved one */
};

/* Head first, then put_item_encode() for every accepted item. */
void log_changes_begin(struct buf *out, const struct log_changes *c);
/* Borrows from payload and arena. CORRUPT on damage. */
enum status log_changes_decode(struct slice payload, struct arena *a, struct log_changes *out);

/* What a follower's last record is told by, log_piece_hash(). Of a record that holds no time it is
 * not enough, for the same may stand at the same place in another history: there the hash of the
 * record `before` is part of it, and without that (0) it is not known: 0. */
uint64_t log_record_hash(uint64_t before, const struct log_record *r);

struct log_setting {
    struct slice kind, name, value;
};
void log_setting_encode(struct buf *out, const struct log_setting *s);
enum status log_setting_decode(struct slice payload, struct log_setting *out);

#endif
