/*
 * tally - what one worker process counted: per operation, and interval by interval.
 *
 * A tally lies in memory shared with the parent, which reads it while the worker runs (live view)
 * and merges those of all workers at the end. The worker is the only writer. Counters are plain
 * words read without order: figures of a moment may be one request apart. A finished interval is
 * appended, packed, to `log`, and log_len is stored with release, so that a reader sees whole
 * records.
 *
 * Every request offered ends in exactly one of ok or one of `failed`:
 *   offered = ok + sum(failed)        sent = offered - held back - unconnected - unsent
 * `late` and `good` are parts of ok.
 */
#ifndef SOUK_LOADTEST_TALLY_H
#define SOUK_LOADTEST_TALLY_H

#include "loadtest/histogram.h"
#include "protocol/status.h"

#include <stdatomic.h>

enum { TALLY_OPS = 16, TALLY_LOG = 64 << 20 };

/* Slots of `failed`: the server's error codes first, then the tester's own reasons. */
enum failure {
    FAILURE_HELD_BACK = 100, /* its time came while the in-flight bound was reached */
    FAILURE_TIMEOUT,         /* no reply within the time waited */
    FAILURE_DISCONNECTED,    /* the connection was lost under it */
    FAILURE_UNCONNECTED,     /* no connection when its time came */
    FAILURE_UNSENT,          /* the schedule was over before the tester came to it */
    FAILURE_BAD_REPLY,       /* a reply that breaks the protocol, or fails --verify */
    FAILURE_SLOTS
};

struct counts { /* all members are uint64_t: counts_add() adds word by word */
    uint64_t offered, sent, ok;
    uint64_t good;      /* ok within the deadline, from the intended start */
    uint64_t late;      /* ok after the limit */
    uint64_t sent_late; /* sent more than 1 ms after the intended start: the tester's own fault */
    uint64_t failed[FAILURE_SLOTS];
    uint64_t degraded, safe_mode;          /* replies */
    uint64_t fresh, stale, stale_if_error; /* hits */
    uint64_t level_sum;                    /* degrade level told, all good replies together */
    uint64_t cached, cached_old; /* from the result cache; of them pages past their time */
    uint64_t found;              /* products matched, all replies together */
    uint64_t server_us;
    uint64_t bytes_in, bytes_out;
    uint64_t verified, wrong;
};

struct op_tally {
    struct counts counts;
    struct histogram response; /* good replies, from the intended start */
    struct histogram lost;     /* what was waited for in vain: the time waited */
    struct histogram service;  /* from the actual send */
};

struct interval {
    uint64_t start_us, length_us; /* from the start of the run */
    struct counts counts;
    struct histogram response;
};

struct tally {
    _Atomic uint32_t ready, finished; /* worker: connected; done */
    _Atomic uint64_t start_ns;        /* parent: when the schedule begins; 0 = not yet */
    _Atomic uint32_t stop;            /* parent: end now */
    uint64_t end_ns, last_reply_ns;   /* when the last request was over */
    uint64_t cpu_ns, passes, reconnects, goaways;
    uint64_t send_lag_max_ns;
    char fault[200]; /* why the worker gave up; "" = it did not */
    char wrong[200]; /* the first thing --verify found */
    struct op_tally ops[TALLY_OPS];
    struct histogram interval; /* the one being filled */
    _Atomic uint64_t log_len;
    bool log_full;
    uint8_t log[TALLY_LOG];
};

/* Mapped, shared with children, cleared. NULL without memory. */
struct tally *tally_create(void);
void tally_destroy(struct tally *t);

void counts_add(struct counts *to, const struct counts *from);
/* to -= from */
void counts_subtract(struct counts *to, const struct counts *from);
uint64_t counts_failed(const struct counts *c);
/* "OVERLOADED", "HELD_BACK", ... */
const char *failure_name(uint32_t slot);

/* Sum over the operations. */
void tally_sum(const struct tally *t, struct counts *out);
/* Worker: appends the interval [start, start + length) to the log and starts the next. `before` is
 * the sum at its begin and becomes the sum at its end. */
void tally_roll(struct tally *t, uint64_t start_us, uint64_t length_us, struct counts *before);
/* Reads the record at *at: OK and *at moves on, END behind the last whole one. */
enum status tally_log_next(const struct tally *t, uint64_t *at, struct interval *out);

#endif
