/*
 * index - one edition of a catalog as a library without sockets: open it, apply changes, take
 * snapshots.
 *
 * A process opens an edition once (LMDB's rule); any number of snapshots, one batch at a time.
 * The caller brings sequences and time; the library keeps no clock, no log, no threads of its own.
 */
#ifndef SOUK_INDEX_INDEX_H
#define SOUK_INDEX_INDEX_H

#include "index/schema.h"
#include "protocol/document.h"

struct index;
struct batch;

struct index_options {
    uint64_t map_bytes;   /* 0 = 64 GiB, sparse */
    bool read_only;       /* fronts; writes fail with READ_ONLY */
    uint32_t max_readers; /* 0 = 4096 */
};

/* Makes an empty edition in the (created) directory. EXISTS when there is one. */
enum status index_create(const char *dir, const struct schema *schema,
                         const struct index_options *o, struct fault *fault);
/* Opens it. OLD_FORMAT (serves, but rebuild: analyser or ICU differ) is reported in *stale, not as
 * failure. */
enum status index_open(const char *dir, const struct index_options *o, struct index **out,
                       bool *stale, struct fault *fault);
void index_close(struct index **ix);
const struct schema *index_schema(const struct index *ix);

/* --- changes: one write transaction; nothing is visible before commit. ----------------------- */

enum status batch_begin(struct index *ix, struct batch **out);

struct change {
    uint64_t version;               /* source version; 0 = none */
    int64_t validated_ms;           /* wall time of acceptance or upstream validation */
    int64_t ttl_ms, swr_ms, sie_ms; /* -1 = catalog default; ttl 0 = never expires */
    uint32_t origin;                /* 0 = pushed, else provider number */
};

/* document: canonical (field ids). Upsert replaces the whole product. A document equal in all text
 * fields to the stored one keeps its docid (columns only). */
enum status batch_upsert(struct batch *b, struct slice document, const struct change *c);
/* Partial: listed fields replace (NULL removes). Column-only changes touch no text. Windows of -1
 * stay as they were. NOT_FOUND. */
enum status batch_patch(struct batch *b, struct slice document, const struct change *c);
/* Renews the freshness only; windows of -1 stay as they were. NOT_FOUND. */
enum status batch_validate(struct batch *b, struct slice id, const struct change *c);
enum status batch_delete(struct batch *b, struct slice id);
enum status batch_setting(struct batch *b, struct slice kind, struct slice name,
                          struct slice value); /* empty = remove */
/* Compatible changes only: fields may be appended (without words to search), weights, defaults and
 * languages may change; anything else is SCHEMA_MISMATCH and needs a rebuild. The only change of
 * its batch: INVALID with products in it, and products after it are INVALID. */
enum status batch_alter(struct batch *b, const struct schema *schema);
/* Bookkeeping rows of the caller in the same transaction (idempotency, provider cursors). */
enum status batch_row_put(struct batch *b, struct slice key, struct slice value);
enum status batch_row_delete(struct batch *b, struct slice key);
/* The first row of the committed state (not of this batch) whose key is not below `from`; END
 * behind the last. Borrowed until the batch ends. */
enum status batch_row_seek(struct batch *b, struct slice from, struct slice *key,
                           struct slice *value);
enum status index_row_get(struct index *ix, struct slice key, struct buf *value);

/* Calls back for each product whose new text gives it a new docid; before the commit. */
void batch_on_move(struct batch *b, void (*moved)(void *ctx, uint32_t from, uint32_t to),
                   void *ctx);

/* What this batch changes no user can see: the commit keeps the visible generation. */
void batch_unseen(struct batch *b);

/* Docs and bytes collected so far; the caller commits when large. */
uint32_t batch_doc_count(const struct batch *b);
uint64_t batch_bytes(const struct batch *b);
/* Writes the new segment, small merges, columns, `sequence`, and commits durably. On any error the
 * batch is aborted; IO and NO_SPACE errors are final for the caller to judge. Consumes the batch.
 */
enum status batch_commit(struct batch **b, uint64_t sequence);
void batch_abort(struct batch **b);

/* What the writer decides with before logging: current version of a product in the committed state.
 */
struct product_state {
    bool exists;
    uint64_t version;
    int64_t validated_ms;
    uint64_t sequence; /* 0 unless known */
};

/* --- maintenance ----------------------------------------------------------------------------- */

/* One merge, if any is due, from choosing to switching: *worked tells. One of more than max_bytes
 * (0 = no limit) is left undone. */
enum status index_merge_step(struct index *ix, uint64_t max_bytes, bool *worked);
/* The same in three steps, so that building does not hold up batches. begin and write belong to the
 * thread of the batches and are not called while one is open; run may be in another. One task at a
 * time. */
struct merge_task;
/* *out NULL: nothing is due. `idle` also takes what only quiet times can afford. */
enum status index_merge_begin(struct index *ix, bool idle, struct merge_task **out);
enum status merge_task_run(struct merge_task *t);
uint64_t merge_task_bytes(const struct merge_task *t);
/* Writes up to max_bytes (0 = a default) and commits; after the last *done is true and the merged
 * segment stands in the list. May be called again after NO_SPACE. */
enum status index_merge_write(struct index *ix, struct merge_task *t, uint64_t max_bytes,
                              bool *done);
/* Also of one that was given up. In the thread of the batches. */
void merge_task_destroy(struct merge_task **t);
/* Merge down to one segment per tier: what a bulk import calls at its end. */
enum status index_merge_all(struct index *ix);
/* Copies every live product into a fresh edition in `dir` (docids renumbered, new analyser state).
 * Any thread, at the same time as batches. SCHEMA_MISMATCH when a product does not fit `schema`;
 * CANCELLED once *stop (NULL = never) is true. */
enum status index_rebuild_into(struct index *ix, const char *dir, const struct schema *schema,
                               const _Atomic bool *stop, struct fault *fault);

/* Writes the edition as it is committed into the (created, empty) directory, without the pages that
 * are free; the copy is an edition of its own (snapshot_edition). Any thread, at the same time as
 * batches. */
enum status index_copy_into(struct index *ix, const char *dir);
/* A copy is written past the page cache, so that searches would wait for each of its pages.
 * Percent of the file that is in memory; and: begin to read all of it. Any thread. */
uint32_t index_in_memory(struct index *ix);
void index_warm(struct index *ix);
/* A reader's page tables follow the file, so that searches take no page faults; at most so many
 * bytes of it, true when something is left. */
bool index_map_ahead(struct index *ix, size_t most);

/* Proves postings <-> products <-> columns <-> counters. CORRUPT with the first contradiction in
 * fault. */
enum status index_check(struct index *ix, struct fault *fault);

#endif
