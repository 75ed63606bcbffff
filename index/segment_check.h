/*
 * segment_check - is a segment consistent in itself?
 *
 * For bytes that have good checksums and are wrong all the same: written so by a mistake of ours.
 * Each structure that leads to others (offsets, places, hash, orders, bounds) is derived anew from
 * what it leads to and held against what is stored, not tried by looking something up through it.
 * Reads the whole segment; for index_check() and tests, from any thread with a snapshot.
 */
#ifndef SOUK_INDEX_SEGMENT_CHECK_H
#define SOUK_INDEX_SEGMENT_CHECK_H

#include "index/segment.h"

/* OK, NO_MEMORY, or CORRUPT with *what = the first contradiction in words (static text). */
enum status segment_check(const struct segment *s, const char **what);

#endif
