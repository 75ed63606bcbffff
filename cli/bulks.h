/*
 * bulks - PUTs on their way: a window of bulks, each kept until the server has taken it.
 *
 * A bulk that failed for a passing reason (connection lost, overload, a restart) is sent again
 * with the same idempotency key, so it counts once. A server that is full holds all of them back
 * for as long as it says; they then leave in their order. A bulk with an id that another one on
 * its way holds too waits for that one. Rejected items are handed to `reject` with the line they
 * came from.
 */
#ifndef SOUK_CLI_BULKS_H
#define SOUK_CLI_BULKS_H

#include "cli/recent_ids.h"
#include "protocol/souk.h"

enum { BULK_ITEMS = 1000, BULK_BYTES = 1 << 20, BULK_WINDOW = 16 };

struct bulk {
    struct bulks *owner;
    bool used, sent;
    uint64_t serial;             /* in the order of the file, from 1 */
    uint64_t after;              /* waits until the bulk of this serial ended, 0 = none */
    uint64_t again_us, pause_us; /* when to send again; the last pause */
    uint32_t count;
    struct buf body;
    uint32_t lines[BULK_ITEMS];
};

struct bulks {
    struct souk *souk;
    void (*reject)(void *ctx, uint32_t line, enum status s, struct slice field, struct slice text);
    void *ctx;
    uint64_t patience_us, progress_us; /* progress_us: when the last answer came */
    uint64_t hold_us;                  /* nothing is sent before: the server is full */
    uint64_t sequence, applied, ignored, failed, replayed, resent;
    uint64_t serial;
    enum status gave_up; /* not OK: nothing went well for longer than the patience */
    struct fault fault;
    struct bulk slots[BULK_WINDOW];
    struct recent_ids ids;
};

/* A free slot with an empty body, waiting for one if need be; NULL when it gave up. */
struct bulk *bulks_take(struct bulks *b);
/* Says that the slot changes the product `id`. */
void bulks_note(struct bulks *b, struct bulk *slot, struct slice id);
/* Sends a slot whose body, count and lines are filled in. */
void bulks_send(struct bulks *b, struct bulk *slot);
/* Waits until nothing is on its way. */
void bulks_finish(struct bulks *b);
void bulks_fini(struct bulks *b);

#endif
