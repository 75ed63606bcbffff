/*
 * fetch_refresh - products that are to be looked up at the upstream: each once at a time, the
 * hottest first, at a bounded rate.
 *
 *                 asked again                       answer
 *   READY ───────────────────> READY (hotter)    FLYING ───> RESTING ───> gone, or READY when asked
 *     │  rate, room, a provider                     ^   at least min_refetch_ms; after a failure
 *     └─────────────────────────────────────────────┘   1, 2, 4 .. 60 s with full jitter
 *
 * Whoever waits for a product (a GET that reads through) makes it fly at once, or joins its flight;
 * while it rests, the last answer is what he gets: it may not be visible yet. An answer that may
 * not be kept ends no rest: the next one who needs the product asks again (hit for miss).
 * A 404 is remembered for 30 s and removes a stored product only when a second one confirms it; a
 * 410 removes at once. What failed changes nothing.
 */
#ifndef SOUK_SERVER_FETCH_REFRESH_H
#define SOUK_SERVER_FETCH_REFRESH_H

#include "server/fetch_catalog.h"
#include "server/refresh_queue.h"

enum { REFRESH_WAITERS = 1000 }; /* of one product */

struct refresh;

struct refresh_figures {
    uint64_t asked, refreshed, backlog, in_flight, negative, dropped, moved, removed;
};

enum status refresh_create(struct fetch_catalog *c, struct refresh **out);
/* Waiters are told UNAVAILABLE. */
void refresh_destroy(struct refresh **r);
/* Some time; nobody waits. */
void refresh_ask(struct refresh *r, struct slice id);
/* `fn` is called once, perhaps at once; `deadline_ms` is monotonic. `trace` (or NULL): of whom the
 * calls are a part that are made for him, and not for those who wait already. */
void refresh_wait(struct refresh *r, struct slice id, int64_t deadline_ms,
                  const struct trace_context *trace, refresh_fn fn, void *ctx);
/* The upstream is well again: what rests because it failed goes now, at the usual rate. */
void refresh_recover(struct refresh *r);
/* Starts what may start; wakes what rested. Every few ms. */
void refresh_tick(struct refresh *r);
/* Sends the changes that were collected: at the end of a turn of the loop. */
void refresh_flush(struct refresh *r);
struct refresh_figures refresh_figures(struct refresh *r);

#endif
