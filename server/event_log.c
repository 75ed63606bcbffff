#include "server/event_log.h"
#include "protocol/wire.h"
#include "server/log_spare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    LOG_HEADER = 64,
    RECORD_HEAD = 24,
    LOG_FORMAT = 1,
    LOG_PATH = 512,
    RESERVE_PART = 8, /* one in so many bytes of a file is kept for deletes */
    SMALL_PART = 8,   /* of the usual size: a file that somebody waits for */
    SPARE_AGAIN_MS = 500
};
#define LOG_MAGIC   UINT32_C(0x674c6b53)
#define LOG_SEGMENT (UINT64_C(64) << 20)

struct event_log {
    char dir[LOG_PATH];
    uint64_t segment_bytes, small_bytes;
    int (*sync)(int fd);
    bool (*room)(const char *dir, uint64_t bytes);
    struct log_spare *spare; /* being made */
    int made_fd;             /* of the one that is made, -1 = none */
    int64_t spare_after_ms;  /* there was no room for it: not before */
    int fd;                  /* -1 = none open */
    uint64_t first, at,
        size; /* of the open file: first sequence, write offset, preallocated bytes */
    uint64_t last, synced, chain;
    struct buf pending;
    uint64_t pending_first;
    enum status failed;
};

struct file {
    uint64_t first;
    char path[LOG_PATH + 32];
};

static uint64_t pad8(uint64_t n)
{
    return (n + 7) & ~UINT64_C(7);
}

static uint64_t record_sum(uint64_t sequence, uint32_t type, uint64_t chain, struct slice payload)
{
    uint8_t head[20];
    wire_store64(head, sequence);
    wire_store32(head + 8, type);
    wire_store64(head + 12, chain);
    return XXH3_64bits_withSeed(payload.ptr, payload.len, XXH3_64bits(head, sizeof head));
}

/* --- files ------------------------------------------------------------------------------------ */

static int by_first(const void *a, const void *b)
{
    const struct file *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static enum status list_files(const char *dir, struct file **files, size_t *count)
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
            struct file *p = realloc(*files, cap * sizeof *p);
            if (!p) {
                closedir(d);
                return STATUS_NO_MEMORY;
            }
            *files = p;
        }
        struct file *f = &(*files)[(*count)++];
        f->first = first;
        snprintf(f->path, sizeof f->path, "%s/%s", dir, e->d_name);
    }
    closedir(d);
    if (*count)
        qsort(*files, *count, sizeof **files, by_first);
    return STATUS_OK;
}

static enum status sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    int bad = fsync(fd);
    int err = errno;
    close(fd);
    return bad ? status_from_errno(err) : STATUS_OK;
}

static enum status write_all(int fd, const void *bytes, size_t len, uint64_t at)
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

/* Large enough for a record of `need` bytes. */
static uint64_t file_bytes(uint64_t usual, uint64_t need)
{
    uint64_t least = need + LOG_HEADER + RECORD_HEAD;
    return usual > least ? usual : least;
}

/* The file of zeros at `temp` becomes the one that is written to; it gets its name when it has its
 * header. `fd` is taken over. */
static enum status use_file(struct event_log *log, int fd, const char *temp, uint64_t size)
{
    char path[LOG_PATH + 32];
    uint8_t head[LOG_HEADER] = {0};
    uint64_t first = log->last + 1;
    snprintf(path, sizeof path, "%s/%020" PRIu64 ".log", log->dir, first);
    wire_store32(head, LOG_MAGIC);
    wire_store32(head + 4, LOG_FORMAT);
    wire_store64(head + 8, first);
    wire_store64(head + 32, XXH3_64bits(head, 32));
    enum status s = write_all(fd, head, sizeof head, 0);
    if (!s && fdatasync(fd))
        s = status_from_errno(errno);
    if (!s && rename(temp, path))
        s = status_from_errno(errno);
    if (!s)
        s = sync_dir(log->dir);
    if (s) {
        close(fd);
        unlink(temp);
        return s;
    }
    if (log->fd >= 0)
        close(log->fd);
    log->fd = fd;
    log->first = first;
    log->at = LOG_HEADER;
    log->size = size;
    log->chain = 0;
    return STATUS_OK;
}

