/*
 * process_cost - processor time and memory of a process and its children, from /proc (proc(5)).
 *
 * The time of children that have ended and were waited for belongs to their parent, so the sum
 * never goes back, whoever is replaced meanwhile.
 */
#ifndef SOUK_LOADTEST_PROCESS_COST_H
#define SOUK_LOADTEST_PROCESS_COST_H

#include <stdbool.h>

struct process_cost {
    double cpu_s;  /* of the process, its children, and those it has waited for */
    double rss_mb; /* resident; pages that are shared count for each */
};

/* Of the process and its children that live; false when there is no such process. */
bool process_cost(int pid, struct process_cost *out);
/* 0 = there is no such process. */
int process_parent(int pid);

#endif
