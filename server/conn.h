/*
 * conn - one client connection: bytes in, frames out of them, replies back.
 *
 *            first bytes not ours            bad frame, idle, too slow, drained
 *   OPEN ─────────────────────────> CLOSING <────────────────────────────────── OPEN
 *                                      │ output sent or peer gone
 *                                      v
 *                                    freed
 *
 * Reading (conn_read.c). Bytes are received into the inbox of the pass, which all connections
 * share, and frames are taken from there without a copy; only the beginning of a frame whose rest
 * has not come, and what a pass may not take, move into the connection's own `in`. One pass takes
 * at most CONN_FRAMES frames and 256 KiB from a connection, and none while it has CONN_WAITING
 * requests waiting to be run, limits.in_flight under way or limits.output bytes to be sent: the
 * rest waits at the client. What the budget left is a `backlog`, looked at again before the socket.
 *
 * Refusing. A refusal is a bare header; those of a pass leave in one write, and while others wait
 * to be served those of some milliseconds (CONN_REFUSALS_US): nobody is in a hurry to read them,
 * and a write takes as long as a score of refusals. A connection whose requests are being refused
 * is read so rarely that all such connections together take a twentieth of the time (struct
 * refusing), up to CONN_FRAMES_REFUSED frames then: more refusals share a read and a write, and
 * what is too much waits at the client. What it found in the socket came before it was read
 * (arrival.h).
 *
 * Slow peers (conn_sweep). A frame must be whole within limits.slow of its first byte, or come with
 * limits.slow_rate; replies must leave at that rate too. A connection is named by its id, which is
 * never used twice; late answers look it up by that.
 */
#ifndef SOUK_SERVER_CONN_H
#define SOUK_SERVER_CONN_H

#include "protocol/buf.h"
#include "protocol/frame.h"
#include "server/arrival.h"
#include "server/keys.h"
#include "server/loop.h"

struct front;
struct client;
struct tls_link;

enum conn_state { CONN_OPEN, CONN_CLOSING };

enum { CONN_FRAMES = 64, CONN_FRAMES_REFUSED = 256, CONN_WAITING = 64, CONN_REFUSALS_US = 10000 };

/* Bytes moved since a moment, to tell a slow peer from a busy one. since_ms 0 = nothing pends. */
struct pace {
    int64_t since_ms;
    uint64_t bytes;
};

struct conn {
    uint64_t id;
    uint32_t slot;
    int fd;
    enum conn_state state;
    uint8_t queue_most;  /* enum admission_id: cap of the class, of the listener and of the key */
    uint8_t listen_most; /* of the listener alone */
    struct key *key;     /* never NULL; see front_keys.h */
    bool known;          /* as its key says */
    bool named;          /* it has said whose it is, with the next two */
    uint8_t key_id[KEY_ID], key_digest[KEY_DIGEST];
    int64_t held_until_ms; /* 0 = it is not held: see key_sources.h */
    struct frame held;     /* what is answered then */
    struct loop_watch *watch;
    struct tls_link *tls; /* NULL = in the clear; see conn_io.h */
    struct buf in, out;
    size_t in_at, out_at;        /* consumed, sent */
    uint32_t in_flight, waiting; /* not answered yet; of those, in a queue of admission */
    int64_t last_ms, opened_ms, read_us;
    struct arrival arrival;            /* when came what is read */
    int64_t full_us;                   /* when its bucket of limits.connection_rate is full again */
    struct pace frame_pace, send_pace; /* of a frame that is not whole; of unsent replies */
    struct client *client;             /* limits by the name of HELLO */
    bool framed;                       /* a whole frame has come */
    bool touched;                      /* in the list of this pass: output to send */
    bool backlog;                      /* `in` may hold whole frames */
    bool again;                        /* in the list of those whose backlog can go on */
    bool refused;                      /* the last read brought refused requests */
    bool goaway;
    bool unwatched;     /* nobody is told when it gets readable */
    uint32_t dropped;   /* requests of it that were given up, since the last read */
    size_t refusals;    /* bytes of refusals in `out` that were not sent yet */
    int64_t flushed_us; /* when output left last */
    struct conn *next_touched, *next_again;
    struct front *front;
};

struct conn_table {
    struct conn **slots;
    uint32_t cap, count, most, hint;
    uint64_t next_serial;
    struct conn *touched, *again;
    char *inbox; /* of the pass */
    size_t inbox_len;
    struct buf spares[64]; /* output buffers of connections that have nothing to send */
    uint32_t spare_count;
};

/* How much of the time goes into saying no. */
struct refusing {
    uint32_t conns;    /* whose last read brought refused requests */
    int64_t cost_us16; /* of such a read: moving average, 1/16 us */
    int64_t gap_us;    /* each of them is read at most this often */
    int64_t spent_us;  /* in this window */
    int64_t ever_us;   /* before it */
    uint32_t percent;  /* of the last window */
    uint64_t held_off; /* reads put off, ever */
    uint64_t seed;     /* of the jitter */
};

enum { REFUSING_PERCENT = 5 };

bool conn_table_init(struct conn_table *t, uint32_t most);
void conn_table_fini(struct conn_table *t);

/* Takes over the descriptor; its requests are of the class of `queue_most` or a lower one. NULL
 * when memory is refused (the descriptor is closed). */
struct conn *conn_create(struct front *f, int fd, uint8_t queue_most);
/* NULL when it is gone. */
struct conn *conn_find(struct front *f, uint64_t id);
/* Has output; it is sent at the end of the pass. */
void conn_touch(struct conn *c);
/* One request less under way. */
void conn_answered(struct conn *c);
/* True while too much output waits to be sent. */
bool conn_full(const struct conn *c);
/* The pass is over (bodies were kept): input is shifted, output sent, interest set. Refusals may
 * stay for a later pass (then f->conns.touched is not empty), unless `all`. */
void conn_flush_touched(struct front *f, bool all);
/* In the middle of a pass: what is ready leaves; what cannot is left to the end of the pass. */
void conn_send_ready(struct front *f);
/* Sends what waits, then closes. */
void conn_end(struct conn *c);
void conn_destroy(struct conn *c);
/* Closes idle and slow ones; called once a second. */
void conn_sweep(struct front *f, int64_t now_ms);
/* GOAWAY to everybody. */
void conn_drain_all(struct front *f);
/* Ends those that are quiet, or all that have nothing under way when `all`; how many stay. */
uint32_t conn_drain_step(struct front *f, int64_t now_ms, bool all);

/* conn_read.c: the socket is readable. */
void conn_readable(struct conn *c);
/* Whether it will be told when it gets readable: what comes meanwhile ages in the socket. */
void conn_watched(struct conn *c, bool watched);
/* Before the pass runs requests: frames an earlier pass left over. */
void conn_take_backlogs(struct front *f);
/* A refusal without body; the client may come back after retry_ms. */
void conn_refuse(struct conn *c, const struct frame *f, enum status s, uint32_t retry_ms);
/* 50 to 150 ms, so that those who were refused together do not come back together. */
uint32_t conn_retry_ms(struct front *f);
/* Every 100 ms. */
void conn_refusing_tick(struct front *f);
/* The connection goes. */
void conn_refusing_forget(struct conn *c);
/* While a request is being run: true when its client is gone or has sent CANCEL for it. */
bool conn_gave_up(struct conn *c, uint32_t request_id);

#endif
