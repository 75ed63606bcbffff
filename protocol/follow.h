/*
 * follow - the bodies of LOG_READ, COPY_READ and FOLLOW: how one server takes over another's
 * catalogs and every later change (docs/replication.md).
 *
 * A stream is the sequence of records of one catalog under one decider: a name (16 random bytes)
 * and an epoch, which a promotion raises. Two logs whose stream and last sequence are the same hold
 * the same; the hash of the last record guards against a log that was put back to an older state
 * and written anew.
 *
 * Records travel in pieces, so that a large one fits a small reply. Slices point into the body that
 * was decoded.
 */
#ifndef SOUK_PROTOCOL_FOLLOW_H
#define SOUK_PROTOCOL_FOLLOW_H

#include "protocol/arena.h"
#include "protocol/frame.h"

enum { STREAM_NAME = 16, STORE_NAME = 16 };

struct stream_id {
    uint8_t name[STREAM_NAME]; /* all 0 = none yet */
    uint64_t epoch;
};
bool stream_id_equal(const struct stream_id *a, const struct stream_id *b);
bool stream_id_none(const struct stream_id *s);

/* Which of these a type of record is, the server knows (log_record.h). */
struct log_piece {
    uint32_t catalog; /* place in the list of the reply */
    uint64_t previous, sequence;
    uint32_t type;
    uint64_t size, offset; /* of the payload; where `bytes` begin in it */
    struct slice bytes;
};
enum { LOG_PIECE_SIZE = 64 << 20 }; /* no record is larger */

/* XXH3-64 of a record, as `hash` of LOG_READ. Never 0. */
uint64_t log_piece_hash(uint64_t sequence, uint32_t type, struct slice payload);

/* --- LOG_READ --------------------------------------------------------------------------------- */

struct log_have {
    struct slice catalog;
    struct stream_id stream;
    uint64_t after, hash, offset;
};

struct log_read_request {
    struct slice name;
    uint32_t bytes, wait_ms; /* 0 = as the server likes */
    uint64_t seen;
    struct log_have *have;
    uint32_t have_count;
    struct slice build; /* of who asks; empty = it is not told */
};

enum log_verdict { LOG_FOLLOWS, LOG_TAKE_COPY, LOG_COME_AGAIN, LOG_VERDICTS };

struct log_catalog {
    struct slice name;
    struct stream_id stream;
    uint64_t first, last; /* behind `first` the log is kept */
    enum log_verdict verdict;
    uint32_t upstream; /* enum upstream_state */
};

struct log_read_reply {
    struct slice store, build;
    uint64_t now_ms, seen;
    struct log_catalog *catalogs;
    uint32_t catalog_count;
    struct log_piece *pieces;
    uint32_t piece_count;
};

void log_read_request_encode(const struct log_read_request *q, struct buf *out);
void log_have_encode(const struct log_have *h, struct buf *out);
enum status log_read_request_decode(struct slice body, struct arena *a, struct log_read_request *q,
                                    struct fault *fault);
void log_catalog_encode(const struct log_catalog *c, struct buf *out);
/* The bytes of the piece are appended by the caller between the two. */
size_t log_piece_begin(const struct log_piece *p, uint32_t tag, struct buf *out);
void log_piece_end(struct buf *out, size_t at);
/* The rest of the reply: store, now_ms, seen. */
void log_read_reply_encode(const struct log_read_reply *r, struct buf *out);
/* INVALID on damage, also of pieces that lie outside their record or name no catalog of the list.
 */
enum status log_read_reply_decode(struct slice body, struct arena *a, struct log_read_reply *r);

/* --- COPY_READ -------------------------------------------------------------------------------- */

struct copy_read {
    struct slice catalog;
    uint64_t copy, from;
    uint32_t bytes;
    uint64_t size, sequence, sum; /* of the reply; size 0 = being made */
    uint64_t hash;                /* of the record that ends at `sequence`; 0 = not known */
    struct slice data;
};
void copy_read_encode(const struct copy_read *c, struct buf *out);
enum status copy_read_decode(struct slice body, struct copy_read *c, struct fault *fault);

/* --- FOLLOW ----------------------------------------------------------------------------------- */

enum follow_action { FOLLOW_LIST = 1, FOLLOW_APPEND, FOLLOW_ADOPT, FOLLOW_DROP, FOLLOW_CAME };

struct follow_request {
    struct slice catalog;
    enum follow_action action;
    uint64_t edition;
    struct log_piece *pieces;
    uint32_t piece_count;
};
void follow_request_encode(const struct follow_request *q, struct buf *out);
enum status follow_request_decode(struct slice body, struct arena *a, struct follow_request *q,
                                  struct fault *fault);

struct follow_row {
    struct slice name;
    struct stream_id stream;
    struct slice store;
    uint64_t last, hash;
};
struct follow_reply {
    uint64_t sequence, offset;
    struct follow_row *rows;
    uint32_t row_count;
};
void follow_row_encode(const struct follow_row *row, struct buf *out);
void follow_reply_encode(const struct follow_reply *r, struct buf *out);
enum status follow_reply_decode(struct slice body, struct arena *a, struct follow_reply *r);

#endif
