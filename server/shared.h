/*
 * shared - the pages every process of one soukd maps: who lives, what is counted, where catalogs
 * are.
 *
 * The supervisor creates them before it starts the others and never writes into a row it does not
 * own: a process writes its own `shared_process`, the writer writes the `shared_catalog` rows, the
 * supervisor sets pid and starts. All members are single atomics, read without order unless said;
 * figures of one row may be a moment apart.
 */
#ifndef SOUK_SERVER_SHARED_H
#define SOUK_SERVER_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/slice.h"
#include "protocol/status.h"

enum { SHARED_PROCESSES = 72, SHARED_CATALOGS = 256, SHARED_NAME = 64 };

enum role { ROLE_FRONT, ROLE_ADMIN, ROLE_WRITER, ROLE_FETCHER, ROLE_COUNT };

enum write_state { /* of a catalog */
                   WRITE_OPEN,
                   WRITE_NO_SPACE,  /* the disk is full; changes are refused until room is back */
                   WRITE_SAFE_MODE, /* the log is damaged or a sync failed; reads go on */
                   WRITE_REBUILDING
};

struct shared_process {
    _Atomic uint32_t pid;  /* 0 = not running */
    _Atomic uint32_t role; /* enum role */
    _Atomic uint64_t beat; /* monotonic ms of its last sign of life */
    _Atomic uint64_t starts;
    _Atomic uint64_t connections, accepted; /* open now; ever */
    _Atomic uint64_t requests, errors, refused;
    _Atomic uint64_t bytes_in, bytes_out;
    _Atomic uint64_t search_us, search_count; /* time inside the library */
    _Atomic uint32_t draining;
} __attribute__((aligned(64)));

struct shared_catalog {
    /* The name is written before `state` becomes 1 (release) and stays until it is 0 again. */
    _Atomic uint32_t state; /* 0 free, 1 in use, 2 dropped: close what you have open */
    char name[SHARED_NAME + 1];
    _Atomic uint64_t edition; /* the number in CURRENT; fronts read CURRENT again when it moves */
    _Atomic uint64_t generation; /* commits seen; moves with every visible batch */
    _Atomic uint64_t logged;     /* last sequence that is durable in the log */
    _Atomic uint64_t visible;    /* last sequence applied and committed */
    _Atomic uint64_t products;
    _Atomic uint64_t log_bytes;   /* on disk */
    _Atomic uint64_t queued;      /* items taken in and not yet visible */
    _Atomic uint32_t write_state; /* enum write_state */
} __attribute__((aligned(64)));

struct shared {
    uint32_t magic;
    uint32_t process_count;
    int64_t wall_anchor_ms; /* wall time at monotonic time mono_anchor_ms; set once */
    int64_t mono_anchor_ms;
    _Atomic uint64_t catalog_epoch; /* the writer adds 1 whenever a row changes state or edition */
    _Atomic uint64_t readers_to_free; /* the supervisor adds 1 when a process died; the writer then
                                         runs the reader check of its environments */
    _Atomic uint32_t writer_ready;    /* 1 while the writer's socket accepts */
    _Atomic uint32_t draining;
    struct shared_process processes[SHARED_PROCESSES];
    struct shared_catalog catalogs[SHARED_CATALOGS];
};

/* Makes the pages in a memfd (kept open without close-on-exec handling: *fd is the caller's). */
enum status shared_create(struct shared **out, int *fd);
/* Maps the pages of an inherited descriptor. CORRUPT when it holds something else. */
enum status shared_open(int fd, struct shared **out);

/* Monotonic milliseconds and microseconds. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* Wall time that no clock step moves: the anchor plus monotonic time. */
int64_t shared_now_ms(const struct shared *s);
/* Signs of life: call at least every 100 ms. */
void shared_beat(struct shared_process *p);

/* The row of a catalog in use, NULL when the writer has published none. */
struct shared_catalog *shared_catalog_find(struct shared *s, struct slice name);
/* The writer only: a row for the name, made when there is none; NULL when all are taken. */
struct shared_catalog *shared_catalog_claim(struct shared *s, struct slice name);
/* The writer only: after a drop. */
void shared_catalog_release(struct shared *s, struct shared_catalog *c);

/* "front", "admin", "writer", "fetcher". */
const char *role_name(enum role r);

#endif
