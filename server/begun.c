#include "server/begun.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "protocol/wire.h"

enum { BYTES = 24, SUMMED = 16 };

static bool path_of(char path[PATH_MAX], const char *home)
{
    int n = snprintf(path, PATH_MAX, "%s/BEGUN", home);
    return n > 0 && n < PATH_MAX;
}

enum status begun_write(const char *home, uint64_t sequence, uint64_t hash)
{
    char path[PATH_MAX];
    uint8_t bytes[BYTES];
    if (!path_of(path, home))
        return STATUS_TOO_LARGE;
    wire_store64(bytes, sequence);
    wire_store64(bytes + 8, hash);
    wire_store64(bytes + SUMMED, XXH3_64bits(bytes, SUMMED));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return status_from_errno(errno);
    bool ok = write(fd, bytes, sizeof bytes) == BYTES && fsync(fd) == 0;
    enum status st = ok ? STATUS_OK : status_from_errno(errno);
    close(fd);
    return st;
}

uint64_t begun_read(const char *home, uint64_t sequence)
{
    char path[PATH_MAX];
    uint8_t bytes[BYTES];
    int fd = path_of(path, home) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    bool whole = read(fd, bytes, sizeof bytes) == BYTES;
    close(fd);
    return whole && wire_load64(bytes + SUMMED) == XXH3_64bits(bytes, SUMMED) &&
                   wire_load64(bytes) == sequence
               ? wire_load64(bytes + 8)
               : 0;
}
