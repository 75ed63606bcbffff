/*
 * evict - what a catalog gives up by itself: products past their limit, and surplus ones.
 *
 * The writer's loop asks here what to give up and logs it as deletes, so that an eviction is a
 * change like any other: decided before it is logged, in order with pushes, the same at every
 * replay. A product with a change under way is left alone. Eviction is bounded: a rate, two records
 * at a time not yet applied, and at most EVICT_MOST products in a record. What expired goes in few
 * large steps, for each one is a commit that every reader has to follow.
 *
 * Surplus: a catalog with max_products or max_bytes gives up by S3-FIFO (s3fifo.h) over the hits of
 * its readers. Both are counted exactly as changes are logged; a PUT that would take the catalog
 * over its limit carries the deletes it needs in its own record. Bytes are what the living products
 * weigh (index/weight.h), whatever the file has: how far it grows depends on merges, and the map
 * has marks of its own (MAP_MOST).
 *
 * Belongs to the loop of the writer.
 */
#ifndef SOUK_SERVER_EVICT_H
#define SOUK_SERVER_EVICT_H

#include "server/writer_catalog.h"

enum {
    EVICT_BATCH = 256,   /* surplus products in a record */
    EVICT_MOST = 8192,   /* expired ones */
    EVICT_PAUSE_MS = 150 /* at least, from one record of expired ones to the next */
};

/* Marks, in percent of max_bytes: down to BACKGROUND products go in records of their own, down to
 * FOREGROUND in the record of the PUT that would go over it; from REFUSE on upserts wait, and what
 * would reach into the RESERVE does. Deletes always pass. */
enum { EVICT_BACKGROUND = 80, EVICT_FOREGROUND = 85, EVICT_REFUSE = 92, EVICT_RESERVE = 95 };

struct evict_limits {
    uint64_t per_second; /* products */
    int64_t keep_ms;     /* expired products are kept (and never shown) this much longer */
};

struct evict;
enum status evict_create(struct evict **out);
void evict_destroy(struct evict **e);

/* Is one of the two records of deletes that may be under way free? */
bool evict_may_go_on(const struct writer_catalog *c);
/* Products that had their last moment: up to EVICT_MOST of them as deletes into `items`, noted as
 * pending under `sequence`. *count 0: nothing is due, or it is not time yet. The caller marks the
 * group of decisions, and takes it back when it cannot log it. */
enum status evict_expired(struct writer_catalog *c, const struct evict_limits *l, int64_t now_ms,
                          uint64_t sequence, struct buf *items, uint32_t *count);
/* How many of them were the server's own: they are not counted. */
uint32_t evict_own(const struct writer_catalog *c);
/* As many as the catalog has too many with the group of decisions at hand, at most `most`; of bytes
 * what is beyond `percent` of the limit. */
enum status evict_surplus(struct writer_catalog *c, uint64_t sequence, int percent, uint32_t most,
                          struct buf *items, uint32_t *count);
/* Does a PUT fit that makes products `more` bytes heavier, with what was given up for it? NO_SPACE
 * when it would reach into the reserve, TOO_LARGE when it would by itself. */
enum status evict_fits(const struct writer_catalog *c, int64_t more);
/* The group is taken back: those given up for it stay. */
void evict_undo(struct writer_catalog *c);
/* The group of decisions was logged, `items` changes up to the sequence: it counts. */
void evict_grown(struct writer_catalog *c, uint64_t sequence, uint64_t items);
/* A record of deletes of its own was logged. */
void evict_logged(struct writer_catalog *c, uint64_t sequence, uint32_t count);

/* After the apply thread made progress: new docids into the queues, counts brought in line. */
enum status evict_follow(struct writer_catalog *c);
/* May an upsert be taken? NO_SPACE near the limit in bytes. OVERLOADED while a full catalog has
 * more under way than the small queue holds: what is new could not be chosen yet, so that what is
 * read would have to go. */
enum status evict_admits(const struct writer_catalog *c);

/* The server ends: how often products were read is kept for its next start. */
void evict_save(struct writer_catalog *c);

/* The apply thread: a product's text changed and gave it a new docid; its hits go along. */
void evict_moved(void *catalog, uint32_t from, uint32_t to);
/* The apply thread, after the batch committed (or not). */
void evict_moves_end(struct writer_catalog *c, bool committed);

#endif
