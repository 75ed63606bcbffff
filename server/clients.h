/*
 * clients - who the connections belong to: the name each gave in HELLO, and its limits.
 *
 * All connections of one name share one rate (a token bucket) and one bound on requests under way,
 * in this front. Connections that gave no name share the row of the empty name, and so do those
 * that come when CLIENTS names are in use.
 */
#ifndef SOUK_SERVER_CLIENTS_H
#define SOUK_SERVER_CLIENTS_H

#include "protocol/slice.h"

enum { CLIENTS = 512, CLIENT_NAME = 48 };

struct client_limits {
    uint64_t rate;      /* requests a second, 0 = no limit */
    uint64_t in_flight; /* 0 = no limit */
};

struct client {
    char name[CLIENT_NAME + 1];
    uint32_t conns, in_flight;
    int64_t full_us; /* when the bucket will be full again; a bucket holds one second */
    uint64_t taken, refused;
};

struct clients {
    struct client rows[CLIENTS]; /* row 0 is the empty name */
    uint32_t count;
};

/* A bucket that holds one second of `rate`, as the time at which it is full again. Takes one: 0, or
 * the milliseconds until there is one. */
uint32_t bucket_take(int64_t *full_us, int64_t now_us, uint64_t rate);

/* One connection more under this name (cut to CLIENT_NAME bytes). Never NULL. */
struct client *clients_join(struct clients *t, struct slice name);
void clients_leave(struct clients *t, struct client *c);
/* Takes one request: 0, or the milliseconds to wait before another is worth trying. */
uint32_t client_take(struct client *c, int64_t now_us, struct client_limits limits);

#endif
