#include "server/writer_catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/edition.h"
#include "server/map_fault.h"
#include "server/evict.h"
#include "server/reserve.h"
#include "server/role.h"
#include "server/say.h"

enum { PATH_ROOM = PATH_MAX + 64 };
/* What catalogs are renamed to before they are removed. */
static const char DROPPED[] = ".dropped-";

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st;
    (void)flag;
    (void)f;
    return remove(path) && errno != ENOENT;
}

void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static enum status make_dir(const char *path)
{
    return mkdir(path, 0750) && errno != EEXIST ? status_from_errno(errno) : STATUS_OK;
}

static enum status sync_catalogs(const char *data_dir)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/catalogs", data_dir);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    enum status st = fsync(fd) ? status_from_errno(errno) : STATUS_OK;
    close(fd);
    return st;
}

enum status writer_catalog_create(const char *data_dir, struct slice name,
                                  const struct schema *schema, uint64_t edition, uint64_t map_bytes,
                                  struct fault *fault)
{
    char all[PATH_ROOM], home[PATH_MAX], first[PATH_MAX], log[PATH_MAX];
    uint64_t number;
    if (!catalog_name_valid(name))
        return fault_set(fault, STATUS_INVALID, "name",
                         "a catalog's name is 1 to 64 letters, digits, _ and -");
    if (catalog_current_read(data_dir, name, &number) != STATUS_NOT_FOUND)
        return fault_set(fault, STATUS_EXISTS, "name", "a catalog of this name exists");
    snprintf(all, sizeof all, "%s/catalogs", data_dir);
    if (!catalog_path(home, sizeof home, data_dir, name) ||
        !catalog_log_path(log, sizeof log, data_dir, name) ||
        !catalog_edition_path(first, sizeof first, data_dir, name, edition))
        return fault_set(fault, STATUS_TOO_LARGE, "name", "the path is too long");
    remove_tree(home); /* what an interrupted creation left has no CURRENT */
    struct index_options o = {.map_bytes = map_bytes};
    enum status st = make_dir(all);
    st = st ? st : make_dir(home);
    st = st ? st : make_dir(log);
    st = st ? st : make_dir(first);
    st = st ? st : index_create(first, schema, &o, fault);
    st = st ? st : sync_catalogs(data_dir);
    st = st ? st : catalog_current_write(data_dir, name, edition);
    if (st && fault && !fault->text[0])
        fault_set(fault, st, NULL, "the catalog cannot be made: %s", status_text(st));
    return st;
}

/* Removes what of a directory begins with `prefix`, but for two names (or NULL); nothing when the
 * directory cannot be synced first, else a power cut could bring back half of what is removed. */
static void sweep(const char *dir, const char *prefix, const char *keep, const char *keep_too)
{
    char path[PATH_ROOM];
    bool synced = false;
    DIR *d = opendir(dir);
    if (!d)
        return;
    struct dirent *e;
    while ((e = readdir(d))) {
        if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 || (keep && !strcmp(e->d_name, keep)) ||
            (keep_too && !strcmp(e->d_name, keep_too)))
            continue;
        if (!synced && fsync(dirfd(d)))
            break;
        synced = true;
        int n = snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (n > 0 && (size_t)n < sizeof path)
            remove_tree(path);
    }
    closedir(d);
}

void writer_catalogs_sweep(const char *data_dir)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/catalogs", data_dir);
    sweep(path, DROPPED, NULL, NULL);
}

void writer_catalog_sweep(const struct writer_catalog *c, bool previous)
{
    char home[PATH_MAX], path[PATH_MAX], before[PATH_MAX];
    struct slice name = slice_str(c->name);
    if (catalog_path(home, sizeof home, c->data_dir, name) &&
        catalog_edition_path(path, sizeof path, c->data_dir, name, c->edition) &&
        catalog_edition_path(before, sizeof before, c->data_dir, name, c->edition - 1))
        sweep(home, "e-", strrchr(path, '/') + 1, previous ? NULL : strrchr(before, '/') + 1);
}

