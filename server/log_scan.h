/*
 * log_scan - the records in the files of an event log, and the walk over them.
 *
 *   record  len u32 (of the payload), type u32, sequence u64, XXH3-64 over (sequence, type,
 *           checksum of the record before in the file, payload), payload, padded to 8 bytes;
 *           len 0 and type 0 = end
 *
 * A bad record with nothing valid behind it is a torn tail; one with valid records behind it is
 * damage: CORRUPT, never skipped.
 */
#ifndef SOUK_SERVER_LOG_SCAN_H
#define SOUK_SERVER_LOG_SCAN_H

#include "protocol/buf.h"
#include "server/log_file.h"

enum { LOG_RECORD_HEAD = 24 };

struct log_record {
    uint64_t sequence;
    uint32_t type;
    struct slice payload;
};

struct log_scan {
    uint64_t after; /* in: only records behind this sequence are told; whole files up to it are
                       passed over unread, but never the last one */
    enum status (*each)(void *ctx, const struct log_record *r); /* NULL: nothing is told */
    void *ctx;
    uint64_t last;  /* out: last sequence */
    uint64_t at;    /* out: byte of the last file behind its last whole record */
    uint64_t chain; /* out: checksum of that record */
    bool torn;      /* out: something broken follows there */
};

/* Bytes a payload takes in a file. */
uint64_t log_record_bytes(size_t payload);
/* Appends a record and moves *chain on. */
void log_record_put(struct buf *out, const struct log_record *r, uint64_t *chain);
/* The record at byte `at` of a mapped file whose record before it has the checksum `chain` (0 = the
 * first): OK, END (nothing was written there), or CORRUPT. */
enum status log_record_at(struct slice m, uint64_t at, uint64_t chain, struct log_record *r,
                          uint64_t *next, uint64_t *sum);
/* Walks the records in order; stops at the first status of `each` that is not OK. CORRUPT: damage,
 * with file and byte in the fault. */
enum status log_scan(const struct log_file *files, size_t count, struct log_scan *s,
                     struct fault *fault);

#endif
