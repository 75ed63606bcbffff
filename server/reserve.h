/*
 * reserve - room on the disk that is kept for deletes, so that a full disk can be made empty.
 *
 * Three parts: while the disk has less than RESERVE_FREE left only deletes are taken (so that what
 * was taken before finds room); the end of the event log's file is theirs (event_log.h); and each
 * catalog holds a file of RESERVE_BYTES that is given up when the index has no room for what is
 * logged, for others fill disks, too. It is made again when there is room again.
 */
#ifndef SOUK_SERVER_RESERVE_H
#define SOUK_SERVER_RESERVE_H

#include "protocol/slice.h"
#include "protocol/status.h"

enum { RESERVE_FREE = 32 << 20, RESERVE_BYTES = 8 << 20 };

/* Bytes that are left on the disk of the directory; UINT64_MAX when that cannot be told. */
uint64_t reserve_left(const char *dir);
/* Would so many bytes more leave RESERVE_FREE? */
bool reserve_room(const char *dir, uint64_t bytes);
/* Makes the file of the catalog in `home` unless it is there or the disk is too full for it. */
void reserve_make(const char *home);
/* Removes it; false when there was none. */
bool reserve_give_up(const char *home);

#endif
