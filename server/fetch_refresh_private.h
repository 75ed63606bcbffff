/*
 * What the files of refresh share: fetch_refresh.c lets products fly and keeps the time,
 * fetch_refresh_learn.c takes in what an answer says of them.
 */
#ifndef SOUK_SERVER_FETCH_REFRESH_PRIVATE_H
#define SOUK_SERVER_FETCH_REFRESH_PRIVATE_H

#include "server/fetch_call.h"
#include "server/fetch_refresh.h"

enum { REFRESH_HELD = 64 };

struct flight { /* one call, for one product or several */
    struct refresh *refresh;
    struct fetch_call *call;
    struct flight *next, *prev;
    uint64_t lease;
    uint32_t count;
    struct refresh_entry *entries[];
};

struct refresh {
    struct fetch_catalog *catalog;
    struct refresh_queue queue;
    struct flight *flights;
    struct refresh_entry *held[REFRESH_HELD]; /* ready, with waiters, for want of room; in order */
    uint32_t held_count;
    double tokens;
    int64_t tokens_ms, counted_ms;
    uint32_t again_count; /* of those that rest, at counted_ms */
    struct buf items;     /* changes of this turn */
    uint32_t item_count;
    struct refresh_figures figures;
};

/* Each product of a flight that ended: its change is noted, its waiters are told, it rests. */
void refresh_learn(struct flight *f, const struct call_answer *a);
void refresh_tell_status(struct refresh_entry *e, enum status s);

#endif
