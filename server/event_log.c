#include "server/event_log.h"
#include "server/log_spare.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    RESERVE_PART = 8, /* one in so many bytes of a file is kept for deletes */
    SMALL_PART = 8,   /* of the usual size: a file that somebody waits for */
    SMALL_BEGUN = 8,  /* one in so many bytes of it are used: the next is made */
    SPARE_AGAIN_MS = 500
};
#define LOG_SEGMENT (UINT64_C(64) << 20)

struct event_log {
    char dir[LOG_DIR];
    uint64_t segment_bytes, small_bytes;
    int (*sync)(int fd);
    bool (*room)(const char *dir, uint64_t bytes);
    struct log_spare *spare; /* being made */
    int made_fd;             /* of the one that is made, -1 = none */
    int64_t spare_after_ms;  /* there was no room for it: not before */
    int fd;                  /* -1 = none open */
    uint64_t at, size;       /* of the open file: write offset, preallocated bytes */
    uint64_t last, synced, chain;
    struct buf pending;
    enum status failed;
};

/* Large enough for a record of `need` bytes. */
static uint64_t file_bytes(uint64_t usual, uint64_t need)
{
    uint64_t least = need + LOG_HEADER + LOG_RECORD_HEAD;
    return usual > least ? usual : least;
}

/* The file of zeros at `temp` becomes the one that is written to; it gets its name when it has its
 * header. `fd` is taken over. */
static enum status use_file(struct event_log *log, int fd, const char *temp, uint64_t size)
{
    char path[LOG_PATH];
    uint8_t head[LOG_HEADER];
    uint64_t first = log->last + 1;
    log_file_path(path, log->dir, first);
    log_file_header(head, first);
    enum status s = log_file_write(fd, head, sizeof head, 0);
    if (!s && fdatasync(fd))
        s = status_from_errno(errno);
    if (!s && rename(temp, path))
        s = status_from_errno(errno);
    if (!s)
        s = log_dir_sync(log->dir);
    if (s) {
        close(fd);
        unlink(temp);
        return s;
    }
    if (log->fd >= 0)
        close(log->fd);
    log->fd = fd;
    log->at = LOG_HEADER;
    log->size = size;
    log->chain = 0;
    return STATUS_OK;
}

static enum status new_file(struct event_log *log, uint64_t size)
{
    char temp[LOG_PATH];
    snprintf(temp, sizeof temp, "%s/new.tmp", log->dir);
    if (log->room && !log->room(log->dir, size))
        return STATUS_NO_SPACE;
    int fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return status_from_errno(errno);
    enum status s = log_zeros(fd, 0, size, NULL);
    if (!s && fsync(fd))
        s = status_from_errno(errno);
    if (!s)
        return use_file(log, fd, temp, size);
    close(fd);
    unlink(temp);
    return s;
}

/* --- the next file ---------------------------------------------------------------------------- */

static void spare_path(const struct event_log *log, char path[LOG_PATH])
{
    snprintf(path, LOG_PATH, "%s/next.tmp", log->dir);
}

static int64_t mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Is begun with when there is none, unless there was no room for it a moment ago. */
static void want_spare(struct event_log *log)
{
    char path[LOG_PATH];
    if (log->spare || log->made_fd >= 0 || mono_ms() < log->spare_after_ms)
        return;
    spare_path(log, path);
    if ((log->room && !log->room(log->dir, log->segment_bytes)) ||
        log_spare_start(path, log->segment_bytes, log->room, &log->spare))
        log->spare_after_ms = mono_ms() + SPARE_AGAIN_MS;
}

/* Is the next file there? Nobody waits for it. */
static bool have_spare(struct event_log *log)
{
    if (log->spare && log_spare_done(log->spare) && log_spare_take(&log->spare, &log->made_fd))
        log->spare_after_ms = mono_ms() + SPARE_AGAIN_MS;
    return log->made_fd >= 0;
}

/* What stands there was zeros from its beginning to its end: one that is whole is as good as a new
 * one, whoever made it and however he ended. */
