/*
 * conn - one client connection: bytes in, frames out of them, replies back.
 *
 *            first bytes not ours            bad frame, idle, drained
 *   OPEN ─────────────────────────> CLOSING <──────────────────────── OPEN
 *                                      │ output sent or peer gone
 *                                      v
 *                                    freed
 *
 * While more than limits.output bytes wait to be sent, or limits.in_flight requests are under way,
 * the connection is not read. One pass takes at most 64 frames and 256 KiB from it. A connection is
 * named by its id, which is never used twice; late answers look it up by that.
 */
#ifndef SOUK_SERVER_CONN_H
#define SOUK_SERVER_CONN_H

#include "protocol/buf.h"
#include "protocol/frame.h"
#include "server/loop.h"

struct front;

enum conn_state { CONN_OPEN, CONN_CLOSING };

struct conn {
    uint64_t id;
    uint32_t slot;
    int fd;
    enum conn_state state;
    struct loop_watch *watch;
    struct buf in, out;
    size_t in_at, out_at; /* consumed, sent */
    uint32_t in_flight;
    int64_t last_ms, opened_ms;
    bool framed;  /* a whole frame has come */
    bool touched; /* in the list of this pass: output to send */
    bool goaway;
    struct conn *next_touched;
    struct front *front;
};

struct conn_table {
    struct conn **slots;
    uint32_t cap, count, hint;
    uint64_t next_serial;
    struct conn *touched;
};

/* Takes over the descriptor. NULL when memory is refused (the descriptor is closed). */
struct conn *conn_create(struct front *f, int fd);
/* NULL when it is gone. */
struct conn *conn_find(struct front *f, uint64_t id);
/* Has output; it is sent at the end of the pass. */
void conn_touch(struct conn *c);
void conn_flush_touched(struct front *f);
/* Sends what waits, then closes. */
void conn_end(struct conn *c);
void conn_destroy(struct conn *c);
/* Closes idle ones; called once a second. */
void conn_sweep(struct front *f, int64_t now_ms);
/* GOAWAY to everybody; those without work close. */
void conn_drain_all(struct front *f);

#endif
