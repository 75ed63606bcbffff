#include "server/ship_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "server/catalogs.h"
#include "server/log_reader.h"
#include "server/reserve.h"
#include "server/say.h"
#include "server/stream.h"
#include "server/urgency.h"
#include "server/writer_catalog.h"

enum {
    COPIES = 4,
    SHARE_MS = 10000,
    QUIET_MS = 200,
    SLOW_MS = 5000,
    COPY_NICE = 19,
    READ_BYTES = 1 << 18
};

enum copy_state { COPY_FREE, COPY_MAKING, COPY_READY, COPY_FAILED };

struct copy {
    _Atomic uint32_t state; /* enum copy_state; the thread's last word */
    uint64_t id;
    char name[SHARED_NAME + 1], from[PATH_MAX], log[PATH_MAX], dir[PATH_MAX];
    uint64_t map_bytes;
    int fd;
    uint64_t size, sequence, sum, hash;
    struct stream_id stream;
    uint64_t since; /* it will not stand before that */
    int64_t made_ms, used_ms;
    bool read_through; /* somebody has read its end */
    enum status status;
    pthread_t thread;
};

struct ship_copies {
    struct role_context *role;
    struct copy copies[COPIES];
    uint64_t serial;
    char piece[COPY_PIECE];
};

enum status ship_copies_create(struct role_context *role, struct ship_copies **out)
{
    char path[PATH_MAX];
    struct ship_copies *c = calloc(1, sizeof *c);
    *out = c;
    if (!c)
        return STATUS_NO_MEMORY;
    c->role = role;
    c->serial = (uint64_t)clock_mono_us(); /* no number of an earlier process */
    int n = snprintf(path, sizeof path, "%s/copies", role->data_dir);
    if (n > 0 && (size_t)n < sizeof path)
        remove_tree(path);
    return STATUS_OK;
}

/* --- making one ------------------------------------------------------------------------------- */

static enum status copy_index(struct copy *k)
{
    struct index_options o = {.map_bytes = k->map_bytes, .read_only = true};
    struct index *ix = NULL;
    struct stat st;
    char data[PATH_MAX + 16];
    bool stale;
    snprintf(data, sizeof data, "%s/data.mdb", k->from);
    if (stat(data, &st))
        return status_from_errno(errno);
    if (!reserve_room(k->from, (uint64_t)st.st_size))
        return STATUS_NO_SPACE;
    enum status s = index_open(k->from, &o, &ix, &stale, NULL);
    s = s ? s : index_copy_into(ix, k->dir);
    index_close(&ix);
    return s;
}

/* Where the copy stands. AGAIN: it does not know its stream yet. */
static enum status look_into(struct copy *k)
{
    struct stream stream;
    enum status st = stream_of_copy(k->dir, k->map_bytes, &stream, &k->sequence);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_AGAIN : st;
    k->stream = stream.id;
    struct log_reader *r;
    if (!log_reader_open(k->log, k->sequence, &r)) /* else it is not told */
        k->hash = log_reader_hash(r);
    log_reader_close(&r);
    return STATUS_OK;
}

static enum status sum_up(struct copy *k)
{
    char path[PATH_MAX + 16];
    char *bytes = malloc(READ_BYTES);
    XXH3_state_t *hash = XXH3_createState();
    snprintf(path, sizeof path, "%s/data.mdb", k->dir);
    k->fd = open(path, O_RDONLY | O_CLOEXEC);
    enum status s = !bytes || !hash ? STATUS_NO_MEMORY
                    : k->fd < 0     ? status_from_errno(errno)
                                    : STATUS_OK;
    if (!s)
        XXH3_64bits_reset(hash);
    for (k->size = 0; !s;) {
        ssize_t n = pread(k->fd, bytes, READ_BYTES, (off_t)k->size);
        if (n < 0)
            s = status_from_errno(errno);
        if (n <= 0)
            break;
        XXH3_64bits_update(hash, bytes, (size_t)n);
        k->size += (uint64_t)n;
    }
    if (!s)
        k->sum = XXH3_64bits_digest(hash);
    XXH3_freeState(hash);
    free(bytes);
    return s;
}

static void *thread_main(void *ctx)
{
    struct copy *k = ctx;
    urgency_patient(COPY_NICE);
    k->status = copy_index(k);
    k->status = k->status ? k->status : look_into(k);
    k->status = k->status ? k->status : sum_up(k);
    atomic_store(&k->state, k->status ? COPY_FAILED : COPY_READY);
    return NULL;
}

static void let_go(struct copy *k)
{
    pthread_join(k->thread, NULL);
    if (k->fd >= 0)
        close(k->fd);
    remove_tree(k->dir);
    *k = (struct copy){.fd = -1};
}

