/*
 * writer_catalog - a catalog as the writer holds it: index, log, tables of what is under way.
 *
 * Two threads: the loop decides and logs, the apply thread changes the index. Members say whose
 * they are; what both touch is atomic or handed over under the apply queue's lock.
 */
#ifndef SOUK_SERVER_WRITER_CATALOG_H
#define SOUK_SERVER_WRITER_CATALOG_H

#include "server/catalogs.h"
#include "server/census.h"
#include "server/decide.h"
#include "server/event_log.h"
#include "server/idempotency.h"
#include "server/safe_mode.h"
#include "server/lease.h"
#include "server/stream.h"

enum {
    MAP_MOST = 70
}; /* percent of the map in use from which only deletes are taken: merges need room, too */

struct writer_catalog {
    char name[SHARED_NAME + 1];
    const char *data_dir;
    struct shared *shared;
    struct shared_catalog *row;
    uint64_t map_bytes;
    /* the loop's */
    struct index *index;
    struct snapshot *snapshot;
    struct event_log *log;
    struct pending *pending;
    struct idempotency *keys;
    struct lease_table *leases; /* NULL until a fetcher brings the first lease */
    struct evict *evict;        /* shared with the apply thread, see evict.h */
    struct schema *next_schema; /* of an alteration under way: changes must fit it, too */
    uint64_t control_asked;     /* sequence of the last schema or edition change */
    uint64_t loop_edition;
    struct safe_guard safe;
    struct census census;
    uint64_t safe_settings; /* sequence of the settings they were read from, + 1 */
    uint64_t old_edition;   /* to be removed at remove_at, 0 = none */
    int64_t remove_at;
    /* the apply thread's */
    struct index *applying;
    struct snapshot *applied;
    uint64_t edition, skipped;
    struct rebuild_order *order; /* an edition that is to be begun, see edition.h */
    int64_t settle_ms; /* when to look for merges that only quiet times afford, 0 = need not */
    /* both */
    _Atomic uint64_t visible;
    _Atomic uint64_t log_keep;     /* `compacting` needs the log behind this sequence */
    _Atomic uint64_t window_ms;    /* idempotency keys are kept so long */
    _Atomic uint64_t queued_items; /* logged and not yet visible */
    _Atomic uint64_t waiting_items, waiting_bytes; /* those the apply thread has not begun with */
    _Atomic uint64_t items_per_s;                  /* how fast it was of late; 0 = not known */
    _Atomic uint32_t failed;                       /* enum status: the index takes no more */
    _Atomic uint32_t control_status; /* outcome of the last schema or edition change */
    _Atomic uint64_t control_ended;  /* its sequence, once it ended */
    _Atomic(struct index *) fresh;   /* a new edition the loop has not taken over yet */
    _Atomic bool compacting;         /* a smaller edition is being made */
    _Atomic bool map_full;           /* the index takes no more products, deletes still */
    _Atomic bool disk_low;           /* what is left of the disk is for deletes */
    _Atomic bool parted;  /* leader and followers may not have the same: see writer_part() */
    bool compact_rebuild; /* the apply thread's: the compaction due gives back docids, too */
    bool unsynced, stale; /* the loop's; stale: made by another analyser or ICU */
    uint32_t safe_stored; /* the loop's: bits that are settings */
    /* the loop's, of replication (writer_follow.c) */
    struct stream stream;   /* with what is logged; none until somebody asks for the log */
    uint64_t hash_at, hash; /* log_record_hash() of the record that ends there */
    struct buf part;        /* of the record behind the last one: what has come of it */
    uint64_t part_sequence;
    bool left; /* it waits for a copy, and takes no records */
};

/* Makes the directories of a new catalog, whose first edition has this number. EXISTS. */
enum status writer_catalog_create(const char *data_dir, struct slice name,
                                  const struct schema *schema, uint64_t edition, uint64_t map_bytes,
                                  struct fault *fault);
/* Opens index and log; the caller replays what is behind *visible. A damaged log leaves the row in
 * WRITE_SAFE_MODE and `log` NULL: reads go on. */
enum status writer_catalog_open(struct writer_catalog **out, const char *data_dir,
                                struct shared *shared, struct slice name, uint64_t map_bytes,
                                struct fault *fault);
void writer_catalog_close(struct writer_catalog **c);
/* Takes the catalog's name off and removes its files. */
enum status writer_catalog_remove(const char *data_dir, struct slice name);
/* Now and then: removes what is left of catalogs whose removal was cut off or failed. */
void writer_catalogs_sweep(const char *data_dir);
/* While no edition is being made: removes what is left of those that were not switched to, or could
 * not be removed; with `previous` also the one before the current one, which fronts may still open.
 */
void writer_catalog_sweep(const struct writer_catalog *c, bool previous);
/* Puts what stands in `staged`, a directory beside the catalogs, in the place of the catalog's, at
 * once; what was there stands in `staged` then, if anything did. */
enum status writer_catalog_adopt(const char *data_dir, struct slice name, const char *staged);
/* Called in the loop when the apply thread made progress: new edition, tables. */
enum status writer_catalog_follow(struct writer_catalog *c);
/* Is a schema or edition change under way? */
bool writer_catalog_changes(const struct writer_catalog *c);
/* Removes the edition that was replaced, once fronts had their time; sees to the disk's reserve. */
void writer_catalog_tidy(struct writer_catalog *c, int64_t now_ms);
/* Looks how full the disk is. */
void writer_catalog_see_disk(struct writer_catalog *c);
/* The apply thread: the index found no room; gives up the reserve. */
bool writer_catalog_give_room(struct writer_catalog *c);
/* Removes a directory and all in it. */
void remove_tree(const char *path);

#endif
