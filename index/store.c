#include "index/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xxhash.h>

#include "index/map_ahead.h"
#include "protocol/wire.h"

enum { CHECKSUM_LEN = 8, STORE_MODE = 0640, FULL_BYTES = 1 << 20 };
enum { READER_BYTES = 64, LOCK_HEAD = 4096 }; /* of LMDB's lock file */

struct store {
    MDB_env *env;
    MDB_dbi tables[STORE_TABLES];
    bool read_only;
    struct map_ahead ahead;
};

struct store_txn {
    struct store *store;
    MDB_txn *txn;
    bool write;
};

struct store_cursor {
    MDB_cursor *cursor;
};

static const char *const table_names[STORE_TABLES] = {"meta", "segments", "columns",  "facets",
                                                      "live", "expiry",   "settings", "rows"};

/* LMDB reports a full disk as EIO: it saw a short write. Ask the file system which one it was. */
static enum status io_or_full(struct store *s)
{
    int fd;
    struct statvfs v;
    if (s && s->env && mdb_env_get_fd(s->env, &fd) == 0 && fstatvfs(fd, &v) == 0 &&
        (uint64_t)v.f_bavail * v.f_frsize < FULL_BYTES)
        return STATUS_NO_SPACE;
    return STATUS_IO;
}

static enum status store_status(struct store *s, int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return STATUS_OK;
    case MDB_NOTFOUND:
        return STATUS_NOT_FOUND;
    case MDB_KEYEXIST:
        return STATUS_EXISTS;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
        return STATUS_NO_SPACE;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_PANIC:
        return STATUS_CORRUPT;
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
        return STATUS_OLD_FORMAT;
    case MDB_READERS_FULL:
        return STATUS_OVERLOADED;
    case MDB_TXN_FULL:
    case MDB_BAD_VALSIZE:
        return STATUS_TOO_LARGE;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return status_from_errno(rc);
    case ENOENT:
        return STATUS_NOT_FOUND;
    case EACCES:
    case EROFS:
        return STATUS_READ_ONLY;
    case EIO:
        return io_or_full(s);
    default:
        return rc > 0 ? STATUS_IO : STATUS_INTERNAL;
    }
}

static enum status open_tables(struct store *s, bool create)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, create ? 0 : MDB_RDONLY, &txn);
    if (rc)
        return store_status(s, rc);
    for (int i = 0; i < STORE_TABLES; i++) {
        rc = mdb_dbi_open(txn, table_names[i], create ? MDB_CREATE : 0, &s->tables[i]);
        if (rc) {
            mdb_txn_abort(txn);
            return rc == MDB_NOTFOUND ? STATUS_NOT_FOUND : store_status(s, rc);
        }
    }
    /* A read transaction must commit too, or the handles end with it. */
    return store_status(s, mdb_txn_commit(txn));
}

/*
 * LMDB maps its lock file sparse and touches it later, which kills the process on a full disk
 * (SIGBUS). So its room is taken first. The environment is not open here yet: closing any
 * descriptor of the file would drop LMDB's locks on it.
 */
static enum status reserve_lock_file(const char *dir, uint32_t max_readers)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/lock.mdb", dir);
    int fd = n > 0 && (size_t)n < sizeof path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, STORE_MODE)
                                              : -1;
    if (fd < 0)
        return status_from_errno(errno);
    int rc = posix_fallocate(fd, 0, (off_t)max_readers * READER_BYTES + LOCK_HEAD);
    close(fd);
    return rc == ENOSPC ? STATUS_NO_SPACE : STATUS_OK;
}

static bool file_of(struct store *s, int *fd, size_t *len)
{
    struct stat file;
    bool good = !mdb_env_get_fd(s->env, fd) && !fstat(*fd, &file);
    *len = good ? (size_t)file.st_size : 0;
    return *len > 0;
}

/* Are all pages there that the last commit tells of? Whoever touches one that is not, ends. */
static enum status not_cut_off(struct store *s)
{
    uint64_t end, map;
    size_t len;
    int fd;
    enum status st = store_extent(s, &end, &map);
    return st ? st : !file_of(s, &fd, &len) || len < end ? STATUS_CORRUPT : STATUS_OK;
}

enum status store_open(const char *dir, const struct store_options *o, struct store **out)
{
    *out = NULL;
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return STATUS_NO_MEMORY;
    s->read_only = o->read_only;
    if (!o->read_only) {
        enum status room = reserve_lock_file(dir, o->max_readers);
        if (room) {
            free(s);
            return room;
        }
    }
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (o->read_only ? MDB_RDONLY : 0);
    int rc = mdb_env_create(&s->env);
    if (!rc)
        rc = mdb_env_set_mapsize(s->env, o->map_bytes);
    if (!rc)
        rc = mdb_env_set_maxreaders(s->env, o->max_readers);
    if (!rc)
        rc = mdb_env_set_maxdbs(s->env, 16);
    if (!rc)
        rc = mdb_env_open(s->env, dir, flags, STORE_MODE);
    enum status st = store_status(s, rc);
    if (!st && !o->create)
        st = not_cut_off(s);
    if (!st)
        st = store_reap_readers(s);
    if (!st)
        st = open_tables(s, o->create);
    if (st)
        store_close(&s);
    *out = s;
    return st;
}

