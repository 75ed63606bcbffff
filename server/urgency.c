#include "server/urgency.h"

#include <linux/sched/types.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's bounds are 0.1 and 100 ms. A search is over within one short turn. */
enum { SHORT_TURN_NS = 500000, LONG_TURN_NS = 20000000 };

static void set(int nice, unsigned turn_ns)
{
    struct sched_attr a = {
        .size = sizeof a, .sched_nice = nice, .sched_runtime = turn_ns}; /* policy 0: the usual */
    if (syscall(SYS_sched_setattr, 0, &a, 0))
        setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice);
}

void urgency_prompt(void)
{
    set(getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid)), SHORT_TURN_NS);
}

void urgency_patient(int nice)
{
    set(nice, LONG_TURN_NS);
}
