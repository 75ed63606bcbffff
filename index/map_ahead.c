#include "index/map_ahead.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

enum { WINDOW_PAGES = 64 }; /* that are looked at together */

struct map_ahead map_ahead_of(int fd)
{
    struct map_ahead m = {.page = (size_t)sysconf(_SC_PAGESIZE), .done = SIZE_MAX};
    struct stat file;
    char line[512];
    FILE *maps = fstat(fd, &file) ? NULL : fopen("/proc/self/maps", "re");
    while (maps && !m.base && fgets(line, sizeof line, maps)) {
        void *from;
        uint64_t offset, inode;
        unsigned major, minor;
        if (sscanf(line, "%p-%*x %*4s %" SCNx64 " %x:%x %" SCNu64, &from, &offset, &major, &minor,
                   &inode) == 5 &&
            inode == file.st_ino && !offset && makedev(major, minor) == file.st_dev)
            m.base = from;
    }
    if (maps)
        fclose(maps);
    if (m.base)
        m.done = 0;
    return m;
}

static bool in_memory(const struct map_ahead *m, size_t from, size_t len)
{
    unsigned char there[WINDOW_PAGES];
    if (mincore(m->base + from, len, there))
        return false;
    for (size_t i = 0; i < len / m->page; i++)
        if (!(there[i] & 1))
            return false;
    return true;
}

bool map_ahead_to(struct map_ahead *m, size_t end, size_t most)
{
    size_t stop = end / m->page * m->page, from = m->done, to = from;
    if (stop <= from)
        return false;
    bool more = stop - from > most;
    stop = more ? from + most / m->page * m->page : stop;
    m->done = stop;
    while (to < stop) { /* neighbouring windows go in one call */
        size_t left = stop - to, window = WINDOW_PAGES * m->page,
               len = left < window ? left : window;
        bool there = in_memory(m, to, len);
        to += there ? len : 0;
        if (to > from && (!there || to == stop) &&
            madvise(m->base + from, to - from, MADV_POPULATE_READ)) {
            m->done = SIZE_MAX; /* the kernel cannot do it */
            return false;
        }
        if (!there)
            from = to += len;
    }
    return more;
}