void store_close(struct store **s)
{
    if (*s && (*s)->env)
        mdb_env_close((*s)->env);
    free(*s);
    *s = NULL;
}

enum status store_extent(struct store *s, uint64_t *end, uint64_t *map)
{
    MDB_envinfo info;
    MDB_stat stat;
    int rc = mdb_env_info(s->env, &info);
    if (!rc)
        rc = mdb_env_stat(s->env, &stat);
    *end = rc ? 0 : (info.me_last_pgno + 1) * (uint64_t)stat.ms_psize;
    *map = rc ? 0 : info.me_mapsize;
    return store_status(s, rc);
}

enum status store_copy(struct store *s, const char *dir)
{
    return store_status(s, mdb_env_copy2(s->env, dir, MDB_CP_COMPACT));
}

uint32_t store_in_memory(struct store *s)
{
    enum { WINDOW = 4096 };
    unsigned char there[WINDOW];
    size_t len, page = (size_t)sysconf(_SC_PAGESIZE), found = 0;
    int fd;
    if (!file_of(s, &fd, &len))
        return 0;
    char *map = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0); /* LMDB does not tell where its is */
    if (map == MAP_FAILED)
        return 0;
    size_t pages = (len + page - 1) / page;
    for (size_t at = 0; at < pages; at += WINDOW) {
        size_t n = pages - at < WINDOW ? pages - at : WINDOW;
        if (mincore(map + at * page, n * page, there))
            break;
        for (size_t i = 0; i < n; i++)
            found += there[i] & 1;
    }
    munmap(map, len);
    return pages ? (uint32_t)(found * 100 / pages) : 0;
}

void store_warm(struct store *s)
{
    enum { STEP = 128 << 10 }; /* what every kernel reads ahead at once; more may be left out */
    size_t len;
    int fd;
    if (!file_of(s, &fd, &len))
        return;
    for (size_t at = 0; at < len; at += STEP)
        posix_fadvise(fd, (off_t)at, STEP, POSIX_FADV_WILLNEED);
}

bool store_map_ahead(struct store *s, size_t most)
{
    uint64_t end, map;
    size_t len;
    int fd;
    if (!s->read_only || store_extent(s, &end, &map) || end <= s->ahead.done ||
        !file_of(s, &fd, &len))
        return false;
    if (!s->ahead.done)
        s->ahead = map_ahead_of(fd);
    return map_ahead_to(&s->ahead, end < len ? end : len, most);
}

enum status store_reap_readers(struct store *s)
{
    int dead;
    return store_status(s, mdb_reader_check(s->env, &dead));
}

enum status store_begin(struct store *s, bool write, struct store_txn **out)
{
    *out = NULL;
    if (write && s->read_only)
        return STATUS_READ_ONLY;
    struct store_txn *t = calloc(1, sizeof *t);
    if (!t)
        return STATUS_NO_MEMORY;
    t->store = s;
    t->write = write;
    int rc = mdb_txn_begin(s->env, NULL, write ? 0 : MDB_RDONLY, &t->txn);
    if (rc) {
        free(t);
        return store_status(s, rc);
    }
    *out = t;
    return STATUS_OK;
}

void store_reset(struct store_txn *t)
{
    mdb_txn_reset(t->txn);
}

enum status store_renew(struct store_txn *t)
{
    return store_status(t->store, mdb_txn_renew(t->txn));
}

uint64_t store_txn_number(const struct store_txn *t)
{
    return mdb_txn_id(t->txn);
}

enum status store_commit(struct store_txn **t)
{
    int rc = mdb_txn_commit((*t)->txn);
    enum status st = store_status((*t)->store, rc);
    free(*t);
    *t = NULL;
    return st;
}

void store_abort(struct store_txn **t)
{
    if (*t)
        mdb_txn_abort((*t)->txn);
    free(*t);
    *t = NULL;
}

static MDB_val val_of(struct slice s)
{
    return (MDB_val){s.len, (void *)s.ptr};
}

static uint64_t checksum(struct slice key, struct slice value)
{
    return XXH3_64bits_withSeed(value.ptr, value.len, XXH3_64bits(key.ptr, key.len));
}

enum status store_unwrap(struct slice key, struct slice wrapped, struct slice *value)
{
    if (wrapped.len < CHECKSUM_LEN)
        return STATUS_CORRUPT;
    struct slice v = {wrapped.ptr + CHECKSUM_LEN, wrapped.len - CHECKSUM_LEN};
    if (wire_load64(wrapped.ptr) != checksum(key, v))
        return STATUS_CORRUPT;
    *value = v;
    return STATUS_OK;
}

enum status store_get_raw(struct store_txn *t, enum store_table table, struct slice key,
                          struct slice *value)
{
    MDB_val k = val_of(key), v;
    int rc = mdb_get(t->txn, t->store->tables[table], &k, &v);
    if (rc)
        return store_status(t->store, rc);
    *value = slice_make(v.mv_data, v.mv_size);
    return STATUS_OK;
}

