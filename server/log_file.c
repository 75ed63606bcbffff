#include "server/log_file.h"
#include "protocol/wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { LOG_FORMAT = 1 };
#define LOG_MAGIC UINT32_C(0x674c6b53)

static int by_first(const void *a, const void *b)
{
    const struct log_file *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

enum status log_files_list(const char *dir, struct log_file **files, size_t *count)
{
    DIR *d = opendir(dir);
    size_t cap = 0;
    *files = NULL;
    *count = 0;
    if (!d)
        return status_from_errno(errno);
    for (struct dirent *e; (e = readdir(d));) {
        uint64_t first;
        int end = 0;
        if (sscanf(e->d_name, "%" SCNu64 ".log%n", &first, &end) != 1 || !end || e->d_name[end])
            continue;
        if (*count == cap) {
            cap = cap ? cap * 2 : 16;
            struct log_file *p = realloc(*files, cap * sizeof *p);
            if (!p) {
                closedir(d);
                return STATUS_NO_MEMORY;
            }
            *files = p;
        }
        struct log_file *f = &(*files)[(*count)++];
        f->first = first;
        snprintf(f->path, sizeof f->path, "%s/%s", dir, e->d_name);
    }
    closedir(d);
    if (*count)
        qsort(*files, *count, sizeof **files, by_first);
    return STATUS_OK;
}

enum status log_dir_sync(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    int bad = fsync(fd);
    int err = errno;
    close(fd);
    return bad ? status_from_errno(err) : STATUS_OK;
}

enum status log_file_write(int fd, const void *bytes, size_t len, uint64_t at)
{
    const char *p = bytes;
    while (len) {
        ssize_t n = pwrite(fd, p, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? status_from_errno(errno) : STATUS_NO_SPACE;
        p += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return STATUS_OK;
}

void log_file_path(char path[LOG_PATH], const char *dir, uint64_t first)
{
    snprintf(path, LOG_PATH, "%s/%020" PRIu64 ".log", dir, first);
}

void log_file_header(uint8_t head[LOG_HEADER], uint64_t first)
{
    memset(head, 0, LOG_HEADER);
    wire_store32(head, LOG_MAGIC);
    wire_store32(head + 4, LOG_FORMAT);
    wire_store64(head + 8, first);
    wire_store64(head + 32, XXH3_64bits(head, 32));
}

bool log_file_header_good(struct slice bytes, uint64_t first)
{
    uint8_t good[LOG_HEADER];
    log_file_header(good, first);
    return bytes.len >= LOG_HEADER && !memcmp(bytes.ptr, good, 40);
}

enum status log_file_map(const char *path, struct slice *bytes)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *bytes = (struct slice){0};
    if (fd < 0)
        return status_from_errno(errno);
    enum status s = fstat(fd, &st) ? status_from_errno(errno) : STATUS_OK;
    if (!s && st.st_size >= LOG_HEADER) {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            s = status_from_errno(errno);
        else
            *bytes = slice_make(p, (size_t)st.st_size);
    }
    close(fd);
    return s;
}

void log_file_unmap(struct slice *bytes)
{
    if (bytes->len)
        munmap((void *)(uintptr_t)bytes->ptr, bytes->len);
    *bytes = (struct slice){0};
}
