#include "cli/source.h"

#include "protocol/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum packing { PLAIN, ZSTD, GZIP };

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

enum { CHUNK = 256 * 1024 };

struct source {
    int fd;
    enum packing packing;
    bool ended, unfinished; /* unfinished: the packed stream stands inside a frame */
    uint64_t read, size;
    uint32_t line;
    char in[CHUNK];
    size_t in_at, in_len;
    struct buf lines; /* unpacked bytes from `at` on are not handed out yet */
    size_t at;
    ZSTD_DStream *zstd;
    z_stream gzip;
};

static enum status fill(struct source *s, struct fault *fault)
{
    ssize_t n;
    do
        n = read(s->fd, s->in, sizeof s->in);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return fault_set(fault, STATUS_IO, "", "cannot read: %s", strerror(errno));
    s->in_at = 0;
    s->in_len = (size_t)n;
    s->read += (uint64_t)n;
    return STATUS_OK;
}

static enum status unpack_zstd(struct source *s, struct fault *fault)
{
    ZSTD_inBuffer in = {s->in, s->in_len, s->in_at};
    ZSTD_outBuffer out = {s->lines.ptr + s->lines.len, CHUNK, 0};
    size_t left = ZSTD_decompressStream(s->zstd, &out, &in);
    if (ZSTD_isError(left))
        return fault_set(fault, STATUS_INVALID, "", "damaged zstd: %s", ZSTD_getErrorName(left));
    s->in_at = in.pos;
    s->lines.len += out.pos;
    s->unfinished = left != 0;
    return STATUS_OK;
}

static enum status unpack_gzip(struct source *s, struct fault *fault)
{
    s->gzip.next_in = (Bytef *)s->in + s->in_at;
    s->gzip.avail_in = (uInt)(s->in_len - s->in_at);
    s->gzip.next_out = (Bytef *)s->lines.ptr + s->lines.len;
    s->gzip.avail_out = CHUNK;
    int code = inflate(&s->gzip, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return fault_set(fault, STATUS_INVALID, "", "damaged gzip");
    s->in_at = s->in_len - s->gzip.avail_in;
    s->lines.len += CHUNK - s->gzip.avail_out;
    s->unfinished = code != Z_STREAM_END;
    if (code == Z_STREAM_END)
        inflateReset(&s->gzip); /* several members may follow each other */
    return STATUS_OK;
}

/* More unpacked bytes; sets `ended` when there are none. */
static enum status more(struct source *s, struct fault *fault)
{
    size_t before = s->lines.len;
    enum status status = STATUS_OK;
    if (!buf_reserve(&s->lines, CHUNK))
        return fault_set(fault, STATUS_NO_MEMORY, "", "out of memory");
    bool fresh = s->in_at == s->in_len;
    if (fresh && (status = fill(s, fault)))
        return status;
    bool dry = fresh && s->in_len == 0;
    if (s->packing == PLAIN) {
        buf_put(&s->lines, s->in + s->in_at, s->in_len - s->in_at);
        s->in_at = s->in_len;
    } else if (!dry || s->unfinished) {
        status = s->packing == ZSTD ? unpack_zstd(s, fault) : unpack_gzip(s, fault);
    }
    if (status || !dry || s->lines.len > before)
        return status;
    s->ended = true;
    return s->unfinished ? fault_set(fault, STATUS_INVALID, "", "the packed file is cut off")
                         : STATUS_OK;
}

static enum status begin(struct source *s, struct fault *fault)
{
    enum status status = fill(s, fault);
    if (status)
        return status;
    if (s->in_len >= 4 && memcmp(s->in, "\x28\xb5\x2f\xfd", 4) == 0) {
        s->packing = ZSTD;
        s->zstd = ZSTD_createDStream();
        return s->zstd ? STATUS_OK : STATUS_NO_MEMORY;
    }
    if (s->in_len >= 2 && memcmp(s->in, "\x1f\x8b", 2) == 0) {
        if (inflateInit2(&s->gzip, 15 + 16) != Z_OK)
            return STATUS_NO_MEMORY;
        s->packing = GZIP;
    }
    return STATUS_OK;
}

enum status source_of_fd(int fd, struct source **out, struct fault *fault)
{
    struct stat st;
    struct source *s = calloc(1, sizeof *s);
    if (!s) {
        close(fd);
        return fault_set(fault, STATUS_NO_MEMORY, "", "out of memory");
    }
    s->fd = fd;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        s->size = (uint64_t)st.st_size;
    enum status status = begin(s, fault);
    if (status) {
        source_close(s);
        return status;
    }
    *out = s;
    return STATUS_OK;
}

enum status source_open(const char *path, struct source **out, struct fault *fault)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(fault, STATUS_IO, "", "cannot open '%.120s': %s", path, strerror(errno));
    return source_of_fd(fd, out, fault);
}

