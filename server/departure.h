/*
 * departure - when answers leave in the middle of a pass, before all that waits has been run.
 *
 * An answer that waits for the pass to end waits for up to a millisecond of other people's
 * requests. But a write often has to wake its client, which takes the front as long as half a
 * search. So answers leave at once while few wait behind them, and every DEPARTURE_US in a burst;
 * a front that hardly comes to rest (DEPARTURE_BUSY of the last window) saves the writes, and its
 * answers leave with the pass: there the work that is saved is what shortens the wait.
 *
 * Pure. One write a connection and departure (conn_send_ready).
 */
#ifndef SOUK_SERVER_DEPARTURE_H
#define SOUK_SERVER_DEPARTURE_H

#include <stdbool.h>
#include <stdint.h>

enum { DEPARTURE_FEW = 4, DEPARTURE_US = 100, DEPARTURE_BUSY = 85 /* percent */ };

/* `waiting` requests are still to be run; answers left `since_us` ago for the last time, or the
 * pass began then. */
static inline bool departure_due(uint32_t waiting, int64_t since_us, uint32_t busy_percent)
{
    return busy_percent < DEPARTURE_BUSY && (waiting <= DEPARTURE_FEW || since_us >= DEPARTURE_US);
}

#endif