enum status store_get(struct store_txn *t, enum store_table table, struct slice key,
                      struct slice *value)
{
    struct slice raw = SLICE_NULL;
    enum status st = store_get_raw(t, table, key, &raw);
    return st ? st : store_unwrap(key, raw, value);
}

enum status store_put_raw(struct store_txn *t, enum store_table table, struct slice key,
                          struct slice value)
{
    MDB_val k = val_of(key), v = val_of(value);
    return store_status(t->store, mdb_put(t->txn, t->store->tables[table], &k, &v, 0));
}

enum status store_put(struct store_txn *t, enum store_table table, struct slice key,
                      struct slice value)
{
    MDB_val k = val_of(key), v = {value.len + CHECKSUM_LEN, NULL};
    int rc = mdb_put(t->txn, t->store->tables[table], &k, &v, MDB_RESERVE);
    if (rc)
        return store_status(t->store, rc);
    wire_store64(v.mv_data, checksum(key, value));
    if (value.len)
        memcpy((char *)v.mv_data + CHECKSUM_LEN, value.ptr, value.len);
    return STATUS_OK;
}

enum status store_delete(struct store_txn *t, enum store_table table, struct slice key)
{
    MDB_val k = val_of(key);
    return store_status(t->store, mdb_del(t->txn, t->store->tables[table], &k, NULL));
}

enum status store_cursor_open(struct store_txn *t, enum store_table table,
                              struct store_cursor **out)
{
    *out = NULL;
    struct store_cursor *c = calloc(1, sizeof *c);
    if (!c)
        return STATUS_NO_MEMORY;
    int rc = mdb_cursor_open(t->txn, t->store->tables[table], &c->cursor);
    if (rc) {
        free(c);
        return store_status(t->store, rc);
    }
    *out = c;
    return STATUS_OK;
}

void store_cursor_close(struct store_cursor **c)
{
    if (*c)
        mdb_cursor_close((*c)->cursor);
    free(*c);
    *c = NULL;
}

static enum status cursor_move(struct store_cursor *c, struct slice key, MDB_cursor_op op,
                               struct slice *found, struct slice *value)
{
    MDB_val k = val_of(key), v = {0, NULL};
    int rc = mdb_cursor_get(c->cursor, &k, &v, op);
    if (rc)
        return rc == MDB_NOTFOUND ? STATUS_END : store_status(NULL, rc);
    *found = slice_make(k.mv_data, k.mv_size);
    *value = slice_make(v.mv_data, v.mv_size);
    return STATUS_OK;
}

enum status store_seek(struct store_cursor *c, struct slice key, struct slice *found,
                       struct slice *value)
{
    return cursor_move(c, key, key.len ? MDB_SET_RANGE : MDB_FIRST, found, value);
}

enum status store_next(struct store_cursor *c, struct slice *found, struct slice *value)
{
    return cursor_move(c, SLICE_NULL, MDB_NEXT, found, value);
}

enum status store_cursor_delete(struct store_cursor *c)
{
    return store_status(NULL, mdb_cursor_del(c->cursor, 0));
}

/* mdb_reader_list() prints a table; the third column of a row is the transaction it holds. */
struct reader_scan {
    uint64_t count, oldest;
};

static int scan_reader(const char *line, void *ctx)
{
    struct reader_scan *r = ctx;
    unsigned long long thread, txn;
    int pid;
    if (sscanf(line, "%d %llx %llu", &pid, &thread, &txn) == 3) {
        r->count++;
        if (txn < r->oldest)
            r->oldest = txn;
    }
    return 0;
}

static enum status count_free_pages(struct store_txn *t, uint64_t *out)
{
    MDB_cursor *c;
    int rc = mdb_cursor_open(t->txn, 0, &c);
    if (rc)
        return store_status(t->store, rc);
    MDB_val k, v;
    while ((rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
        size_t n;
        if (v.mv_size >= sizeof n) {
            memcpy(&n, v.mv_data, sizeof n);
            *out += n;
        }
    }
    mdb_cursor_close(c);
    return rc == MDB_NOTFOUND ? STATUS_OK : store_status(t->store, rc);
}

enum status store_usage(struct store *s, struct store_txn *t, struct store_usage *out)
{
    MDB_envinfo info;
    MDB_stat stat;
    *out = (struct store_usage){0};
    int rc = mdb_env_info(s->env, &info);
    if (!rc)
        rc = mdb_env_stat(s->env, &stat);
    if (rc)
        return store_status(s, rc);
    struct reader_scan r = {.oldest = UINT64_MAX};
    mdb_reader_list(s->env, scan_reader, &r);
    out->map_bytes = info.me_mapsize;
    out->page_bytes = stat.ms_psize;
    out->used_bytes = (info.me_last_pgno + 1) * (uint64_t)stat.ms_psize;
    out->reader_count = r.count;
    out->oldest_reader_lag = r.oldest < info.me_last_txnid ? info.me_last_txnid - r.oldest : 0;
    return count_free_pages(t, &out->free_pages);
}
