/*
 * key_sources - where wrong keys come from, so that trying many of them takes long.
 *
 * Failures are counted by the address of the peer (of IPv6 its /64; of a unix socket its user), for
 * a minute. From the KEY_FAILURESth on a connection that fails is to be held for a second and then
 * closed. Right keys of the same address are let in meanwhile: who guesses keeps nobody out. The
 * table does not grow: the row that failed last the longest ago makes room.
 */
#ifndef SOUK_SERVER_KEY_SOURCES_H
#define SOUK_SERVER_KEY_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

enum { KEY_SOURCES = 256, KEY_FAILURES = 5, KEY_HOLD_MS = 1000, KEY_FORGET_MS = 60000 };

struct key_source {
    uint64_t family, who;
    uint32_t failures;
    int64_t first_ms, last_ms;
};

struct key_sources {
    struct key_source rows[KEY_SOURCES];
};

/* The peer of a socket. */
struct key_source key_source_of(int fd);
/* One more failure; true: it is to be held. */
bool key_sources_failed(struct key_sources *t, const struct key_source *from, int64_t now_ms);

#endif
