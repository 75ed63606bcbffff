#include "server/catalogs.h"
#include "server/map_fault.h"
#include "server/say.h"
#include "server/suggestions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- paths --------------------------------------------------------------------------------------
 */

bool catalog_name_valid(struct slice name)
{
    if (!name.len || name.len > SHARED_NAME || name.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return true;
}

static bool fits(int n, size_t cap)
{
    return n > 0 && (size_t)n < cap;
}

bool catalog_path(char *out, size_t cap, const char *dir, struct slice name)
{
    return fits(snprintf(out, cap, "%s/catalogs/%.*s", dir, (int)name.len, name.ptr), cap);
}

bool catalog_log_path(char *out, size_t cap, const char *dir, struct slice name)
{
    return fits(snprintf(out, cap, "%s/catalogs/%.*s/log", dir, (int)name.len, name.ptr), cap);
}

bool catalog_edition_path(char *out, size_t cap, const char *dir, struct slice name,
                          uint64_t edition)
{
    return fits(snprintf(out, cap, "%s/catalogs/%.*s/e-%06llu", dir, (int)name.len, name.ptr,
                         (unsigned long long)edition),
                cap);
}

enum status catalog_current_read(const char *dir, struct slice name, uint64_t *edition)
{
    char path[PATH_MAX], text[32] = "";
    if (!catalog_name_valid(name) ||
        !fits(snprintf(path, sizeof path, "%s/catalogs/%.*s/CURRENT", dir, (int)name.len, name.ptr),
              sizeof path))
        return STATUS_NOT_FOUND;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? STATUS_NOT_FOUND : status_from_errno(errno);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    unsigned long long number;
    if (n < 3 || sscanf(text, "e-%llu", &number) != 1 || !number)
        return STATUS_CORRUPT;
    *edition = number;
    return STATUS_OK;
}

static enum status sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    enum status s = fsync(fd) ? status_from_errno(errno) : STATUS_OK;
    close(fd);
    return s;
}

enum status catalog_current_write(const char *dir, struct slice name, uint64_t edition)
{
    char home[PATH_MAX], path[PATH_MAX + 16], beside[PATH_MAX + 16], text[32];
    if (!catalog_path(home, sizeof home, dir, name))
        return STATUS_TOO_LARGE;
    snprintf(path, sizeof path, "%s/CURRENT", home);
    snprintf(beside, sizeof beside, "%s/CURRENT.new", home);
    int len = snprintf(text, sizeof text, "e-%06llu\n", (unsigned long long)edition);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return status_from_errno(errno);
    bool ok = write(fd, text, (size_t)len) == len && fsync(fd) == 0;
    int err = errno;
    close(fd);
    if (!ok)
        return status_from_errno(err);
    if (rename(beside, path))
        return status_from_errno(errno);
    return sync_dir(home);
}

enum status catalogs_list(const char *dir, void (*each)(void *ctx, struct slice name), void *ctx)
{
    char path[PATH_MAX];
    if (!fits(snprintf(path, sizeof path, "%s/catalogs", dir), sizeof path))
        return STATUS_TOO_LARGE;
    DIR *d = opendir(path);
    if (!d)
        return errno == ENOENT ? STATUS_OK : status_from_errno(errno);
    struct dirent *e;
    while ((e = readdir(d))) {
        uint64_t edition;
        if (catalog_current_read(dir, slice_str(e->d_name), &edition) == STATUS_OK)
            each(ctx, slice_str(e->d_name));
    }
    closedir(d);
    return STATUS_OK;
}

/* --- catalogs open in a front -------------------------------------------------------------------
 */

enum { AHEAD_STEP = 1 << 20, AHEAD_AT_ONCE = 32 << 20 };
enum { OPEN_TRIES = 100, OPEN_PAUSES = 50, OPEN_PAUSE_US = 200, TELL_MS = 10000 };

struct catalogs {
    const char *dir;
    struct shared *shared;
    int shared_fd;
    uint64_t map_bytes, epoch;
    int64_t tell_ms; /* that one cannot be opened is told again */
    struct catalog *open[SHARED_CATALOGS];
    uint32_t count;
};

enum status catalogs_create(const char *data_dir, struct shared *shared, int shared_fd,
                            uint64_t map_bytes, struct catalogs **out)
{
    struct catalogs *c = calloc(1, sizeof *c);
    if (!c)
        return STATUS_NO_MEMORY;
    c->dir = data_dir;
    c->shared = shared;
    c->shared_fd = shared_fd;
    c->map_bytes = map_bytes;
    *out = c;
    return STATUS_OK;
}

static void catalog_close(struct catalog **c)
{
    suggestions_destroy(&(*c)->suggestions);
    snapshot_destroy(&(*c)->snapshot);
    index_close(&(*c)->index);
    shared_pages_unmap(&(*c)->pages);
    expired_fini(&(*c)->expired);
    free(*c);
    *c = NULL;
}

void catalogs_destroy(struct catalogs **c)
{
    if (!*c)
        return;
    for (uint32_t i = 0; i < (*c)->count; i++)
        catalog_close(&(*c)->open[i]);
    free(*c);
    *c = NULL;
}