static enum status make(struct ship_copies *c, struct slice name, struct copy *k)
{
    uint64_t edition;
    char all[PATH_MAX];
    const char *dir = c->role->data_dir;
    enum status st = catalog_current_read(dir, name, &edition);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_UNKNOWN_CATALOG : st;
    *k = (struct copy){.fd = -1, .id = ++c->serial};
    memcpy(k->name, name.ptr, name.len);
    k->map_bytes = config_number(c->role->config, OPTION_MAP);
    k->made_ms = k->used_ms = clock_mono_ms();
    const struct shared_catalog *row = shared_catalog_find(c->role->shared, name);
    k->since = row ? atomic_load(&row->visible) : 0;
    int n = snprintf(all, sizeof all, "%s/copies", dir);
    int m = snprintf(k->dir, sizeof k->dir, "%s/copies/%llu", dir, (unsigned long long)k->id);
    if (n < 0 || m < 0 || (size_t)m >= sizeof k->dir ||
        !catalog_log_path(k->log, sizeof k->log, dir, name) ||
        !catalog_edition_path(k->from, sizeof k->from, dir, name, edition))
        return STATUS_TOO_LARGE;
    if ((mkdir(all, 0750) && errno != EEXIST) || mkdir(k->dir, 0750))
        return status_from_errno(errno);
    atomic_store(&k->state, COPY_MAKING);
    if (pthread_create(&k->thread, NULL, thread_main, k)) {
        *k = (struct copy){.fd = -1};
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

/* --- reading them ----------------------------------------------------------------------------- */

/* Nobody is in the middle of it, or nobody who comes back soon. */
static bool may_go(uint32_t state, int64_t quiet_ms, bool read_through)
{
    return (state == COPY_READY || state == COPY_FAILED) &&
           quiet_ms > (read_through ? QUIET_MS : SLOW_MS);
}

/* One that may be shared, else a new one. One is made at a time: an index is not opened twice in a
 * process. AGAIN: come again. */
static enum status find_or_make(struct ship_copies *c, struct slice name,
                                const struct stream_id *stream, struct copy **out)
{
    int place = -1;
    int64_t now = clock_mono_ms();
    bool making = false;
    for (int i = 0; i < COPIES; i++) {
        const struct copy *k = &c->copies[i];
        uint32_t state = atomic_load(&k->state);
        *out = &c->copies[i];
        bool other = state == COPY_READY && stream && !stream_id_equal(&k->stream, stream);
        if (state != COPY_FREE && now - k->made_ms < SHARE_MS && !other &&
            slice_equal(slice_str(k->name), name))
            return STATUS_OK;
        making |= state == COPY_MAKING;
        if (state == COPY_FREE || (place < 0 && may_go(state, now - k->used_ms, k->read_through)))
            place = i;
    }
    if (making || place < 0)
        return STATUS_AGAIN;
    *out = &c->copies[place];
    if (atomic_load(&c->copies[place].state) != COPY_FREE)
        let_go(&c->copies[place]);
    return make(c, name, &c->copies[place]);
}

static struct copy *find(struct ship_copies *c, struct slice name, uint64_t id)
{
    for (int i = 0; i < COPIES; i++)
        if (atomic_load(&c->copies[i].state) != COPY_FREE && c->copies[i].id == id &&
            slice_equal(slice_str(c->copies[i].name), name))
            return &c->copies[i];
    return NULL;
}

enum status ship_copies_read(struct ship_copies *c, const struct copy_read *q,
                             const struct stream_id *stream, struct copy_read *a,
                             struct fault *fault)
{
    struct copy *k = NULL;
    *a = (struct copy_read){.catalog = q->catalog};
    enum status st = q->catalog.len > SHARED_NAME ? STATUS_UNKNOWN_CATALOG
                     : q->copy ? ((k = find(c, q->catalog, q->copy)) ? STATUS_OK : STATUS_NOT_FOUND)
                               : find_or_make(c, q->catalog, stream, &k);
    if (st == STATUS_AGAIN)
        return STATUS_OK;
    if (st)
        return fault_set(fault, st, NULL, "%s", status_text(st));
    uint32_t state = atomic_load(&k->state);
    k->used_ms = clock_mono_ms();
    a->copy = k->id;
    if (state == COPY_FAILED) {
        st = k->status;
        let_go(k);
        a->copy = 0;
        if (st == STATUS_AGAIN)
            return STATUS_OK;
        say("warning", "replica", NULL, "no copy of %.*s: %s", (int)q->catalog.len, q->catalog.ptr,
            status_text(st));
        return fault_set(fault, st, NULL, "the copy cannot be made: %s", status_text(st));
    }
    if (state != COPY_READY)
        return STATUS_OK;
    if (q->from > k->size)
        return fault_set(fault, STATUS_INVALID, "from", "the copy ends before that");
    size_t most = q->bytes && q->bytes < COPY_PIECE ? q->bytes : COPY_PIECE;
    ssize_t n = pread(k->fd, c->piece, most, (off_t)q->from);
    if (n < 0)
        return fault_set(fault, STATUS_IO, NULL, "the copy cannot be read");
    k->read_through |= q->from + (uint64_t)n == k->size;
    a->from = q->from;
    a->size = k->size;
    a->sequence = k->sequence;
    a->sum = k->sum;
    a->hash = k->hash;
    a->data = slice_make(c->piece, (size_t)n);
    return STATUS_OK;
}

uint64_t ship_copies_oldest(const struct ship_copies *c, struct slice name)
{
    uint64_t oldest = UINT64_MAX;
    for (int i = 0; i < COPIES; i++) {
        const struct copy *k = &c->copies[i];
        uint32_t state = atomic_load(&k->state);
        uint64_t at = state == COPY_READY    ? k->sequence
                      : state == COPY_MAKING ? k->since
                                             : UINT64_MAX;
        if (at < oldest && slice_equal(slice_str(k->name), name))
            oldest = at;
    }
    return oldest;
}

void ship_copies_tidy(struct ship_copies *c)
{
    int64_t now = clock_mono_ms();
    for (int i = 0; i < COPIES; i++) {
        struct copy *k = &c->copies[i];
        uint32_t state = atomic_load(&k->state);
        if (state != COPY_FREE && state != COPY_MAKING &&
            now - k->used_ms > (k->read_through ? SHARE_MS : COPY_IDLE_MS))
            let_go(k);
    }
}