static void take_left_over(struct event_log *log)
{
    char path[LOG_PATH];
    struct stat st;
    spare_path(log, path);
    log->made_fd = open(path, O_RDWR | O_CLOEXEC);
    if (log->made_fd < 0 ||
        (fstat(log->made_fd, &st) == 0 && (uint64_t)st.st_size == log->segment_bytes))
        return;
    close(log->made_fd);
    log->made_fd = -1;
    unlink(path);
}

static enum status next_file(struct event_log *log, uint64_t need)
{
    char path[LOG_PATH];
    if (!have_spare(log) || file_bytes(0, need) > log->segment_bytes)
        return new_file(log, file_bytes(log->small_bytes, need));
    spare_path(log, path);
    int fd = log->made_fd;
    log->made_fd = -1;
    return use_file(log, fd, path, log->segment_bytes);
}

/* --- opening -----------------------------------------------------------------------------------
 */

static enum status reopen_last(struct event_log *log, const struct log_file *f,
                               const struct log_scan *scan, uint64_t *cut)
{
    struct stat st;
    log->fd = open(f->path, O_RDWR | O_CLOEXEC);
    if (log->fd < 0 || fstat(log->fd, &st))
        return status_from_errno(errno);
    log->size = (uint64_t)st.st_size;
    log->at = scan->at;
    log->chain = scan->chain;
    if (!scan->torn)
        return STATUS_OK;
    *cut = log->size - log->at;
    enum status s = log_zeros(log->fd, log->at, log->size, NULL);
    return !s && fsync(log->fd) ? status_from_errno(errno) : s;
}

enum status event_log_open(const char *dir, const struct event_log_options *o,
                           struct event_log **out, uint64_t *cut, struct fault *fault)
{
    struct log_file *files = NULL;
    size_t count = 0;
    struct event_log *log = calloc(1, sizeof *log);
    *out = NULL;
    *cut = 0;
    if (!log)
        return STATUS_NO_MEMORY;
    log->fd = log->made_fd = -1;
    snprintf(log->dir, sizeof log->dir, "%s", dir);
    log->segment_bytes = o && o->segment_bytes ? o->segment_bytes : LOG_SEGMENT;
    log->small_bytes = o && o->small_bytes ? o->small_bytes : log->segment_bytes / SMALL_PART;
    log->sync = o && o->sync ? o->sync : fdatasync;
    log->room = o ? o->room : NULL;
    struct log_scan scan = {.after = o ? o->applied : 0};
    take_left_over(log);
    enum status s = mkdir(dir, 0750) && errno != EEXIST ? status_from_errno(errno) : STATUS_OK;
    if (!s)
        s = log_files_list(dir, &files, &count);
    if (!s)
        s = log_scan(files, count, &scan, fault);
    if (!s && count)
        s = reopen_last(log, &files[count - 1], &scan, cut);
    log->last = log->synced = scan.last;
    free(files);
    if (s) {
        fault_set(fault && fault->text[0] ? NULL : fault, s, "event log", "%s: %s", dir,
                  status_text(s));
        event_log_close(&log);
    }
    *out = log;
    return s;
}

enum status event_log_begin(const char *dir, uint64_t sequence)
{
    struct event_log log = {.fd = -1, .made_fd = -1, .last = sequence, .room = NULL};
    snprintf(log.dir, sizeof log.dir, "%s", dir);
    enum status s = new_file(&log, file_bytes(LOG_SEGMENT / SMALL_PART, 0));
    if (log.fd >= 0)
        close(log.fd);
    return s;
}

enum status event_log_replay(const char *dir, uint64_t after,
                             enum status (*each)(void *ctx, const struct log_record *r), void *ctx,
                             struct fault *fault)
{
    struct log_file *files;
    size_t count;
    enum status s = log_files_list(dir, &files, &count);
    struct log_scan scan = {.after = after, .each = each, .ctx = ctx};
    if (!s)
        s = log_scan(files, count, &scan, fault);
    free(files);
    return s;
}

