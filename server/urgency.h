/*
 * urgency - who goes first when more threads want to run than there are processors: those that
 * answer searches, not those that tidy up.
 *
 * A thread that answers takes short turns, and is let in as soon as it wakes; one that works in the
 * background takes long ones, seldom. Kernels that do not know of turns (before Linux 6.12) go by
 * niceness alone. Each function is about the calling thread, and nothing depends on its success.
 */
#ifndef SOUK_SERVER_URGENCY_H
#define SOUK_SERVER_URGENCY_H

/* It answers: short turns. */
void urgency_prompt(void);
/* Nobody waits for it: long turns, and `nice` (1 .. 19) as with nice(1). */
void urgency_patient(int nice);

#endif
