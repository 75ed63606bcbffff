/*
 * floor - the threads of a process that run when nobody else wants to, and what they have at least.
 *
 * What changes the index must not hold up a search: its threads are idle ones (server/urgency),
 * which every front that wakes displaces at once. Beside fronts that never rest, or strangers, that
 * would be for ever. So a thread of its own looks at them every FLOOR_MS: one that wanted to run
 * all through FLOOR_STARVED looks and had less than FLOOR_PERCENT of each is lifted for
 * FLOOR_LIFTED looks: it takes its part by its niceness.
 *
 *   idle --starved--> lifted --after a while--> idle
 *
 * Where a thread could not be called back it only becomes nicer, and none is lifted. A thread says
 * when it has nothing to do, for that cannot be told from starving; a sync of the disk cannot
 * either, and lifts for nothing when it takes that long. All calls take a NULL for
 * nobody, so that nothing depends on there being a floor.
 */
#ifndef SOUK_SERVER_FLOOR_H
#define SOUK_SERVER_FLOOR_H

#include "protocol/status.h"

enum { FLOOR_MS = 50, FLOOR_STARVED = 8, FLOOR_LIFTED = 8, FLOOR_PERCENT = 5 };

struct floor;
struct floor_thread;

/* Starts the thread that looks. */
enum status floor_create(struct floor **out);
/* Those that joined have left. */
void floor_destroy(struct floor **f);

/* The calling thread is one of them from here on, and works; NULL without a floor or memory. `nice`
 * (URGENCY_NICE .. 19) is its niceness while it is lifted. */
struct floor_thread *floor_join(struct floor *f, int nice);
/* By the thread itself, before it ends: it ends as urgent as others, for who waits for the end of a
 * process waits for all of its threads. */
void floor_leave(struct floor *f, struct floor_thread **t);

/* By the thread: it waits for something else than a processor. */
void floor_rest(struct floor_thread *t);
/* By whoever gives it something to do. */
void floor_work(struct floor_thread *t);

#endif
