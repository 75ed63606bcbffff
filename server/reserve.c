#include "server/reserve.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

uint64_t reserve_left(const char *dir)
{
    struct statvfs v;
    return statvfs(dir, &v) ? UINT64_MAX : (uint64_t)v.f_bavail * v.f_frsize;
}

bool reserve_room(const char *dir, uint64_t bytes)
{
    uint64_t left = reserve_left(dir);
    return left >= bytes && left - bytes >= RESERVE_FREE;
}

static bool path_of(char path[PATH_MAX], const char *home)
{
    int n = snprintf(path, PATH_MAX, "%s/reserve", home);
    return n > 0 && n < PATH_MAX;
}

void reserve_make(const char *home)
{
    char path[PATH_MAX];
    struct stat st;
    if (!path_of(path, home) || (stat(path, &st) == 0 && st.st_size == RESERVE_BYTES) ||
        !reserve_room(home, RESERVE_BYTES))
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return;
    int bad = posix_fallocate(fd, 0, RESERVE_BYTES);
    close(fd);
    if (bad)
        unlink(path);
}

bool reserve_give_up(const char *home)
{
    char path[PATH_MAX];
    return path_of(path, home) && unlink(path) == 0;
}
