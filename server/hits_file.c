#include "server/hits_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "protocol/buf.h"
#include "protocol/wire.h"

static const char magic[8] = {'s', 'o', 'u', 'k', 'h', 'i', 't', '1'};
enum { HEAD = sizeof magic + 4, SUM = 8 };

bool hits_path(const char *data_dir, struct slice name, uint64_t edition, char path[PATH_MAX])
{
    char dir[PATH_MAX - 8];
    return catalog_edition_path(dir, sizeof dir, data_dir, name, edition) &&
           snprintf(path, PATH_MAX, "%s/hits", dir) > 0;
}

static bool write_all(int fd, struct slice b)
{
    while (b.len) {
        ssize_t n = write(fd, b.ptr, b.len);
        if (n <= 0)
            return false;
        b = slice_make(b.ptr + n, b.len - (size_t)n);
    }
    return true;
}

static enum status write_file(const char *path, struct slice bytes)
{
    char beside[PATH_MAX];
    int n = snprintf(beside, sizeof beside, "%s.new", path);
    int fd = n > 0 && (size_t)n < sizeof beside
                 ? open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)
                 : -1;
    if (fd < 0)
        return status_from_errno(errno);
    bool good = write_all(fd, bytes);
    int err = errno;
    good &= close(fd) == 0;
    if (good && rename(beside, path) == 0)
        return STATUS_OK;
    unlink(beside);
    return status_from_errno(err ? err : EIO);
}

enum status hits_save(const char *path, const struct shared_pages *p, uint32_t count)
{
    struct buf b = BUF_INIT;
    count = count < PAGES_DOCIDS ? count : PAGES_DOCIDS;
    buf_put(&b, magic, sizeof magic);
    wire_put_u32(&b, count);
    buf_reserve(&b, (size_t)count + SUM);
    for (uint32_t d = 0; d < count; d++)
        buf_put_u8(&b, shared_pages_hits(p, d));
    wire_put_u64(&b, XXH3_64bits(b.ptr, b.failed ? 0 : b.len));
    enum status st = b.failed ? STATUS_NO_MEMORY : write_file(path, buf_slice(&b));
    buf_fini(&b);
    return st;
}

static enum status read_file(int fd, struct buf *out)
{
    struct stat st;
    if (fstat(fd, &st))
        return status_from_errno(errno);
    if (st.st_size < HEAD + SUM || st.st_size > (off_t)PAGES_DOCIDS + HEAD + SUM)
        return STATUS_CORRUPT;
    if (!buf_reserve(out, (size_t)st.st_size))
        return STATUS_NO_MEMORY;
    while (out->len < (size_t)st.st_size) {
        ssize_t n = read(fd, out->ptr + out->len, (size_t)st.st_size - out->len);
        if (n <= 0)
            return n ? status_from_errno(errno) : STATUS_CORRUPT;
        out->len += (size_t)n;
    }
    return STATUS_OK;
}

static enum status take(struct slice b, const struct shared_pages *p, uint32_t count)
{
    if (!b.ptr || b.len < HEAD + SUM)
        return STATUS_CORRUPT;
    size_t body = b.len - SUM;
    uint32_t known = wire_load32(b.ptr + sizeof magic);
    if (memcmp(b.ptr, magic, sizeof magic) != 0 || known != body - HEAD ||
        wire_load64(b.ptr + body) != XXH3_64bits(b.ptr, body))
        return STATUS_CORRUPT;
    for (uint32_t d = 0; d < known && d < count; d++) {
        uint8_t hits = (uint8_t)b.ptr[HEAD + d];
        if (hits <= PAGES_HITS_MOST && hits > shared_pages_hits(p, d))
            shared_pages_set_hits(p, d, hits);
    }
    return STATUS_OK;
}

enum status hits_load(const char *path, const struct shared_pages *p, uint32_t count)
{
    struct buf b = BUF_INIT;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    unlink(path);
    enum status st = read_file(fd, &b);
    close(fd);
    st = st ? st : take(buf_slice(&b), p, count);
    buf_fini(&b);
    return st;
}
