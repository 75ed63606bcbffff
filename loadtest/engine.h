/*
 * engine - one worker: sends when the schedule says, never because an answer came.
 *
 * A pass: everything whose time has come is put on a connection (round robin), each connection is
 * written once, then the loop sleeps until the next intended time or until an answer arrives.
 * Requests whose time comes while max_in_flight are under way are held back: counted as offered
 * and failed, never sent later. Where a mix holds requests of lower classes (sheddable, background)
 * beside others, the lower ones may take only half of the bound, and are given up first when the
 * tester itself is late: counted as unsent, and failed. Response time runs from the intended start,
 * service time from the write. With `closed` set there is no schedule: that many requests are kept
 * under way, and what the server does not answer is not asked (a closed loop hides stalls; the
 * report says so).
 */
#ifndef SOUK_LOADTEST_ENGINE_H
#define SOUK_LOADTEST_ENGINE_H

#include "loadtest/mix.h"
#include "loadtest/replay.h"
#include "loadtest/schedule.h"
#include "protocol/tls.h"

#include <sys/socket.h>

enum { ENGINE_MAX_CONNECTIONS = 4096 };

struct engine_spec {
    struct sockaddr_storage address;
    socklen_t address_len;
    char host[256];        /* of the address */
    struct tls_client tls; /* when `encrypted` */
    bool encrypted;
    const char *key; /* API key; NULL or "" = none */
    const struct mix *mix;
    struct schedule schedule;    /* this worker's part */
    const struct replay *replay; /* instead of schedule and mix; NULL = none */
    uint32_t part, parts;        /* which of how many workers */
    uint64_t seed;
    uint32_t connections, max_in_flight; /* of this worker */
    uint32_t closed;                     /* requests kept under way; 0 = open loop */
    uint64_t duration_ns;
    uint64_t timeout_ns;    /* a reply is waited for so long */
    uint64_t connect_ns;    /* for all connections to stand */
    uint64_t drain_ns;      /* after the last send, at most */
    uint64_t interval_ns;   /* of the interval log */
    uint64_t late_after_ns; /* a good reply later than this is late; 0 = the operation's deadline,
                               100 ms for operations without one */
    bool verify, spin;      /* spin: never sleep; a core for more exact times */
    bool split; /* lower classes have half of the connections for themselves (open loop) */
};

/* Connects, waits for t->start_ns, runs to the end. UNAVAILABLE when no connection can be made;
 * what went wrong stands in t->fault. */
enum status engine_run(const struct engine_spec *spec, struct tally *t);

#endif
