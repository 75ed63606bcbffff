/*
 * memory - how much of its memory a front uses, and what that calls for.
 *
 * What counts is the process's own memory (resident, less shared pages: the mapped index costs
 * nothing here). From TIGHT on the result cache is halved, idle connections are closed sooner and
 * fewer unsent bytes are kept; from SHORT on the front is at degrade level 3 at least and refuses
 * the lower classes; at OUT it accepts no connections. A state is left two percent below where it
 * began.
 */
#ifndef SOUK_SERVER_MEMORY_H
#define SOUK_SERVER_MEMORY_H

#include <stddef.h>

enum memory_state { MEMORY_FINE, MEMORY_TIGHT, MEMORY_SHORT, MEMORY_OUT };

/* Bytes of this process's own memory; 0 when the system does not say. */
size_t memory_used(void);
/* The state after `was`. limit 0 = none: always FINE. */
enum memory_state memory_step(enum memory_state was, size_t used, size_t limit);

#endif
