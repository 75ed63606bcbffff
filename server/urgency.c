#include "server/urgency.h"

#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's bounds are 0.1 and 100 ms. A search is over within one short turn. */
enum { SHORT_TURN_NS = 500000, LONG_TURN_NS = 20000000 };

static pid_t self(void)
{
    return (pid_t)syscall(SYS_gettid);
}

static void set(pid_t tid, unsigned policy, int nice, unsigned turn_ns)
{
    struct sched_attr a = {
        .size = sizeof a, .sched_policy = policy, .sched_nice = nice, .sched_runtime = turn_ns};
    if (syscall(SYS_sched_setattr, tid, &a, 0))
        setpriority(PRIO_PROCESS, (id_t)tid, nice);
}

static bool get(pid_t tid, struct sched_attr *a)
{
    *a = (struct sched_attr){.size = sizeof *a};
    return syscall(SYS_sched_getattr, tid, a, sizeof *a, 0) == 0;
}

void urgency_prompt(void)
{
    set(0, SCHED_NORMAL, getpriority(PRIO_PROCESS, (id_t)self()), SHORT_TURN_NS);
}

/* May a thread that runs only when nobody else wants to be called back from there? */
static bool may_lift(int nice)
{
    struct rlimit l;
    struct __user_cap_header_struct who = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
    if (getrlimit(RLIMIT_NICE, &l) == 0 && l.rlim_cur >= (rlim_t)(20 - nice))
        return true;
    return syscall(SYS_capget, &who, caps) == 0 &&
           (caps[CAP_TO_INDEX(CAP_SYS_NICE)].effective & CAP_TO_MASK(CAP_SYS_NICE));
}

void urgency_patient(int nice)
{
    set(0, SCHED_NORMAL, nice, LONG_TURN_NS);
}

bool urgency_idle(int nice)
{
    struct sched_attr a;
    if (!may_lift(nice))
        return false;
    set(0, SCHED_IDLE, nice, LONG_TURN_NS);
    return get(0, &a) && a.sched_policy == SCHED_IDLE;
}

void urgency_lift(pid_t tid, bool lifted)
{
    struct sched_attr a;
    if (get(tid, &a))
        set(tid, lifted ? SCHED_NORMAL : SCHED_IDLE, a.sched_nice, LONG_TURN_NS);
}
