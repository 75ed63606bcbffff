/*
 * park - requests that wait for a sequence to become visible; run again when it is.
 */
#ifndef SOUK_SERVER_PARK_H
#define SOUK_SERVER_PARK_H

#include "server/loop.h"
#include "server/shared.h"

struct front;
struct request;

struct parked {
    struct parked *next;
    struct shared_catalog *row;
    uint64_t sequence, conn_id;
    int64_t received_us, deadline_us;
    uint32_t request_id;
    struct request *request; /* own copy, body behind it */
    size_t bytes;            /* of the body */
};

struct park {
    struct parked *first;
    uint32_t count;
    size_t bytes;             /* of their bodies */
    struct loop_timer *timer; /* runs while somebody is parked */
};

/* AGAIN when parked, OVERLOADED when too many are, UNAVAILABLE without a row. */
enum status park_add(struct front *f, const struct request *rq, struct shared_catalog *row,
                     uint64_t sequence);
/* Runs or ends those whose time has come. */
void park_look(struct front *f);
bool park_cancel(struct front *f, uint64_t conn_id, uint32_t request_id);
void park_fini(struct front *f);

#endif
