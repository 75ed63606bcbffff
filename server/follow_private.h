/* follow_private - what the threads of follow.c and follow_copy.c share, under the lock. */
#ifndef SOUK_SERVER_FOLLOW_PRIVATE_H
#define SOUK_SERVER_FOLLOW_PRIVATE_H

#include <pthread.h>

#include "protocol/follow.h"
#include "protocol/souk.h"
#include "server/build.h"
#include "server/follow.h"

enum followed_state { FOLLOWED, COPY_WANTED, COPYING };

struct followed {
    char name[SHARED_NAME + 1];
    enum followed_state state;
    struct stream_id stream;
    uint8_t store[STORE_NAME];
    uint64_t after, hash, offset; /* the writer's log; bytes of the next record */
    uint32_t absent;              /* lists of the leader in a row that lack it */
    uint32_t refused;             /* records in a row that the writer did not take */
    uint32_t failed;              /* copies in a row */
    int64_t again_ms;             /* the next copy, or question, not before */
    bool resync;                  /* the copy replaces what is there */
    bool asked;                   /* the question under way says where it stands */
};

struct follow {
    struct role_context *role;
    struct shared *shared;
    pthread_t reader, copier;
    pthread_mutex_t lock;
    struct followed catalogs[SHARED_CATALOGS];
    uint32_t count;
    _Atomic bool listed; /* the table is as the writer has it */
    bool reached;
    _Atomic bool other_build; /* the leader is of one */
    char build[BUILD_NAME];
    char name[SHARED_NAME + 1]; /* told to the leader: the data directory's, and the address */
    int64_t level_ms;           /* when nothing was missing last */
};

/* The entry of a catalog, NULL without one. Under the lock. */
struct followed *follow_find(struct follow *f, struct slice name);
/* Sleeps a random time below min(FOLLOW_PAUSE_MS << tries, FOLLOW_PAUSE_MOST_MS). */
void follow_pause(uint32_t tries);
/* A handle to the leader; NULL when memory is refused or there can be no TLS: the fault says. */
struct souk *follow_leader(struct follow *f, struct fault *fault);
/* To the writer; NULL when memory is refused. */
struct souk *follow_writer(struct follow *f);
/* Copies one catalog from the leader and has the writer take it. */
enum status follow_copy(struct follow *f, struct souk *leader, struct souk *writer,
                        const char *name, struct fault *fault);
/* The copying thread. */
void *follow_copier(void *ctx);

#endif
