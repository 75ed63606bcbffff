/*
 * urgency - who goes first when more threads want to run than there are processors: those that
 * answer searches, not those that change the index.
 *
 * A thread that answers takes short turns, and is let in as soon as it wakes. One that works in the
 * background takes long ones, by its niceness. An idle one runs when nobody else wants to; a
 * process may call it back as root, with CAP_SYS_NICE, or with a RLIMIT_NICE of URGENCY_RLIMIT.
 *
 * Kernels that do not know of turns (before Linux 6.12) go by policy and niceness alone. Nothing
 * depends on the success of any.
 */
#ifndef SOUK_SERVER_URGENCY_H
#define SOUK_SERVER_URGENCY_H

#include <stdbool.h>
#include <sys/types.h>

/* The most urgent of those in the background, and what calling it back takes. */
enum { URGENCY_NICE = 3, URGENCY_RLIMIT = 20 - URGENCY_NICE };

/* The calling thread answers: short turns. */
void urgency_prompt(void);
/* Nobody waits for the calling thread: long turns, and `nice` (1 .. 19) as with nice(1). */
void urgency_patient(int nice);

/* A patient calling thread becomes an idle one, where it may be called back; false = it may not. */
bool urgency_idle(int nice);
/* An idle thread takes its part by its niceness, or no longer. */
void urgency_lift(pid_t tid, bool lifted);

#endif
