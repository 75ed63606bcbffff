/*
 * ship_list - the catalogs that may be followed, as the writer lists them, and what is known of
 * each between two answers to followers.
 *
 * The list is of one epoch of the shared pages and is asked for anew when that has moved: whatever
 * was read of a log under another epoch may be of another catalog of the same name, so the readers
 * of logs end with the list they were opened for. In the loop of the replica process.
 */
#ifndef SOUK_SERVER_SHIP_LIST_H
#define SOUK_SERVER_SHIP_LIST_H

#include "protocol/arena.h"
#include "protocol/follow.h"
#include "server/followers.h"
#include "server/log_readers.h"
#include "server/role.h"
#include "server/writer_link.h"

struct shipped {
    char name[SHARED_NAME + 1];
    struct stream_id stream;
    struct followers followers;
    uint64_t level, hash; /* a record of the log and log_piece_hash() of it; 0 = none is known */
};

struct ship_list {
    struct role_context *role;
    struct writer_link *writer;
    struct shipped catalogs[SHARED_CATALOGS];
    uint32_t count;
    uint64_t epoch;             /* that it is of */
    bool unlisted;              /* there are catalogs the writer cannot open */
    struct log_readers readers; /* of the logs of these catalogs */
    bool has, asking;
    uint64_t asked; /* epoch of the list that is asked for */
    int64_t again_ms;
    struct arena arena;
};

/* Begins empty; `l` is all zeros. Lives as long as the process. */
void ship_list_init(struct ship_list *l, struct role_context *role, struct writer_link *writer);
/* True when the list is the one of this moment; else it is asked for. */
bool ship_list_current(struct ship_list *l);
/* NULL without one; until the list is asked for anew. */
struct shipped *ship_list_find(struct ship_list *l, struct slice name);

#endif
