/*
 * s3fifo - which of the docids of a full catalog goes next: small and main FIFO, and a ghost.
 *
 *   new ──> small (a tenth) ── hit twice ──> main (the rest) ──┐ hit: to its end, hits - 1
 *             │                                ^   │  └────────┘
 *             └─ else out, into the ghost      │   └─ not hit: out
 *   new, and in the ghost ─────────────────────┘
 *
 * A product that nobody reads leaves through the small queue, so a crawl or a re-ingest of many
 * passes by without touching what is read (S3-FIFO, SOSP 2023). Hits are counted elsewhere, one
 * byte per docid (shared_pages.h); this is only the order. Docids whose product is gone are dropped
 * as they come up. Pure: no clock, no locks; of one thread.
 */
#ifndef SOUK_SERVER_S3FIFO_H
#define SOUK_SERVER_S3FIFO_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/status.h"

enum { S3FIFO_PROMOTE = 2 }; /* hits that take a docid from small to main */

enum s3fifo_place { S3FIFO_NONE, S3FIFO_SMALL, S3FIFO_MAIN };

/* What the queues ask about docids. */
struct s3fifo_source {
    void *ctx;
    bool (*gone)(void *ctx, uint32_t docid); /* not a product any more */
    bool (*held)(void *ctx, uint32_t docid); /* may not go just now */
    uint8_t (*hits)(void *ctx, uint32_t docid);
    void (*set_hits)(void *ctx, uint32_t docid, uint8_t hits);
    uint64_t (*hash)(void *ctx, uint32_t docid); /* of its id, for the ghost */
};

struct s3fifo;
/* `capacity`: docids that are kept, at least 1; it sizes the queues' shares and the ghost. */
enum status s3fifo_create(uint64_t capacity, struct s3fifo **out);
void s3fifo_destroy(struct s3fifo **q);
/* Another capacity from now on. */
enum status s3fifo_resize(struct s3fifo *q, uint64_t capacity);

/* A new product: to main when the ghost knows its hash (*returned tells), else to small. */
enum status s3fifo_add(struct s3fifo *q, uint32_t docid, uint64_t hash, bool *returned);
/* At the end of a given queue: a product known from before, or one whose text gave it a new docid.
 */
enum status s3fifo_place(struct s3fifo *q, uint32_t docid, enum s3fifo_place place);
enum s3fifo_place s3fifo_where(const struct s3fifo *q, uint32_t docid);

/* Takes the next one out. NOT_FOUND when all that is left is held or gone. */
enum status s3fifo_evict(struct s3fifo *q, const struct s3fifo_source *s, uint32_t *docid);

#endif
