/*
 * push_canary - a product that is pushed, found and expires, in every catalog, again and again:
 * proof that the whole way from a push to a search works, and how long it takes.
 *
 *   IDLE -> PUSHED (sent to the writer) -> ACKED (durable) -> FOUND (searched by its word)
 *        -> gone (past its limit, no search shows it): OK, or FAILED / LATE with the step it
 * reached
 *
 * The front of operators runs it, one catalog after the other, on a timer. The product has an id of
 * the server's own (canary_id.h): it is left out of every search, export, count and figure, and its
 * expiry removes it. How the last run went is in the shared pages, STATS and `souk upstream list`.
 */
#ifndef SOUK_SERVER_PUSH_CANARY_H
#define SOUK_SERVER_PUSH_CANARY_H

#include "server/catalogs.h"

struct front;
struct push_canary;

/* Starts the timer; nothing with an interval of 0. */
enum status push_canary_create(struct front *f, struct push_canary **out);
void push_canary_destroy(struct push_canary **c);

/* Is there a canary in the snapshot just now? It is one of its live products. */
bool push_canary_lives(struct snapshot *s);

#endif
