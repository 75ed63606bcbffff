/*
 * refresh_queue - the products a catalog's fetcher knows of just now: found by id, ready in the
 * order of their heat, or resting until a second. Pure: no I/O, no clock.
 *
 * The heat of a product is the logarithm of how often it was asked for; within a heat, first come
 * first served. A resting product lies in a wheel of seconds and is handed to the caller when its
 * second is over. Entries belong to the queue and stay where they are until removed.
 */
#ifndef SOUK_SERVER_REFRESH_QUEUE_H
#define SOUK_SERVER_REFRESH_QUEUE_H

#include "protocol/reply.h"
#include "protocol/traceparent.h"

enum {
    REFRESH_HEATS = 12,
    REFRESH_WHEEL = 128,
    REFRESH_ID_MAX = 495,        /* as FETCH_ID_MAX */
    REFRESH_KEPT_MOST = 32 << 20 /* bytes of documents kept */
};
enum refresh_state { REFRESH_READY, REFRESH_FLYING, REFRESH_RESTING };

/* How a wait ended. `item` has a document unless the stored product is still right (OK without
 * one). */
typedef void (*refresh_fn)(void *ctx, const struct get_item_reply *item);

struct refresh_waiter;
struct refresh_kept;

struct refresh_entry {
    struct refresh_entry *chain;       /* of its hash */
    struct refresh_entry *next, *prev; /* of its list */
    struct refresh_waiter *waiters;
    struct refresh_kept *kept; /* the last good answer, until it flies again */
    uint64_t hash;
    int64_t not_before_ms;    /* not asked for again until then */
    int64_t negative_ms;      /* remembered as not found until then */
    uint32_t asks, waiting;   /* since the last answer; waiters */
    uint8_t state, list;      /* enum refresh_state; heat or second */
    uint8_t failures, misses; /* in a row */
    bool again;               /* to be made ready when it has rested */
    bool held;                /* somebody waits, and it waits for room */
    bool passing;             /* its answers may not be kept: whoever needs it asks */
    uint16_t id_len;
    struct trace_context trace; /* of who waits for its next flight; zeroes = of nobody */
    char id[];
};

static inline struct slice refresh_entry_id(const struct refresh_entry *e)
{
    return slice_make(e->id, e->id_len);
}

struct refresh_queue {
    struct refresh_entry **buckets;
    uint32_t bucket_count, entry_count, entries_most, ready_count;
    struct refresh_entry *ready[REFRESH_HEATS], *ready_last[REFRESH_HEATS];
    struct refresh_entry *resting[REFRESH_WHEEL];
    int64_t wheel_ms; /* turned up to here */
    size_t kept_bytes;
};

enum status refresh_queue_init(struct refresh_queue *q, uint32_t entries_most, int64_t now_ms);
/* Waiters that are left are told `s`. */
void refresh_queue_fini(struct refresh_queue *q, enum status s);

struct refresh_entry *refresh_queue_find(struct refresh_queue *q, struct slice id);
/* A new one in no list; NULL when there are too many, or the id is none. */
struct refresh_entry *refresh_queue_add(struct refresh_queue *q, struct slice id);
/* Out of its list (FLYING), and freed. */
void refresh_queue_remove(struct refresh_queue *q, struct refresh_entry *e);

/* Moves an entry, from whatever state. */
void refresh_queue_fly(struct refresh_queue *q, struct refresh_entry *e);
void refresh_queue_ready(struct refresh_queue *q, struct refresh_entry *e);
void refresh_queue_rest(struct refresh_queue *q, struct refresh_entry *e, int64_t until_ms);
/* Was asked for once more: a ready one moves up when that makes it hotter. */
void refresh_queue_heat(struct refresh_queue *q, struct refresh_entry *e);
/* The hottest ready ones, up to `most`; an id with a comma comes alone. They stay ready. */
uint32_t refresh_queue_hottest(const struct refresh_queue *q, struct refresh_entry **out,
                               uint32_t most);
/* Hands over what has rested; the callback moves or removes it. */
void refresh_queue_turn(struct refresh_queue *q, int64_t now_ms,
                        void (*fn)(void *ctx, struct refresh_entry *e), void *ctx);

/* Keeps a copy of a good answer of `now_ms` for those who come before it is visible. */
void refresh_queue_keep(struct refresh_queue *q, struct refresh_entry *e,
                        const struct get_item_reply *item, int64_t now_ms);
/* That answer as it is at `now_ms`; false when none is kept. Valid until the entry moves. */
bool refresh_entry_kept(const struct refresh_entry *e, int64_t now_ms, struct get_item_reply *out);

/* False when the entry has `most` waiters already. */
bool refresh_entry_wait(struct refresh_entry *e, uint32_t most, int64_t deadline_ms, refresh_fn fn,
                        void *ctx);
void refresh_entry_tell(struct refresh_entry *e, const struct get_item_reply *item);
/* Tells DEADLINE to those whose time is over. */
void refresh_entry_expire(struct refresh_entry *e, int64_t now_ms);
/* The deadline of the newest waiter. */
int64_t refresh_entry_deadline(const struct refresh_entry *e);

#endif