static enum status open_index(struct writer_catalog *c, struct fault *fault)
{
    char path[PATH_MAX];
    struct slice name = slice_str(c->name);
    struct index_options o = {.map_bytes = c->map_bytes};
    enum status st = catalog_current_read(c->data_dir, name, &c->edition);
    if (st || !catalog_edition_path(path, sizeof path, c->data_dir, name, c->edition))
        return st ? st : STATUS_TOO_LARGE;
    if ((st = map_fault_lost(c->shared, name, c->edition, fault)))
        return st;
    writer_catalog_sweep(c, true);
    st = index_open(path, &o, &c->index, &c->stale, fault);
    st = st ? st : snapshot_create(c->index, &c->snapshot);
    st = st ? st : snapshot_create(c->index, &c->applied);
    st = st ? st : snapshot_begin(c->snapshot);
    if (!st && (st = stream_read(c->index, &c->stream)) == STATUS_NOT_FOUND)
        st = STATUS_OK;
    bool parted = false;
    st = st ? st : stream_parted(c->index, &parted);
    c->parted = parted;
    if (st)
        return st;
    c->applying = c->index;
    c->loop_edition = c->edition;
    c->visible = snapshot_sequence(c->snapshot);
    c->map_full = snapshot_map_beyond(c->snapshot, MAP_MOST);
    c->row = shared_catalog_claim(c->shared, name);
    if (c->row) {
        c->row->generation = snapshot_generation(c->snapshot);
        c->row->products = snapshot_live_count(c->snapshot);
        c->row->edition = c->edition;
        c->row->visible = c->visible;
        c->row->queued = 0;
        c->row->write_state = WRITE_OPEN;
    }
    snapshot_end(c->snapshot);
    return c->row ? STATUS_OK : shared_catalogs_full(fault);
}

static void open_log(struct writer_catalog *c)
{
    char path[PATH_MAX];
    uint64_t cut = 0;
    struct fault fault = {0};
    const struct event_log_options options = {.room = reserve_room, .applied = c->visible};
    enum status st = STATUS_TOO_LARGE;
    if (catalog_log_path(path, sizeof path, c->data_dir, slice_str(c->name)))
        st = event_log_open(path, &options, &c->log, &cut, &fault);
    if (cut)
        say("warning", "writer", c->name,
            "%" PRIu64 " bytes behind the last whole record of the event log were cut off", cut);
    if (!st && event_log_last(c->log) < c->visible) {
        event_log_close(&c->log);
        st = fault_set(&fault, STATUS_CORRUPT, NULL, "the event log ends before the index");
    }
    if (st) {
        say("error", "writer", c->name, "it takes no changes: %s",
            fault.text[0] ? fault.text : status_text(st));
        c->failed = st;
        c->row->write_state = WRITE_SAFE_MODE;
        return;
    }
    c->row->logged = event_log_last(c->log);
    c->row->log_bytes = event_log_bytes(c->log);
}

enum status writer_catalog_open(struct writer_catalog **out, const char *data_dir,
                                struct shared *shared, struct slice name, uint64_t map_bytes,
                                struct fault *fault)
{
    struct writer_catalog *c = calloc(1, sizeof *c);
    *out = c;
    if (!c || name.len > SHARED_NAME)
        return STATUS_NO_MEMORY;
    memcpy(c->name, name.ptr, name.len);
    c->data_dir = data_dir;
    c->shared = shared;
    c->map_bytes = map_bytes;
    enum status st = pending_create(&c->pending);
    st = st ? st : idempotency_create(&c->keys);
    st = st ? st : evict_create(&c->evict);
    st = st ? st : open_index(c, fault);
    if (st)
        writer_catalog_close(out);
    else
        open_log(c);
    return st;
}

void writer_catalog_close(struct writer_catalog **cp)
{
    struct writer_catalog *c = *cp;
    if (!c)
        return;
    snapshot_destroy(&c->snapshot);
    snapshot_destroy(&c->applied);
    if (c->applying != c->index)
        index_close(&c->applying);
    index_close(&c->index);
    event_log_close(&c->log);
    pending_destroy(&c->pending);
    idempotency_destroy(&c->keys);
    evict_destroy(&c->evict);
    lease_destroy(&c->leases);
    buf_fini(&c->part);
    schema_destroy(&c->next_schema);
    rebuild_order_destroy(&c->order);
    free(c);
    *cp = NULL;
}

enum status writer_catalog_remove(const char *data_dir, struct slice name)
{
    char home[PATH_MAX], gone[PATH_ROOM];
    if (!catalog_path(home, sizeof home, data_dir, name))
        return STATUS_TOO_LARGE;
    snprintf(gone, sizeof gone, "%s/catalogs/%s%.*s", data_dir, DROPPED, (int)name.len, name.ptr);
    remove_tree(gone);
    if (rename(home, gone))
        return status_from_errno(errno);
    enum status st = sync_catalogs(data_dir);
    if (!st)
        remove_tree(gone); /* what cannot be removed now is swept away later */
    return st;
}

