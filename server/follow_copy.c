/*
 * A copy of a catalog, from the leader into a home of its own beside the catalogs:
 *
 *   DIR/catalogs/.copy-NAME/CURRENT, e-NNNNNN/data.mdb, log/   (an empty log that goes on there)
 *
 * It becomes the catalog's home in one rename, by the writer; until then searches have what was
 * there. What an ended process left of one is thrown away: a copy is begun again from its start.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "server/begun.h"
#include "server/catalogs.h"
#include "server/follow_private.h"
#include "server/reserve.h"
#include "server/say.h"
#include "server/stream.h"
#include "server/writer_catalog.h"

enum { PIECE_MS = 10000, MAKING_MS = 50, PIECE_BYTES = 256 << 10 };

struct taking {
    struct follow *f;
    struct souk *leader;
    const char *name;
    char staged[SHARED_NAME + 8]; /* as if it were a catalog's name */
    char edition_dir[PATH_MAX];
    uint64_t edition, copy, at, size, sequence, sum, last_hash;
    int fd;
    XXH3_state_t *hash;
};

/* --- fetching --------------------------------------------------------------------------------- */

static enum status take_piece(struct taking *t, const struct copy_read *a)
{
    if (!t->size) {
        t->copy = a->copy;
        t->size = a->size;
        t->sequence = a->sequence;
        t->sum = a->sum;
        t->last_hash = a->hash;
        if (!reserve_room(t->edition_dir, t->size))
            return STATUS_NO_SPACE;
    }
    if (a->copy != t->copy || a->size != t->size || a->from != t->at || !a->data.len)
        return STATUS_CORRUPT;
    const char *p = a->data.ptr;
    for (size_t left = a->data.len; left;) {
        ssize_t n = write(t->fd, p, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? status_from_errno(errno) : STATUS_NO_SPACE;
        p += n;
        left -= (size_t)n;
    }
    XXH3_64bits_update(t->hash, a->data.ptr, a->data.len);
    t->at += a->data.len;
    atomic_fetch_add(&t->f->shared->follow.bytes, a->data.len);
    return STATUS_OK;
}

static enum status fetch(struct taking *t, struct fault *fault)
{
    struct souk_reply reply;
    struct buf body = BUF_INIT;
    enum status st = STATUS_OK;
    souk_reply_init(&reply);
    while (!st && (!t->size || t->at < t->size)) {
        struct copy_read a, q = {.catalog = slice_str(t->name),
                                 .copy = t->copy,
                                 .from = t->at,
                                 .bytes = PIECE_BYTES};
        buf_clear(&body);
        copy_read_encode(&q, &body);
        const struct souk_request request = {.opcode = OP_COPY_READ,
                                             .body = buf_slice(&body),
                                             .deadline_ms = PIECE_MS,
                                             .safe = true};
        if (!shared_follows(t->f->shared))
            st = STATUS_CANCELLED;
        st = st ? st : souk_call(t->leader, &request, &reply);
        if (st == STATUS_OVERLOADED || st == STATUS_RATE_LIMITED) {
            usleep((reply.fault.retry_after_ms ? reply.fault.retry_after_ms : 20) * 1000);
            st = STATUS_OK;
            continue;
        }
        if (st)
            *fault = reply.fault;
        st = st ? st : copy_read_decode(reply.body, &a, fault);
        if (!st && !a.size) {
            t->copy = a.copy;
            usleep(MAKING_MS * 1000);
        } else if (!st) {
            st = take_piece(t, &a);
        }
    }
    if (!st && XXH3_64bits_digest(t->hash) != t->sum)
        st = fault_set(fault, STATUS_BAD_CHECKSUM, NULL, "the copy is not what the leader sent");
    buf_fini(&body);
    souk_reply_fini(&reply);
    return st;
}

/* --- the home --------------------------------------------------------------------------------- */

/* Its name goes first, at once: the writer may just be taking it, for a process that has ended or
 * waited too long, and has it whole or not at all. The name is one that the writer sweeps away. */
static void throw_away(const char *data_dir, const char *staged)
{
    char home[PATH_MAX], gone[PATH_MAX];
    if (!catalog_path(home, sizeof home, data_dir, slice_str(staged)) ||
        (size_t)snprintf(gone, sizeof gone, "%s/catalogs/.dropped-%s", data_dir, staged) >=
            sizeof gone)
        return;
    remove_tree(gone);
    if (!rename(home, gone))
        remove_tree(gone);
}

void follow_copies_clean(const char *data_dir)
{
    char all[PATH_MAX];
    snprintf(all, sizeof all, "%s/catalogs", data_dir);
    DIR *d = opendir(all);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strncmp(e->d_name, ".copy-", 6) != 0)
            continue;
        throw_away(data_dir, e->d_name);
    }
    if (d)
        closedir(d);
}