enum status event_log_check(const char *dir, uint64_t applied, uint64_t *first, uint64_t *last,
                            struct fault *fault)
{
    struct log_file *files;
    size_t count;
    enum status s = log_files_list(dir, &files, &count);
    struct log_scan scan = {.after = count ? files[0].first - 1 : 0};
    *first = count ? files[0].first : 0;
    if (!s)
        s = log_scan(files, count, &scan, fault);
    *last = scan.last;
    free(files);
    if (!s && (scan.last < applied || *first > applied + 1))
        s = fault_set(fault, STATUS_CORRUPT, "event log",
                      "it holds sequences %" PRIu64 " to %" PRIu64 ", the index has %" PRIu64,
                      *first, *last, applied);
    return s;
}

void event_log_leave(struct event_log *log)
{
    if (log && log->spare)
        log_spare_stop(log->spare);
}

void event_log_close(struct event_log **log)
{
    if (!*log)
        return;
    event_log_leave(*log);
    if ((*log)->spare)
        log_spare_take(&(*log)->spare, &(*log)->made_fd);
    if ((*log)->made_fd >= 0)
        close((*log)->made_fd); /* it stays, for who opens the log next */
    if ((*log)->fd >= 0)
        close((*log)->fd);
    buf_fini(&(*log)->pending);
    free(*log);
    *log = NULL;
}

uint64_t event_log_last(const struct event_log *log)
{
    return log->last;
}

bool event_log_failed(const struct event_log *log)
{
    return log->failed != STATUS_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Room for `need` bytes in the file that is written to, by another file where this one is full. */
static enum status make_room(struct event_log *log, uint64_t need, bool spend)
{
    uint64_t end = log->at + log->pending.len + need + LOG_RECORD_HEAD;
    if (log->fd < 0 || end > log->size) {
        enum status s = event_log_sync(log); /* what is buffered belongs into the old file */
        return s ? s : next_file(log, need);
    }
    if (end > (log->size < log->segment_bytes ? log->size / SMALL_BEGUN : log->size / 2))
        want_spare(log);
    bool kept = end > log->size - log->size / RESERVE_PART;
    return kept && !spend && !have_spare(log) && !log->spare ? STATUS_NO_SPACE : STATUS_OK;
}

enum status event_log_append(struct event_log *log, uint64_t sequence, uint32_t type,
                             struct slice payload, bool spend)
{
    if (log->failed)
        return log->failed;
    if (sequence <= log->last || type == 0 || payload.len > UINT32_MAX / 2)
        return STATUS_INVALID;
    enum status s = make_room(log, log_record_bytes(payload.len), spend);
    if (s)
        return s;
    log_record_put(&log->pending, &(struct log_record){sequence, type, payload}, &log->chain);
    if (log->pending.failed)
        return log->failed = STATUS_NO_MEMORY;
    log->last = sequence;
    return STATUS_OK;
}

enum status event_log_sync(struct event_log *log)
{
    if (log->failed || log->pending.len == 0)
        return log->failed;
#ifdef SOUK_FAULT_ACK_EARLY /* a test build that must turn the crash tests red */
    if (log->pending.len < 1 << 20)
        return STATUS_OK;
#endif
    enum status s = log_file_write(log->fd, log->pending.ptr, log->pending.len, log->at);
    if (!s && log->sync(log->fd))
        s = status_from_errno(errno);
    if (s)
        return log->failed = s;
    log->at += log->pending.len;
    log->synced = log->last;
    buf_clear(&log->pending);
    return STATUS_OK;
}

enum status event_log_prune(struct event_log *log, uint64_t applied, uint64_t age_s)
{
    struct log_file *files;
    size_t count;
    enum status s = log_files_list(log->dir, &files, &count);
    for (size_t i = 0; !s && i + 1 < count; i++) {
        struct stat st;
        if (files[i + 1].first > applied + 1 || stat(files[i].path, &st) ||
            time(NULL) - st.st_mtime < (time_t)age_s)
            break;
        if (unlink(files[i].path))
            s = status_from_errno(errno);
    }
    free(files);
    return s ? s : log_dir_sync(log->dir);
}

uint64_t event_log_bytes(const struct event_log *log)
{
    struct log_file *files;
    size_t count;
    uint64_t total = 0;
    if (log_files_list(log->dir, &files, &count))
        return 0;
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        total += stat(files[i].path, &st) ? 0 : (uint64_t)st.st_size;
    }
    free(files);
    return total;
}
