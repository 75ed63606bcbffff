#include "server/floor.h"
#include "server/urgency.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { NICE = 5, LONG_MS = 3000, LOOK_MS = 10 };

/* What a process with a thread in the background tells of itself, and is told. */
struct told {
    _Atomic pid_t tid;
    _Atomic bool rival; /* another thread wants the same processor all the time */
    _Atomic bool rests; /* the thread works for a moment, rests for a moment */
};

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

static double ran_ms(pid_t pid, pid_t tid)
{
    char path[64];
    unsigned long long ns = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)pid, (int)tid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%llu", &ns), 1);
    fclose(f);
    return (double)ns / 1e6;
}

static bool idle(const struct told *t)
{
    return sched_getscheduler(t->tid) == SCHED_IDLE;
}

struct child {
    struct told *told;
    struct floor *floor;
};

static void *background(void *ctx)
{
    struct child *c = ctx;
    struct floor_thread *me = floor_join(c->floor, NICE);
    c->told->tid = (pid_t)syscall(SYS_gettid);
    for (;;) {
        if (!c->told->rests)
            continue;
        floor_rest(me);
        pause_ms(20);
        floor_work(me);
    }
    return NULL;
}

/* On one processor; a test that fails leaves nobody behind. */
static void run_child(struct told *t)
{
    pthread_t thread;
    cpu_set_t cpus, one;
    struct child c = {.told = t};
    CPU_ZERO(&one);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sched_getaffinity(0, sizeof cpus, &cpus))
        _exit(1);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &cpus))
            CPU_SET(i, &one);
    if (sched_setaffinity(0, sizeof one, &one) || floor_create(&c.floor) ||
        pthread_create(&thread, NULL, background, &c))
        _exit(1);
    urgency_prompt();
    for (;;)
        if (!t->rival)
            pause_ms(2);
}

static void stop(pid_t pid, struct told *t)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    munmap(t, sizeof *t);
}

/* Skips the test where threads cannot be called back, and so are never idle. */
static pid_t start(struct told **out)
{
    struct told *t =
        mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(t, MAP_FAILED);
    *out = t;
    pid_t pid = fork();
    if (!pid)
        run_child(t);
    for (int i = 0; i < 1000 && !t->tid; i++)
        pause_ms(2);
    assert_true(t->tid);
    if (!idle(t)) {
        stop(pid, t);
        skip();
    }
    return pid;
}

static bool lifted_within(const struct told *t, int ms)
{
    for (int i = 0; i < ms / LOOK_MS && idle(t); i++)
        pause_ms(LOOK_MS);
    return !idle(t);
}

static void beside_one_that_never_rests_a_thread_has_its_part(void **state)
{
    (void)state;
    struct told *t;
    pid_t pid = start(&t);
    t->rival = true;
    pause_ms(500);
    double mine = ran_ms(pid, t->tid), rival = ran_ms(pid, pid);
    for (int i = 0; i < LONG_MS / LOOK_MS; i++)
        pause_ms(LOOK_MS);
    mine = ran_ms(pid, t->tid) - mine;
    rival = ran_ms(pid, pid) - rival;
    stop(pid, t);
    assert_true(mine > 0.05 * (mine + rival));
    assert_true(mine < 0.35 * (mine + rival));
}

static void who_is_starved_is_lifted_until_there_is_room(void **state)
{
    (void)state;
    struct told *t;
    pid_t pid = start(&t);
    assert_false(lifted_within(t, 500));
    t->rival = true;
    assert_true(lifted_within(t, LONG_MS));
    t->rival = false;
    for (int i = 0; i < LONG_MS / LOOK_MS && !idle(t); i++)
        pause_ms(LOOK_MS);
    assert_true(idle(t));
    stop(pid, t);
}

static void who_rests_does_not_starve(void **state)
{
    (void)state;
    struct told *t;
    pid_t pid = start(&t);
    t->rests = true;
    assert_false(lifted_within(t, 1000));
    stop(pid, t);
}

static void *join_and_leave(void *ctx)
{
    struct floor_thread *me = floor_join(ctx, NICE);
    bool was = sched_getscheduler(0) == SCHED_IDLE;
    floor_leave(ctx, &me);
    assert_null(me);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
    assert_int_equal(getpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid)), NICE);
    return (void *)(uintptr_t)(was ? 1 : 0);
}

static void who_leaves_is_idle_no_longer(void **state)
{
    (void)state;
    struct floor *f;
    pthread_t threads[4];
    void *was = NULL;
    assert_int_equal(floor_create(&f), STATUS_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, join_and_leave, f), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], &was), 0);
    floor_destroy(&f);
    if (!was)
        skip();
}

static void without_a_floor_a_thread_is_only_nicer(void **state)
{
    (void)state;
    pthread_t thread;
    void *was;
    assert_int_equal(pthread_create(&thread, NULL, join_and_leave, NULL), 0);
    assert_int_equal(pthread_join(thread, &was), 0);
    assert_null(was);
    floor_rest(NULL);
    floor_work(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beside_one_that_never_rests_a_thread_has_its_part),
        cmocka_unit_test(who_is_starved_is_lifted_until_there_is_room),
        cmocka_unit_test(who_rests_does_not_starve),
        cmocka_unit_test(who_leaves_is_idle_no_longer),
        cmocka_unit_test(without_a_floor_a_thread_is_only_nicer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
