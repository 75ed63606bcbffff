/*
 * event_log - the durable, append-only record of every accepted change of one catalog.
 *
 * A directory of segment files, preallocated and written with zeros so that a sync writes data
 * only. Records carry the sequence, a type and XXH3-64; appends are buffered, event_log_sync()
 * makes all of them durable with one fdatasync. Any failed write or sync is final: the log refuses
 * further appends.
 *
 * The next file is made ahead (log_spare.h), from the moment the current one is half full: an
 * append that needs it only names it. The first file, and one that is needed before the next is
 * made, is an eighth as large, for somebody waits for it; behind such a one the next is begun when
 * an eighth of it is full, so that many catalogs with a few changes each do not write a large file
 * each. Where the disk has no room for it the
 * last part of the current file is kept for what gives room back: appends that may not spend it are
 * told NO_SPACE.
 *
 * The bytes: log_file.h, log_scan.h. At open the records behind `applied` are read to the end: a
 * torn tail is cut off; damage, or a file that is missing, is CORRUPT, never skipped.
 */
#ifndef SOUK_SERVER_EVENT_LOG_H
#define SOUK_SERVER_EVENT_LOG_H

#include "server/log_scan.h"

struct event_log;

struct event_log_options {
    uint64_t segment_bytes; /* 0 = 64 MiB */
    uint64_t small_bytes;   /* of a file that somebody waits for; 0 = an eighth of that */
    uint64_t applied;       /* what is up to here need not be there, and is not read */
    /* fdatasync by default; tests put a failing one here. Returns 0 or -1 with errno. */
    int (*sync)(int fd);
    /* Has the disk of the directory room for so many bytes more? NULL: it is tried. */
    bool (*room)(const char *dir, uint64_t bytes);
};

/* Opens or creates the log in a directory. *cut = bytes of a torn tail that were cut off. */
enum status event_log_open(const char *dir, const struct event_log_options *o,
                           struct event_log **out, uint64_t *cut, struct fault *fault);
/* Makes an empty log in the (created, empty) directory, whose first record follows `sequence`: the
 * log of an index that came as a copy and stands there. */
enum status event_log_begin(const char *dir, uint64_t sequence);
void event_log_close(struct event_log **log);
/* Nothing more is appended: the making of a next file ends at once, so that who closes many logs
 * does not wait for one after the other. */
void event_log_leave(struct event_log *log);
/* Sequence of the last record, 0 when empty. */
uint64_t event_log_last(const struct event_log *log);
/* Buffers a record that covers sequences (last, sequence]; sequence must be larger than the last.
 * `spend`: it may take the room that is kept for deletes. NO_SPACE: nothing was buffered, and a
 * later one may succeed. */
enum status event_log_append(struct event_log *log, uint64_t sequence, uint32_t type,
                             struct slice payload, bool spend);
/* Makes everything appended durable. IO and NO_SPACE: the records since the last sync do not count.
 */
enum status event_log_sync(struct event_log *log);
bool event_log_failed(const struct event_log *log);
/* Calls back for every record with sequence > after, in order; stops at the first status that is
 * not OK. CORRUPT: damage, or the log begins behind after + 1. */
enum status event_log_replay(const char *dir, uint64_t after,
                             enum status (*each)(void *ctx, const struct log_record *r), void *ctx,
                             struct fault *fault);
/* Reads every record there is: *first and *last sequence, 0 and 0 of an empty log. CORRUPT as at
 * open, and when it ends before `applied`. A torn tail is no damage. */
enum status event_log_check(const char *dir, uint64_t applied, uint64_t *first, uint64_t *last,
                            struct fault *fault);
/* Removes whole files whose records are all <= applied and that are older than `age_s` seconds. */
enum status event_log_prune(struct event_log *log, uint64_t applied, uint64_t age_s);
/* Bytes of records on disk behind `after` are not known exactly; this is the size of all files. */
uint64_t event_log_bytes(const struct event_log *log);

#endif
