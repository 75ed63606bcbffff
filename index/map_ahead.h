/*
 * map_ahead - puts the pages of a mapped file into the process's page tables before they are read.
 *
 * A commit writes pages at new places. A reader that meets them one by one takes a page fault for
 * every 64 KiB, some 20 us each on a virtual machine: after a commit a search took dozens of them.
 * Asked for together they cost 0.2 us a page. Pages that are not in memory are left out: this never
 * waits for a disk. Once mapped, a page stays so when LMDB uses it again.
 */
#ifndef SOUK_INDEX_MAP_AHEAD_H
#define SOUK_INDEX_MAP_AHEAD_H

#include <stdbool.h>
#include <stddef.h>

struct map_ahead {
    char *base;  /* where the file is mapped */
    size_t page; /* bytes of one */
    size_t done; /* bytes from the start that were seen to; SIZE_MAX = it cannot be done here */
};

/* Finds where this process has the open file mapped. */
struct map_ahead map_ahead_of(int fd);
/* Goes on towards `end`, which lies within the file, at most `most` bytes; true when something is
 * left. */
bool map_ahead_to(struct map_ahead *m, size_t end, size_t most);

#endif
