/*
 * log_reader - follows the log of a catalog while the writer appends to it, in another process.
 *
 * A file is mapped whole and read record by record; nothing is read behind what the writer says is
 * durable, so a record is never met half written. A reader costs a mapping and no memory of its
 * own. One thread.
 */
#ifndef SOUK_SERVER_LOG_READER_H
#define SOUK_SERVER_LOG_READER_H

#include "server/log_scan.h"

struct log_reader;

/* Stands behind the record `after`. NOT_FOUND: the log is not kept back to there. MOVED: no record
 * of it ends there. AGAIN: nothing was logged yet. CORRUPT. */
enum status log_reader_open(const char *dir, uint64_t after, struct log_reader **out);
void log_reader_close(struct log_reader **r);
/* Sequence of the record it stands behind. */
uint64_t log_reader_at(const struct log_reader *r);
/* log_record_hash() of that record; 0 = its file does not hold it. */
uint64_t log_reader_hash(const struct log_reader *r);
/* The next record, when `durable` reaches that far: AGAIN. Borrowed until the next call. */
enum status log_reader_peek(struct log_reader *r, uint64_t durable, struct log_record *out);
/* Steps behind what was peeked. */
void log_reader_skip(struct log_reader *r);
/* Sequence before the first record that is kept; 0 of an empty log. */
uint64_t log_reader_first(const char *dir);

#endif
