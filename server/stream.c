#include "server/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "index/snapshot.h"

static const struct slice stream_row = {"stream", 6}, parted_row = {"stream/parted", 13};

enum { STREAM_BYTES = STREAM_NAME + 8 + STORE_NAME };

enum status stream_of_copy(const char *dir, uint64_t map_bytes, struct stream *out,
                           uint64_t *sequence)
{
    struct index_options o = {.map_bytes = map_bytes, .read_only = true};
    struct index *ix = NULL;
    struct snapshot *snap = NULL;
    bool stale;
    enum status st = index_open(dir, &o, &ix, &stale, NULL);
    st = st ? st : snapshot_create(ix, &snap);
    st = st ? st : snapshot_begin(snap);
    if (!st) {
        *sequence = snapshot_sequence(snap);
        snapshot_end(snap);
        st = stream_read(ix, out);
    }
    snapshot_destroy(&snap);
    index_close(&ix);
    return st;
}

void stream_encode(const struct stream *s, struct buf *out)
{
    buf_put(out, s->id.name, STREAM_NAME);
    wire_put_u64(out, s->id.epoch);
    buf_put(out, s->store, STORE_NAME);
}

enum status stream_decode(struct slice bytes, struct stream *out)
{
    if (bytes.len != STREAM_BYTES)
        return STATUS_CORRUPT;
    memcpy(out->id.name, bytes.ptr, STREAM_NAME);
    out->id.epoch = wire_load64(bytes.ptr + STREAM_NAME);
    memcpy(out->store, bytes.ptr + STREAM_NAME + 8, STORE_NAME);
    return STATUS_OK;
}

enum status stream_read(struct index *ix, struct stream *out)
{
    struct buf row = BUF_INIT;
    *out = (struct stream){0};
    enum status st = index_row_get(ix, stream_row, &row);
    st = st ? st : stream_decode(buf_slice(&row), out);
    buf_fini(&row);
    return st;
}

enum status stream_apply(struct batch *b, struct slice payload)
{
    return payload.len == STREAM_BYTES ? batch_row_put(b, stream_row, payload) : STATUS_CORRUPT;
}

enum status stream_part(struct index *ix, struct batch *b)
{
    struct buf row = BUF_INIT;
    enum status st = index_row_get(ix, stream_row, &row);
    st = st ? st : batch_row_put(b, parted_row, buf_slice(&row));
    buf_fini(&row);
    return st == STATUS_NOT_FOUND ? STATUS_OK : st;
}

enum status stream_parted(struct index *ix, bool *parted)
{
    struct buf row = BUF_INIT, of = BUF_INIT;
    *parted = false;
    enum status st = index_row_get(ix, parted_row, &of);
    st = st ? st : index_row_get(ix, stream_row, &row);
    if (!st)
        *parted = slice_equal(buf_slice(&row), buf_slice(&of));
    buf_fini(&row);
    buf_fini(&of);
    return st == STATUS_NOT_FOUND ? STATUS_OK : st;
}

enum status stream_random(uint8_t out[STREAM_NAME])
{
    return getrandom(out, STREAM_NAME, 0) == STREAM_NAME ? STATUS_OK : STATUS_IO;
}

static enum status store_read(const char *path, uint8_t out[STORE_NAME])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    ssize_t len = read(fd, out, STORE_NAME);
    close(fd);
    return len == STORE_NAME ? STATUS_OK : STATUS_CORRUPT;
}

/* Writer and replica begin at once: the name that is there first is the name of both. */
static enum status store_make(const char *path, uint8_t out[STORE_NAME])
{
    char beside[PATH_MAX + 24];
    enum status st = stream_random(out);
    snprintf(beside, sizeof beside, "%s.new-%ld", path, (long)getpid());
    int fd = st ? -1 : open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return st ? st : status_from_errno(errno);
    bool ok = write(fd, out, STORE_NAME) == STORE_NAME && fsync(fd) == 0;
    st = ok ? STATUS_OK : status_from_errno(errno);
    close(fd);
    if (!st && link(beside, path))
        st = errno == EEXIST ? store_read(path, out) : status_from_errno(errno);
    unlink(beside);
    return st;
}

enum status store_name(const char *data_dir, uint8_t out[STORE_NAME])
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/STORE", data_dir);
    if (n < 0 || (size_t)n >= sizeof path)
        return STATUS_TOO_LARGE;
    enum status st = store_read(path, out);
    return st == STATUS_NOT_FOUND ? store_make(path, out) : st;
}