static enum status new_file(struct event_log *log, uint64_t size)
{
    char temp[LOG_PATH + 32];
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

static void spare_path(const struct event_log *log, char path[LOG_PATH + 32])
{
    snprintf(path, LOG_PATH + 32, "%s/next.tmp", log->dir);
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
    char path[LOG_PATH + 32];
    if (log->spare || log->made_fd >= 0 || mono_ms() < log->spare_after_ms)
        return;
    spare_path(log, path);
    if ((log->room && !log->room(log->dir, log->segment_bytes)) ||
        log_spare_start(path, log->segment_bytes, &log->spare))
        log->spare_after_ms = mono_ms() + SPARE_AGAIN_MS;
}

/* Is the next file there? Nobody waits for it. */
static bool have_spare(struct event_log *log)
{
    if (log->spare && log_spare_done(log->spare) && log_spare_take(&log->spare, &log->made_fd))
        log->spare_after_ms = mono_ms() + SPARE_AGAIN_MS;
    return log->made_fd >= 0;
}

static enum status next_file(struct event_log *log, uint64_t need)
{
    char path[LOG_PATH + 32];
    if (!have_spare(log) || file_bytes(0, need) > log->segment_bytes)
        return new_file(log, file_bytes(log->small_bytes, need));
    spare_path(log, path);
    int fd = log->made_fd;
    log->made_fd = -1;
    return use_file(log, fd, path, log->segment_bytes);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct mapped {
    const uint8_t *bytes;
    size_t len;
};

static enum status map_file(const char *path, struct mapped *m)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *m = (struct mapped){0};
    if (fd < 0)
        return status_from_errno(errno);
    enum status s = fstat(fd, &st) ? status_from_errno(errno) : STATUS_OK;
    if (!s && st.st_size >= LOG_HEADER) {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            s = status_from_errno(errno);
        else
            *m = (struct mapped){p, (size_t)st.st_size};
    }
    close(fd);
    return s;
}

static bool header_good(const struct mapped *m, uint64_t first)
{
    return m->len >= LOG_HEADER && wire_load32(m->bytes) == LOG_MAGIC &&
           wire_load32(m->bytes + 4) == LOG_FORMAT && wire_load64(m->bytes + 8) == first &&
           wire_load64(m->bytes + 32) == XXH3_64bits(m->bytes, 32);
}

/* The record at `at`: OK, END (zeros), or CORRUPT. */
static enum status record_at(const struct mapped *m, uint64_t at, uint64_t chain,
                             struct log_record *r, uint64_t *next, uint64_t *sum)
{
    if (at + RECORD_HEAD > m->len)
        return STATUS_END;
    uint32_t len = wire_load32(m->bytes + at), type = wire_load32(m->bytes + at + 4);
    if (len == 0 && type == 0)
        return STATUS_END;
    if (len > m->len - at - RECORD_HEAD)
        return STATUS_CORRUPT;
    *r = (struct log_record){wire_load64(m->bytes + at + 8), type,
                             slice_make(m->bytes + at + RECORD_HEAD, len)};
    *sum = wire_load64(m->bytes + at + 16);
    *next = at + RECORD_HEAD + pad8(len);
    return record_sum(r->sequence, type, chain, r->payload) == *sum ? STATUS_OK : STATUS_CORRUPT;
}

/* Is anything but zeros and broken pieces behind a bad record? Then the bad one is damage, not a
 * torn tail. */
static bool valid_behind(const struct mapped *m, uint64_t at, uint64_t last)
{
    struct log_record r;
    uint64_t next, sum;
    for (uint64_t i = pad8(at) + 8; i + RECORD_HEAD <= m->len; i += 8) {
        /* the chain is unknown here: the stored checksum of the record before is tried as such */
        uint32_t len = wire_load32(m->bytes + i);
        uint64_t sequence = wire_load64(m->bytes + i + 8);
        if (len == 0 || len > m->len - i - RECORD_HEAD || sequence <= last ||
            sequence - last > 1000000)
            continue;
        for (uint64_t back = at; back < i; back += 8)
            if (record_at(m, i, wire_load64(m->bytes + back + 16), &r, &next, &sum) == STATUS_OK)
                return true;
    }
    return false;
}

struct scan {
    uint64_t after, last, chain, at;
    bool torn;
    uint64_t torn_bytes;
    enum status (*each)(void *ctx, const struct log_record *r);
    void *ctx;
};

static enum status scan_file(const struct mapped *m, struct scan *s)
{
    struct log_record r;
    uint64_t next, sum;
    s->chain = 0;
    for (s->at = LOG_HEADER;; s->at = next, s->chain = sum) {
        enum status st = record_at(m, s->at, s->chain, &r, &next, &sum);
        if (st == STATUS_END)
            return STATUS_OK;
        if (st || r.sequence <= s->last) {
            if (valid_behind(m, s->at, s->last))
                return STATUS_CORRUPT;
            s->torn = true;
            return STATUS_OK;
        }
        s->last = r.sequence;
        if (s->each && r.sequence > s->after && (st = s->each(s->ctx, &r)))
            return st;
    }
}

static enum status scan_all(const struct file *files, size_t count, struct scan *s,
                            struct fault *fault)
{
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && i < count; i++) {
        struct mapped m;
        if (i + 1 < count && files[i + 1].first <= s->after + 1 && s->each)
            continue; /* all of it is applied */
        st = map_file(files[i].path, &m);
        if (st)
            return st;
        if (s->last < files[i].first - 1)
            s->last = files[i].first - 1;
        if (!header_good(&m, files[i].first))
            st = fault_set(fault, STATUS_CORRUPT, "event log", "%s has a damaged header",
                           files[i].path);
        else if ((st = scan_file(&m, s)) == STATUS_CORRUPT)
            fault_set(fault, st, "event log",
                      "%s is damaged at byte %" PRIu64 " with valid records behind", files[i].path,
                      s->at);
        if (!st && s->torn && i + 1 < count)
            st = fault_set(fault, STATUS_CORRUPT, "event log",
                           "%s ends early but a later file exists", files[i].path);
        if (m.bytes)
            munmap((void *)(uintptr_t)m.bytes, m.len);
    }
    return st;
}

