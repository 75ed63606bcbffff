/*
 * floor - what works in the background gets its part of a processor, however busy those are that
 * answer.
 *
 * Threads of the writer run when nobody else wants to (server/urgency), so that no search waits for
 * them; beside fronts that never rest that would be never. The supervisor looks: a thread that
 * wanted to run all the time since the last look and got less than FLOOR_PERCENT of it takes part
 * by its niceness until the next one. So a starved thread has about that part, in the mean, and
 * waits for FLOOR_MS at most.
 *
 *   idle --starved in a window--> lifted --got its part, or slept--> idle
 */
#ifndef SOUK_SERVER_FLOOR_H
#define SOUK_SERVER_FLOOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { FLOOR_MS = 100, FLOOR_PERCENT = 10, FLOOR_THREADS = 64 };

struct floor_thread {
    pid_t tid;
    bool seen, lifted;
    uint64_t slept;  /* times it waited for something else than a processor */
    uint64_t ran_ns; /* ever */
};

struct floor_watch {
    pid_t pid;
    int64_t looked_us;
    uint32_t count;
    struct floor_thread threads[FLOOR_THREADS]; /* of the process that were idle once */
};

/* Looks at the threads of a process, at most once every FLOOR_MS. Begins anew with another one. */
void floor_look(struct floor_watch *w, pid_t pid, int64_t now_us);

#endif
