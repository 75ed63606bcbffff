/*
 * urgency - who goes first when more threads want to run than there are processors: those that
 * answer searches, not those that change the index.
 *
 * A thread that answers takes short turns, and is let in as soon as it wakes. One that works in the
 * background runs when nobody else wants the processor, where the process may take that back
 * (urgency_lift(): as root, with CAP_SYS_NICE, or a RLIMIT_NICE of URGENCY_RLIMIT); else by its
 * niceness, in long turns. server/floor sees to it that it is not starved.
 *
 * Kernels that do not know of turns (before Linux 6.12) go by policy and niceness alone. The first
 * two are about the calling thread. Nothing depends on the success of any.
 */
#ifndef SOUK_SERVER_URGENCY_H
#define SOUK_SERVER_URGENCY_H

#include <stdbool.h>
#include <sys/types.h>

/* 20 less the niceness of the most urgent of those in the background. */
enum { URGENCY_NICE = 3, URGENCY_RLIMIT = 20 - URGENCY_NICE };

/* It answers: short turns. */
void urgency_prompt(void);
/* Nobody waits for it; `nice` (URGENCY_NICE .. 19) as with nice(1), among those that are lifted. */
void urgency_patient(int nice);

/* Does the thread run only when nobody else wants to? */
bool urgency_idle(pid_t tid);
/* A patient thread is given its part, by its niceness, or no longer. */
void urgency_lift(pid_t tid, bool lifted);

#endif
