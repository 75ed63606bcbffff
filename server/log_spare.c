#include "server/log_spare.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/urgency.h"

enum { SPARE_PATH = 640, SPARE_NICE = 15, SYNC_BYTES = 8 << 20 };

struct log_spare {
    char path[SPARE_PATH];
    uint64_t bytes;
    bool (*room)(const char *dir, uint64_t bytes);
    pthread_t thread;
    _Atomic bool stop, done;
    int fd; /* the thread's until it is joined, like the status */
    enum status status;
};

enum status log_zeros(int fd, uint64_t from, uint64_t to, const _Atomic bool *stop)
{
    static const char zeros[1 << 16];
    while (from < to) {
        size_t len = to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;
        ssize_t n = stop && *stop ? 0 : pwrite(fd, zeros, len, (off_t)from);
        if (stop && *stop)
            return STATUS_CANCELLED;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? status_from_errno(errno) : STATUS_NO_SPACE;
        from += (uint64_t)n;
    }
    return STATUS_OK;
}

/* One of a process is made at a time, whole: many at once would not be there sooner, and who is to
 * end waits for a part of one file, not for one of each catalog's. Who is told to stop leaves the
 * row of those that wait at once: one catalog may be closed while others go on. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static bool taken;

/* False: it was told to stop before its turn came. */
static bool take_turn(struct log_spare *s)
{
    pthread_mutex_lock(&lock);
    while (taken && !s->stop)
        pthread_cond_wait(&moved, &lock);
    bool mine = !s->stop;
    taken |= mine;
    pthread_mutex_unlock(&lock);
    return mine;
}

static void give_turn(void)
{
    pthread_mutex_lock(&lock);
    taken = false;
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
}

/* In parts, each synced: one large one would hold up the syncs of the log. */
static enum status fill(struct log_spare *s)
{
    enum status st = STATUS_OK;
    for (uint64_t at = 0; at < s->bytes && !st; at += SYNC_BYTES) {
        uint64_t end = at + SYNC_BYTES < s->bytes ? at + SYNC_BYTES : s->bytes;
        st = log_zeros(s->fd, at, end, &s->stop);
        if (!st && fdatasync(s->fd))
            st = status_from_errno(errno);
    }
    return !st && fsync(s->fd) ? status_from_errno(errno) : st;
}

/* Others that were made meanwhile may have taken what there was when it was begun. */
static bool has_room(const struct log_spare *s)
{
    char dir[SPARE_PATH];
    memcpy(dir, s->path, sizeof dir);
    char *name = strrchr(dir, '/');
    if (!s->room || !name)
        return true;
    *name = '\0';
    return s->room(dir, s->bytes);
}

static void make(struct log_spare *s)
{
    if (!has_room(s)) {
        s->status = STATUS_NO_SPACE;
        return;
    }
    s->fd = open(s->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    s->status = s->fd < 0 ? status_from_errno(errno) : fill(s);
    if (s->status && s->fd >= 0) { /* what a full disk has no room for gives it back at once */
        close(s->fd);
        unlink(s->path);
    }
}

static void *thread_main(void *ctx)
{
    struct log_spare *s = ctx;
    urgency_patient(SPARE_NICE);
    if (take_turn(s)) {
        make(s);
        give_turn();
    } else {
        s->status = STATUS_CANCELLED;
    }
    s->done = true;
    return NULL;
}

enum status log_spare_start(const char *path, uint64_t bytes,
                            bool (*room)(const char *dir, uint64_t bytes), struct log_spare **out)
{
    struct log_spare *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return STATUS_NO_MEMORY;
    s->bytes = bytes;
    s->room = room;
    s->fd = -1;
    int n = snprintf(s->path, sizeof s->path, "%s", path);
    if (n < 0 || (size_t)n >= sizeof s->path || pthread_create(&s->thread, NULL, thread_main, s)) {
        free(s);
        return STATUS_NO_MEMORY;
    }
    *out = s;
    return STATUS_OK;
}

bool log_spare_done(const struct log_spare *s)
{
    return s->done;
}

enum status log_spare_take(struct log_spare **sp, int *fd)
{
    struct log_spare *s = *sp;
    pthread_join(s->thread, NULL);
    enum status st = s->status;
    *fd = st ? -1 : s->fd;
    free(s);
    *sp = NULL;
    return st;
}

void log_spare_stop(struct log_spare *s)
{
    pthread_mutex_lock(&lock);
    s->stop = true;
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
}
