/*
 * log_spare - the next file of an event log, written with zeros ahead in a thread of its own, so
 * that nobody waits for its bytes when the current one is full.
 *
 * The thread lives as long as the file is being made. All functions belong to the thread of the
 * log.
 */
#ifndef SOUK_SERVER_LOG_SPARE_H
#define SOUK_SERVER_LOG_SPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/status.h"

struct log_spare;

/* Zeros over [from, to) of the file; CANCELLED once *stop (NULL = never) is true. */
enum status log_zeros(int fd, uint64_t from, uint64_t to, const _Atomic bool *stop);

/* Begins to make the file at `path`, DIR/NAME, one of a process at a time. `room`: has the disk of
 * the directory so much left? Asked in the thread, when its turn has come; NULL: it is tried. */
enum status log_spare_start(const char *path, uint64_t bytes,
                            bool (*room)(const char *dir, uint64_t bytes), struct log_spare **out);
/* Is it made, or given up? Then log_spare_take() does not wait. */
bool log_spare_done(const struct log_spare *s);
/* Ends the spare; waits for it. OK: the file stays, *fd is the caller's. Else it is removed. */
enum status log_spare_take(struct log_spare **s, int *fd);
/* Nobody waits for it any more: what is not made by now is given up soon, what waits for its turn
 * at once; not waited for here. */
void log_spare_stop(struct log_spare *s);

#endif
