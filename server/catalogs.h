/*
 * catalogs - where catalogs rest in the data directory, and the ones a process has open.
 *
 *   DIR/catalogs/<name>/CURRENT          "e-000001\n", replaced by rename
 *   DIR/catalogs/<name>/e-000001/data.mdb
 *   DIR/catalogs/<name>/log/             the event log
 *
 * A name is 1 to 64 of a-z A-Z 0-9 _ - and does not begin with '-'. The first half is pure paths,
 * used by writer and fronts. The second half is for fronts: open read-only on first use, looked at
 * again when the writer's row in the shared pages says that the edition moved or the catalog went.
 */
#ifndef SOUK_SERVER_CATALOGS_H
#define SOUK_SERVER_CATALOGS_H

#include <limits.h>

#include "index/index.h"
#include "index/snapshot.h"
#include "server/expired.h"
#include "server/shared_pages.h"

bool catalog_name_valid(struct slice name);
/* DIR/catalogs/<name>, + "/log", + "/e-NNNNNN". False when the path is too long. */
bool catalog_path(char *out, size_t cap, const char *data_dir, struct slice name);
bool catalog_log_path(char *out, size_t cap, const char *data_dir, struct slice name);
bool catalog_edition_path(char *out, size_t cap, const char *data_dir, struct slice name,
                          uint64_t edition);
/* The edition CURRENT names. NOT_FOUND without one, CORRUPT when it holds something else. */
enum status catalog_current_read(const char *data_dir, struct slice name, uint64_t *edition);
/* Makes `edition` the current one: written beside, synced, renamed, directory synced. */
enum status catalog_current_write(const char *data_dir, struct slice name, uint64_t edition);
/* Calls back for every catalog that has a CURRENT, in no order. */
enum status catalogs_list(const char *data_dir, void (*each)(void *ctx, struct slice name),
                          void *ctx);

/* --- catalogs open in a front ------------------------------------------------------------------
 */

struct catalog { /* read by handlers */
    char name[SHARED_NAME + 1];
    struct index *index;
    struct snapshot *snapshot;
    uint64_t edition;
    struct shared_catalog *row; /* NULL while the writer has not published it */
    struct shared_pages pages;  /* hits and askings of this edition; empty without a row */
    struct expired expired;
    struct suggestions *suggestions; /* NULL until they are asked for */
};

struct catalogs;
/* `shared_fd` is the memory of `shared`. */
enum status catalogs_create(const char *data_dir, struct shared *shared, int shared_fd,
                            uint64_t map_bytes, struct catalogs **out);
void catalogs_destroy(struct catalogs **c);
/* The catalog, opened when it is not; borrowed until the next call. UNKNOWN_CATALOG. */
enum status catalogs_get(struct catalogs *c, struct slice name, struct catalog **out,
                         struct fault *fault);
/* For idle moments: a step of mapping what is open, some 100 us; true when there is more to do. */
bool catalogs_map_ahead(struct catalogs *c);

#endif