/* Looks for the writer's row; hits are counted from then on. */
static void bind_row(struct catalogs *c, struct catalog *n)
{
    struct shared_catalog *row = shared_catalog_find(c->shared, slice_str(n->name));
    if (row != n->row)
        shared_pages_unmap(&n->pages);
    n->row = row;
    if (row && !n->pages.hits)
        shared_pages_map(c->shared_fd, c->shared, row, n->edition, &n->pages);
}

/* Closes what is no longer current. A catalog without a row stays: the writer may just be away. */
static void look_again(struct catalogs *c)
{
    uint64_t epoch = atomic_load(&c->shared->catalog_epoch);
    if (epoch == c->epoch)
        return;
    c->epoch = epoch;
    for (uint32_t i = 0; i < c->count;) {
        uint64_t edition = 0;
        struct slice name = slice_str(c->open[i]->name);
        if (catalog_current_read(c->dir, name, &edition) == STATUS_OK &&
            edition == c->open[i]->edition && !map_fault_lost(c->shared, name, edition, NULL)) {
            bind_row(c, c->open[i++]);
            continue;
        }
        catalog_close(&c->open[i]);
        c->open[i] = c->open[--c->count];
    }
}

static enum status open_edition(struct catalogs *c, struct slice name, uint64_t edition,
                                struct catalog **out, struct fault *fault)
{
    char path[PATH_MAX];
    enum status s = map_fault_lost(c->shared, name, edition, fault);
    if (s)
        return s;
    if (c->count == SHARED_CATALOGS ||
        !catalog_edition_path(path, sizeof path, c->dir, name, edition))
        return fault_set(fault, STATUS_TOO_LARGE, NULL, "too many catalogs are open");
    struct catalog *n = calloc(1, sizeof *n);
    if (!n)
        return STATUS_NO_MEMORY;
    memcpy(n->name, name.ptr, name.len);
    n->edition = edition;
    bind_row(c, n);
    struct index_options o = {.map_bytes = c->map_bytes, .read_only = true};
    bool stale;
    if ((s = index_open(path, &o, &n->index, &stale, fault)) ||
        (s = snapshot_create(n->index, &n->snapshot))) {
        catalog_close(&n);
        return s;
    }
    index_map_ahead(n->index, AHEAD_AT_ONCE);
    c->open[c->count++] = n;
    *out = n;
    return STATUS_OK;
}

/* Is it about to be there again? Where the file system cannot exchange two directories there is
 * nothing below the name for a moment; the writer's row stays. */
static bool between_renames(struct catalogs *c, struct slice name, int tries)
{
    const struct timespec pause = {0, OPEN_PAUSE_US * 1000L};
    if (tries >= OPEN_PAUSES || !shared_catalog_find(c->shared, name))
        return false;
    nanosleep(&pause, NULL);
    return true;
}

/* What the system refuses this process concerns every search in the catalog. */
static void tell_shortage(struct catalogs *c, struct slice name, enum status s,
                          const struct fault *fault)
{
    int64_t now = clock_mono_ms();
    if ((s != STATUS_NO_MEMORY && s != STATUS_NO_DESCRIPTORS) || now < c->tell_ms)
        return;
    c->tell_ms = now + TELL_MS;
    say("error", "front", NULL, "catalog %.*s cannot be opened here, other processes may: %s",
        (int)name.len, name.ptr, fault->text[0] ? fault->text : status_text(s));
}

/* What CURRENT named may be another edition by the time that it is opened, with all that stood
 * below the name (a copy from the leader was taken over): then that one is opened. */
static enum status catalog_open(struct catalogs *c, struct slice name, struct catalog **out,
                                struct fault *fault)
{
    uint64_t edition = 0, failed = 0;
    for (int tries = 0;; tries++) {
        struct fault now = {0};
        enum status s = catalog_current_read(c->dir, name, &edition);
        if (s == STATUS_NOT_FOUND && between_renames(c, name, tries))
            continue;
        if (s == STATUS_NOT_FOUND)
            return fault_set(fault, STATUS_UNKNOWN_CATALOG, NULL, "no catalog is named %.*s",
                             (int)(name.len < 64 ? name.len : 64), name.ptr);
        if (s) {
            fault_set(&now, s, NULL, "CURRENT of the catalog cannot be read: %s", status_text(s));
            tell_shortage(c, name, s, &now);
            return fault_set(fault, s, NULL, "%s", now.text);
        }
        s = open_edition(c, name, edition, out, &now);
        if (s && edition != failed && tries < OPEN_TRIES) {
            failed = edition;
            continue;
        }
        if (s && fault)
            *fault = now;
        tell_shortage(c, name, s, &now);
        return s;
    }
}

enum status catalogs_get(struct catalogs *c, struct slice name, struct catalog **out,
                         struct fault *fault)
{
    look_again(c);
    for (uint32_t i = 0; i < c->count; i++)
        if (slice_equal(slice_str(c->open[i]->name), name)) {
            *out = c->open[i];
            return STATUS_OK;
        }
    if (!catalog_name_valid(name))
        return fault_set(fault, STATUS_UNKNOWN_CATALOG, NULL,
                         "a catalog's name is 1 to 64 letters, digits, _ and -");
    return catalog_open(c, name, out, fault);
}

bool catalogs_map_ahead(struct catalogs *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (index_map_ahead(c->open[i]->index, AHEAD_STEP))
            return true;
    return false;
}
