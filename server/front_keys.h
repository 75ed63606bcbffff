/*
 * front_keys - keys.h in a front: whose each connection is, and what becomes of those who have
 * none.
 *
 * Before a connection is known its frames may have KEYS_HELLO_MOST bytes, nothing of it but HELLO
 * is looked at, and it is closed after `limits.first_frame`. Each UNAUTHENTICATED counts against
 * where it comes from (key_sources.h); one that is to be held is not read for a second, then
 * answered and closed. The operators' front has no keys: its socket is its owner's.
 */
#ifndef SOUK_SERVER_FRONT_KEYS_H
#define SOUK_SERVER_FRONT_KEYS_H

#include "server/front.h"

/* At the start and on HUP: takes the file of the options. */
void front_keys_set(struct front *f);
/* Every 100 ms: the file is looked at, connections whose key is gone are told apart, the held are
 * let go. */
void front_keys_tick(struct front *f);
/* The counters, for the shared pages. */
void front_keys_publish(struct front *f);

/* A connection begins, and ends. */
void front_keys_begin(struct conn *c);
void front_keys_release(struct conn *c);
/* HELLO brought a key (or none). AGAIN: it is held, and answered later. */
enum status front_keys_hello(struct request *rq, struct slice text, struct fault *fault);
/* A request that its key's scopes do not let through is answered; not counted as under way. */
void front_keys_refuse(struct conn *c, const struct frame *f, uint32_t scopes);

/* Longest body of its next frame. */
static inline uint32_t front_keys_frame_most(const struct conn *c)
{
    return c->known ? c->front->frame_most : KEYS_HELLO_MOST;
}

#endif