enum status writer_catalog_adopt(const char *data_dir, struct slice name, const char *staged)
{
    char home[PATH_MAX], gone[PATH_ROOM];
    if (!catalog_path(home, sizeof home, data_dir, name))
        return STATUS_TOO_LARGE;
    snprintf(gone, sizeof gone, "%s/catalogs/%s%.*s", data_dir, DROPPED, (int)name.len, name.ptr);
    remove_tree(gone);
    if (!renameat2(AT_FDCWD, staged, AT_FDCWD, home, RENAME_EXCHANGE))
        return sync_catalogs(data_dir);
    /* there was nothing, or the file system cannot exchange: it may end between the two, and then
     * the catalog is copied again */
    if (errno != ENOENT && rename(home, gone))
        return status_from_errno(errno);
    if (rename(staged, home)) {
        enum status lost = status_from_errno(errno);
        rename(gone, home); /* `staged` was taken away meanwhile */
        return lost;
    }
    enum status st = sync_catalogs(data_dir);
    remove_tree(gone);
    return st;
}

/* Fronts have left it, or open the current one when they find it gone. */
static void remove_old_edition(struct writer_catalog *c)
{
    char path[PATH_MAX];
    if (catalog_edition_path(path, sizeof path, c->data_dir, slice_str(c->name), c->old_edition))
        remove_tree(path);
    if (c->old_edition % 2 != c->row->edition % 2) /* its bytes are not in use again */
        shared_pages_wipe(ROLE_FD_SHARED, c->shared, c->row, c->old_edition);
    c->old_edition = 0;
}

static enum status take_edition(struct writer_catalog *c)
{
    struct index *fresh = atomic_exchange(&c->fresh, NULL);
    if (!fresh)
        return STATUS_OK;
    struct snapshot *s;
    enum status st = snapshot_create(fresh, &s);
    if (st) {
        c->failed = st;
        return st;
    }
    snapshot_destroy(&c->snapshot);
    index_close(&c->index);
    c->index = fresh;
    c->snapshot = s;
    c->loop_edition = c->row->edition;
    if (c->old_edition)
        remove_old_edition(c);
    c->old_edition = c->loop_edition - 1;
    c->remove_at = shared_now_ms(c->shared) + 10000;
    return STATUS_OK;
}

enum status writer_catalog_follow(struct writer_catalog *c)
{
    uint64_t visible = c->visible; /* before the edition: what is seen here is in `fresh` too */
    enum status st = take_edition(c);
    if (!st) {
        pending_forget(c->pending, visible);
        idempotency_forget(c->keys, visible);
    }
    if (c->next_schema && c->control_ended >= c->control_asked) {
        if (c->control_status && status_class(c->control_status) != STATUS_CLASS_CLIENT)
            c->parted = true;
        schema_destroy(&c->next_schema);
    }
    return st ? st : evict_follow(c);
}

bool writer_catalog_changes(const struct writer_catalog *c)
{
    return c->control_asked > c->control_ended;
}

void writer_catalog_see_disk(struct writer_catalog *c)
{
    char home[PATH_MAX];
    uint32_t open = WRITE_OPEN, full = WRITE_NO_SPACE;
    if (!catalog_path(home, sizeof home, c->data_dir, slice_str(c->name)))
        return;
    bool was = c->disk_low;
    c->disk_low = !reserve_room(home, 0);
    if (c->disk_low)
        atomic_compare_exchange_strong(&c->row->write_state, &open, WRITE_NO_SPACE);
    else if (was) /* where the index still has no room it says so again */
        atomic_compare_exchange_strong(&c->row->write_state, &full, WRITE_OPEN);
}

bool writer_catalog_give_room(struct writer_catalog *c)
{
    char home[PATH_MAX];
    return catalog_path(home, sizeof home, c->data_dir, slice_str(c->name)) &&
           reserve_give_up(home);
}

void writer_catalog_tidy(struct writer_catalog *c, int64_t now_ms)
{
    char path[PATH_MAX];
    if (c->row->write_state == WRITE_OPEN &&
        catalog_path(path, sizeof path, c->data_dir, slice_str(c->name)))
        reserve_make(path);
    if (c->old_edition && now_ms >= c->remove_at)
        remove_old_edition(c);
}
