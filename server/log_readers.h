/*
 * log_readers - a few readers of logs, by catalog and by where they stand: who asks for what
 * follows finds the one that told him what was before. The one that was used least lately makes
 * room. One that nobody uses any more is to be closed: its file may be removed, and has its room on
 * the disk until then.
 */
#ifndef SOUK_SERVER_LOG_READERS_H
#define SOUK_SERVER_LOG_READERS_H

#include "server/log_reader.h"
#include "server/shared.h"

enum { LOG_READERS = 1024 };

struct log_readers {
    struct {
        char name[SHARED_NAME + 1];
        struct log_reader *r; /* NULL = free */
        int64_t used_ms;
    } slots[LOG_READERS];
};

/* Borrowed until the next call; statuses as of log_reader_open(). */
enum status log_readers_get(struct log_readers *l, const char *data_dir, const char *name,
                            uint64_t after, struct log_reader **out);
/* Closes those that were not used since this monotonic millisecond. */
void log_readers_tidy(struct log_readers *l, int64_t since_ms);
void log_readers_close(struct log_readers *l);

#endif