enum status event_log_replay(const char *dir, uint64_t after,
                             enum status (*each)(void *ctx, const struct log_record *r), void *ctx,
                             struct fault *fault)
{
    struct file *files;
    size_t count;
    enum status s = list_files(dir, &files, &count);
    struct scan scan = {.after = after, .each = each, .ctx = ctx};
    if (!s)
        s = scan_all(files, count, &scan, fault);
    free(files);
    return s;
}

/* --- opening and writing ---------------------------------------------------------------------- */

static enum status reopen_last(struct event_log *log, const struct file *f, const struct scan *scan,
                               uint64_t *cut)
{
    struct stat st;
    log->fd = open(f->path, O_RDWR | O_CLOEXEC);
    if (log->fd < 0 || fstat(log->fd, &st))
        return status_from_errno(errno);
    log->first = f->first;
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
    struct file *files = NULL;
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
    struct scan scan = {0};
    char left_over[LOG_PATH + 32];
    spare_path(log, left_over);
    unlink(left_over);
    enum status s = mkdir(dir, 0750) && errno != EEXIST ? status_from_errno(errno) : STATUS_OK;
    if (!s)
        s = list_files(dir, &files, &count);
    if (!s)
        s = scan_all(files, count, &scan, fault);
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

void event_log_close(struct event_log **log)
{
    if (!*log)
        return;
    char path[LOG_PATH + 32];
    spare_path(*log, path);
    log_spare_drop(&(*log)->spare);
    if ((*log)->made_fd >= 0) {
        close((*log)->made_fd);
        unlink(path);
    }
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

/* Room for `need` bytes in the file that is written to, by another file where this one is full. */
static enum status make_room(struct event_log *log, uint64_t need, bool spend)
{
    uint64_t end = log->at + log->pending.len + need + RECORD_HEAD;
    if (log->fd < 0 || end > log->size) {
        enum status s = event_log_sync(log); /* what is buffered belongs into the old file */
        return s ? s : next_file(log, need);
    }
    if (end > log->size / 2 || log->size < log->segment_bytes)
        want_spare(log);
    bool kept = end > log->size - log->size / RESERVE_PART;
    return kept && !spend && !have_spare(log) && !log->spare ? STATUS_NO_SPACE : STATUS_OK;
}

enum status event_log_append(struct event_log *log, uint64_t sequence, uint32_t type,
                             struct slice payload, bool spend)
{
    static const char zeros[8];
    if (log->failed)
        return log->failed;
    if (sequence <= log->last || type == 0 || payload.len > UINT32_MAX / 2)
        return STATUS_INVALID;
    enum status s = make_room(log, RECORD_HEAD + pad8(payload.len), spend);
    if (s)
        return s;
    uint64_t sum = record_sum(sequence, type, log->chain, payload);
    wire_put_u32(&log->pending, (uint32_t)payload.len);
    wire_put_u32(&log->pending, type);
    wire_put_u64(&log->pending, sequence);
    wire_put_u64(&log->pending, sum);
    buf_put_slice(&log->pending, payload);
    buf_put(&log->pending, zeros, pad8(payload.len) - payload.len);
    if (log->pending.failed)
        return log->failed = STATUS_NO_MEMORY;
    log->chain = sum;
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
    enum status s = write_all(log->fd, log->pending.ptr, log->pending.len, log->at);
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
    struct file *files;
    size_t count;
    enum status s = list_files(log->dir, &files, &count);
    for (size_t i = 0; !s && i + 1 < count; i++) {
        struct stat st;
        if (files[i + 1].first > applied + 1 || stat(files[i].path, &st) ||
            time(NULL) - st.st_mtime < (time_t)age_s)
            break;
        if (unlink(files[i].path))
            s = status_from_errno(errno);
    }
    free(files);
    return s ? s : sync_dir(log->dir);
}

uint64_t event_log_bytes(const struct event_log *log)
{
    struct file *files;
    size_t count;
    uint64_t total = 0;
    if (list_files(log->dir, &files, &count))
        return 0;
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        total += stat(files[i].path, &st) ? 0 : (uint64_t)st.st_size;
    }
    free(files);
    return total;
}