static enum status make_home(struct taking *t)
{
    char home[PATH_MAX], log[PATH_MAX], data[PATH_MAX + 16];
    const char *dir = t->f->role->data_dir;
    uint64_t current = 0;
    const struct shared_catalog *row = shared_catalog_find(t->f->shared, slice_str(t->name));
    if (catalog_current_read(dir, slice_str(t->name), &current))
        current = atomic_load(&t->f->shared->edition_floor);
    if (row && row->edition > current)
        current = row->edition;
    t->edition = current + 1;
    if (!catalog_path(home, sizeof home, dir, slice_str(t->staged)) ||
        !catalog_log_path(log, sizeof log, dir, slice_str(t->staged)) ||
        !catalog_edition_path(t->edition_dir, sizeof t->edition_dir, dir, slice_str(t->staged),
                              t->edition))
        return STATUS_TOO_LARGE;
    throw_away(dir, t->staged);
    if (mkdir(home, 0750) || mkdir(log, 0750) || mkdir(t->edition_dir, 0750))
        return status_from_errno(errno);
    snprintf(data, sizeof data, "%s/data.mdb", t->edition_dir);
    t->fd = open(data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    return t->fd < 0 ? status_from_errno(errno) : STATUS_OK;
}

/* Does it open, and stand where the leader said? */
static enum status check(struct taking *t)
{
    struct stream stream;
    uint64_t sequence;
    enum status st = stream_of_copy(t->edition_dir, config_number(t->f->role->config, OPTION_MAP),
                                    &stream, &sequence);
    return st ? st : sequence == t->sequence ? STATUS_OK : STATUS_CORRUPT;
}

static enum status finish(struct taking *t)
{
    char home[PATH_MAX], log[PATH_MAX];
    const char *dir = t->f->role->data_dir;
    if (fsync(t->fd))
        return status_from_errno(errno);
    enum status st = check(t);
    st = st ? st : log_dir_sync(t->edition_dir);
    if (!st && (!catalog_path(home, sizeof home, dir, slice_str(t->staged)) ||
                !catalog_log_path(log, sizeof log, dir, slice_str(t->staged))))
        st = STATUS_TOO_LARGE;
    st = st ? st : event_log_begin(log, t->sequence);
    if (!st && t->last_hash)
        st = begun_write(home, t->sequence, t->last_hash);
    return st ? st : catalog_current_write(dir, slice_str(t->staged), t->edition);
}

static enum status hand_over(struct taking *t, struct souk *writer, struct fault *fault)
{
    struct souk_reply reply;
    struct buf body = BUF_INIT;
    const struct follow_request q = {
        .catalog = slice_str(t->name), .action = FOLLOW_ADOPT, .edition = t->edition};
    follow_request_encode(&q, &body);
    souk_reply_init(&reply);
    const struct souk_request request = {
        .opcode = OP_FOLLOW, .body = buf_slice(&body), .deadline_ms = PIECE_MS};
    enum status st = souk_call(writer, &request, &reply);
    if (st)
        *fault = reply.fault;
    souk_reply_fini(&reply);
    buf_fini(&body);
    return st;
}

enum status follow_copy(struct follow *f, struct souk *leader, struct souk *writer,
                        const char *name, struct fault *fault)
{
    struct taking t = {.f = f, .leader = leader, .name = name, .fd = -1};
    snprintf(t.staged, sizeof t.staged, ".copy-%s", name);
    t.hash = XXH3_createState();
    enum status st = t.hash ? make_home(&t) : STATUS_NO_MEMORY;
    if (!st) {
        XXH3_64bits_reset(t.hash);
        st = fetch(&t, fault);
    }
    st = st ? st : finish(&t);
    st = st ? st : hand_over(&t, writer, fault);
    if (t.fd >= 0)
        close(t.fd);
    XXH3_freeState(t.hash);
    if (st)
        throw_away(f->role->data_dir, t.staged); /* it may be large, and the disk full */
    if (!st)
        say("info", "replica", name, "copied: %llu bytes, it stands at change %llu",
            (unsigned long long)t.size, (unsigned long long)t.sequence);
    return st;
}

void follow_pause(uint32_t tries)
{
    uint32_t most = FOLLOW_PAUSE_MOST_MS;
    if (tries < 6 && (uint32_t)FOLLOW_PAUSE_MS << tries < most)
        most = (uint32_t)FOLLOW_PAUSE_MS << tries;
    uint64_t z = (uint64_t)clock_mono_us() * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)getpid();
    z = (z ^ z >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
    usleep((useconds_t)((z >> 33) % (most * UINT64_C(1000)) + 1000));
}

/* --- the thread ------------------------------------------------------------------------------- */

/* The next copy that is due, into `name`; false = none. Under the lock. */
static bool next_copy(struct follow *f, char name[SHARED_NAME + 1])
{
    int64_t now = clock_mono_ms();
    for (uint32_t i = 0; i < f->count; i++) {
        struct followed *c = &f->catalogs[i];
        if (c->state != COPY_WANTED || now < c->again_ms)
            continue;
        c->state = COPYING;
        memcpy(name, c->name, SHARED_NAME + 1);
        return true;
    }
    return false;
}

/* A copy ended. Under the lock. */
static void note_copied(struct follow *f, const char *name, enum status st, const char *why)
{
    struct followed *c = follow_find(f, slice_str(name));
    if (!c)
        return;
    c->asked = false;
    f->listed = false; /* the writer tells where it stands, or whether it is there at all */
    if (!st || st == STATUS_UNKNOWN_CATALOG) {
        c->state = FOLLOWED;
        if (!st)
            atomic_fetch_add(&f->shared->follow.copies, 1);
        if (!st && c->resync)
            atomic_fetch_add(&f->shared->follow.resyncs, 1);
        return;
    }
    if (!c->failed)
        say("warning", "replica", name, "it could not be copied, and is tried again: %s", why);
    c->state = COPY_WANTED;
    /* the whole of it may have been made and sent in vain: a link comes back sooner than room */
    bool dear = st != STATUS_UNAVAILABLE && st != STATUS_DEADLINE && st != STATUS_NOT_FOUND;
    uint32_t most = dear ? 9 : 5;
    c->again_ms = clock_mono_ms() + (FOLLOW_PAUSE_MS << (c->failed < most ? c->failed : most));
    c->failed++;
}

void *follow_copier(void *ctx)
{
    struct follow *f = ctx;
    char name[SHARED_NAME + 1];
    struct souk *writer = follow_writer(f);
    while (writer && shared_follows(f->shared)) {
        pthread_mutex_lock(&f->lock);
        bool due = next_copy(f, name);
        pthread_mutex_unlock(&f->lock);
        if (!due) {
            usleep(MAKING_MS * 1000);
            continue;
        }
        struct fault fault = {0};
        struct souk *leader = follow_leader(f, &fault);
        enum status st = leader ? follow_copy(f, leader, writer, name, &fault) : fault.status;
        souk_close(leader);
        pthread_mutex_lock(&f->lock);
        note_copied(f, name, st, fault.text[0] ? fault.text : status_text(st));
        pthread_mutex_unlock(&f->lock);
    }
    souk_close(writer);
    return NULL;
}
