#include "server/promoted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/log_file.h"

static bool path_of(char path[PATH_MAX], const char *data_dir)
{
    int n = snprintf(path, PATH_MAX, "%s/PROMOTED", data_dir);
    return n > 0 && n < PATH_MAX;
}

enum status promoted_write(const char *data_dir, const char *leader)
{
    char path[PATH_MAX], beside[PATH_MAX + 8];
    size_t len = strlen(leader);
    if (!path_of(path, data_dir))
        return STATUS_TOO_LARGE;
    snprintf(beside, sizeof beside, "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return status_from_errno(errno);
    bool ok = write(fd, leader, len) == (ssize_t)len && fsync(fd) == 0;
    int err = errno;
    close(fd);
    if (!ok || rename(beside, path))
        return status_from_errno(ok ? errno : err);
    return log_dir_sync(data_dir);
}

bool promoted_follows(const char *data_dir, const char *leader)
{
    char path[PATH_MAX], was[512] = "";
    if (!path_of(path, data_dir))
        return *leader != '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return *leader != '\0';
    ssize_t n = read(fd, was, sizeof was - 1);
    close(fd);
    was[n < 0 ? 0 : n] = '\0';
    if (*leader && !strcmp(was, leader))
        return false;
    unlink(path);
    return *leader != '\0';
}
