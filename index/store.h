/*
 * store - the one file that meets LMDB: an environment, its tables, transactions and cursors.
 *
 * Used by the writer (one write transaction at a time, from one thread) and by snapshots (any
 * number of read transactions). LMDB's codes become ours here. The map is large and sparse and
 * never resized while open; sync is LMDB's default, never weakened.
 *
 * store_put() and store_get() wrap a value in its XXH3-64 over key and value, so that a page that
 * was misdirected or rotted reads as CORRUPT. The _raw pair leaves the bytes alone: segments check
 * their extents themselves, once per process. Values live until the transaction ends, and for a
 * writer until its next change.
 */
#ifndef SOUK_INDEX_STORE_H
#define SOUK_INDEX_STORE_H

#include "protocol/slice.h"
#include "protocol/status.h"

struct store;
struct store_txn;
struct store_cursor;

enum store_table {
    STORE_META,     /* "meta", "schema", "zdict" */
    STORE_SEGMENTS, /* number, area, extent -> bytes */
    STORE_COLUMNS,  /* column, chunk -> values */
    STORE_FACETS,   /* value dictionary */
    STORE_LIVE,     /* chunk -> bitmap */
    STORE_EXPIRY,   /* time, docid -> nothing */
    STORE_SETTINGS, /* kind NUL name -> bytes */
    STORE_ROWS,     /* bookkeeping of the caller */
    STORE_TABLES
};

struct store_options {
    uint64_t map_bytes;
    bool read_only;
    bool create; /* makes the file and the tables */
    uint32_t max_readers;
};

struct store_usage {
    uint64_t map_bytes, used_bytes, free_pages, page_bytes, reader_count, oldest_reader_lag;
};

/* `dir` exists. NOT_FOUND when it holds no environment and create is off. */
enum status store_open(const char *dir, const struct store_options *o, struct store **out);
void store_close(struct store **s);

/* Starts a transaction. OVERLOADED when every reader slot is taken. */
enum status store_begin(struct store *s, bool write, struct store_txn **out);
/* A read transaction laid down and taken up again without giving its slot back. */
void store_reset(struct store_txn *t);
enum status store_renew(struct store_txn *t);
/* Number of the commit a read transaction sees; for a writer the one it will make. */
uint64_t store_txn_number(const struct store_txn *t);
/* Both consume the transaction. IO and NO_SPACE: nothing of it is kept. */
enum status store_commit(struct store_txn **t);
void store_abort(struct store_txn **t);

enum status store_get(struct store_txn *t, enum store_table table, struct slice key,
                      struct slice *value);
enum status store_put(struct store_txn *t, enum store_table table, struct slice key,
                      struct slice value);
enum status store_get_raw(struct store_txn *t, enum store_table table, struct slice key,
                          struct slice *value);
enum status store_put_raw(struct store_txn *t, enum store_table table, struct slice key,
                          struct slice value);
/* NOT_FOUND when there is none. */
enum status store_delete(struct store_txn *t, enum store_table table, struct slice key);

/* A cursor ends before its transaction. seek: the first key >= `key`; END behind the last. */
enum status store_cursor_open(struct store_txn *t, enum store_table table,
                              struct store_cursor **out);
void store_cursor_close(struct store_cursor **c);
enum status store_seek(struct store_cursor *c, struct slice key, struct slice *found,
                       struct slice *value);
enum status store_next(struct store_cursor *c, struct slice *found, struct slice *value);
enum status store_cursor_delete(struct store_cursor *c);
/* Takes the checksum off a value a cursor gave; CORRUPT when it does not match. */
enum status store_unwrap(struct slice key, struct slice wrapped, struct slice *value);

/* End of the file and size of the map, in bytes: cheap, free pages count as used. */
enum status store_extent(struct store *s, uint64_t *end, uint64_t *map);
/* Writes the environment as one transaction sees it into another directory, without free pages. */
enum status store_copy(struct store *s, const char *dir);
/* Percent of the file that is in memory. */
uint32_t store_in_memory(struct store *s);
/* Has all of the file read into memory; begins it, and does not wait for the end. */
void store_warm(struct store *s);
/* A reader's page tables follow the file, at most so many bytes of it: see map_ahead.h. True when
 * something is left. Without a transaction, too. */
bool store_map_ahead(struct store *s, size_t most);
/* Clears reader slots of processes that died. */
enum status store_reap_readers(struct store *s);
enum status store_usage(struct store *s, struct store_txn *t, struct store_usage *out);

#endif
