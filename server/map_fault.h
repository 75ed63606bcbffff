/*
 * map_fault - a file that can no longer be read through its map.
 *
 * A file that somebody cut off, or a disk that fails at one place, is told to the process that
 * touches the map by SIGBUS, in the middle of whatever it does. Nothing can be answered from there:
 *
 *   touch ──SIGBUS──> the file is looked up in /proc/self/maps, told on stderr, counted in the
 *                     shared pages ──> the process ends with MAP_FAULT_EXIT, another takes its
 * place
 *
 * A page that one query in a thousand needs costs a restart of some milliseconds each time. An
 * edition that was the reason MAP_FAULT_MOST times is not opened any more, so that one sick file
 * does not take the other catalogs with it: map_fault_lost(). Another edition of the catalog, and a
 * restart of soukd, begin anew.
 */
#ifndef SOUK_SERVER_MAP_FAULT_H
#define SOUK_SERVER_MAP_FAULT_H

#include "protocol/status.h"
#include "server/shared.h"

enum { MAP_FAULT_MOST = 3, MAP_FAULT_EXIT = 70 /* EX_SOFTWARE of sysexits.h */ };

/* For the rest of the process, once: `process` (a literal) is named in what is told. */
void map_fault_watch(struct shared *s, const char *process);
/* CORRUPT, with fault, when this edition of the catalog was given up; else OK. */
enum status map_fault_lost(const struct shared *s, struct slice catalog, uint64_t edition,
                           struct fault *fault);

#endif