void source_close(struct source *s)
{
    if (!s)
        return;
    if (s->packing == GZIP)
        inflateEnd(&s->gzip);
    ZSTD_freeDStream(s->zstd);
    buf_fini(&s->lines);
    close(s->fd);
    free(s);
}

static void hand_out(struct source *s, size_t len, size_t skip, struct slice *line)
{
    *line = slice_make(s->lines.ptr + s->at, len);
    s->at += len + skip;
    if (s->line++ == 0 && slice_starts(*line, SLICE_LIT(BYTE_ORDER_MARK)))
        *line = slice_make(line->ptr + 3, line->len - 3);
    if (line->len && line->ptr[line->len - 1] == '\r')
        line->len--;
}

/* Drops what is held of a line that is too long, and the rest of it as it comes. */
static enum status pass_line(struct source *s, struct fault *fault)
{
    s->line++;
    for (;;) {
        size_t left = s->lines.len - s->at;
        const char *from = left ? s->lines.ptr + s->at : NULL;
        const char *end = left ? memchr(from, '\n', left) : NULL;
        s->at += end ? (size_t)(end - from) + 1 : left;
        if (end || s->ended)
            return fault_set(fault, STATUS_TOO_LARGE, "", "a line is longer than 16 MiB");
        s->lines.len = s->at = 0;
        enum status status = more(s, fault);
        if (status)
            return status;
    }
}

enum status source_line(struct source *s, struct slice *line, struct fault *fault)
{
    size_t seen = 0;
    for (;;) {
        size_t left = s->lines.len - s->at;
        const char *from = left ? s->lines.ptr + s->at : NULL;
        const char *end = left > seen ? memchr(from + seen, '\n', left - seen) : NULL;
        if (end) {
            hand_out(s, (size_t)(end - from), 1, line);
            return STATUS_OK;
        }
        if (s->ended && left == 0)
            return STATUS_END;
        if (s->ended) {
            hand_out(s, left, 0, line);
            return STATUS_OK;
        }
        if (left > SOURCE_LINE_MAX)
            return pass_line(s, fault);
        if (s->at) {
            memmove(s->lines.ptr, s->lines.ptr + s->at, left);
            s->lines.len = left;
            s->at = 0;
        }
        seen = left;
        enum status status = more(s, fault);
        if (status)
            return status;
    }
}

enum status source_peek(struct source *s, char *first, struct fault *fault)
{
    for (size_t i = s->at;; i++) {
        while (i == s->lines.len && !s->ended) {
            enum status status = more(s, fault);
            if (status)
                return status;
        }
        *first = i < s->lines.len ? s->lines.ptr[i] : '\0';
        bool mark = s->line == 0 && i < s->at + 3 && *first && strchr(BYTE_ORDER_MARK, *first);
        if (!*first || (!mark && !strchr(" \t\r\n", *first)))
            return STATUS_OK;
    }
}

uint32_t source_line_number(const struct source *s)
{
    return s->line;
}

uint64_t source_read(const struct source *s)
{
    return s->read;
}

uint64_t source_size(const struct source *s)
{
    return s->size;
}
