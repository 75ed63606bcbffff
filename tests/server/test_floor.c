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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIRST_MS = 300, LONG_MS = 2000, LOOK_MS = 20 };

/* What a process with a thread in the background tells of itself. */
struct told {
    _Atomic pid_t tid;
    _Atomic bool rival; /* a thread of the same process wants the same processor all the time */
    _Atomic bool sleeps;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

static void *background(void *ctx)
{
    struct told *t = ctx;
    urgency_patient(5);
    t->tid = (pid_t)syscall(SYS_gettid);
    for (;;)
        if (t->sleeps)
            pause_ms(2);
    return NULL;
}

static pid_t start(struct told **out)
{
    struct told *t =
        mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(t, MAP_FAILED);
    *out = t;
    t->rival = true;
    pid_t pid = fork();
    if (pid)
        return pid;
    pthread_t thread;
    cpu_set_t cpus, one;
    CPU_ZERO(&one);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
    if (sched_getaffinity(0, sizeof cpus, &cpus))
        _exit(1);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &cpus))
            CPU_SET(i, &one);
    if (sched_setaffinity(0, sizeof one, &one) || pthread_create(&thread, NULL, background, t))
        _exit(1);
    urgency_prompt();
    for (;;)
        if (!t->rival || !t->tid)
            pause_ms(2);
}

static void stop(pid_t pid, struct told *t)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    munmap(t, sizeof *t);
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

/* False where threads cannot be called back, and so are never idle. */
static bool begin(pid_t pid, struct told *t)
{
    for (int i = 0; i < 1000 && !t->tid; i++)
        pause_ms(2);
    assert_true(t->tid);
    pause_ms(FIRST_MS);
    if (urgency_idle(t->tid))
        return true;
    stop(pid, t);
    return false;
}

/* The part of their processor the background thread has beside its rival. */
static double part(pid_t pid, const struct told *t, bool watched)
{
    struct floor_watch w = {0};
    double mine = ran_ms(pid, t->tid), rival = ran_ms(pid, pid);
    for (int64_t end = now_us() + INT64_C(1000) * LONG_MS; now_us() < end; pause_ms(LOOK_MS))
        if (watched)
            floor_look(&w, pid, now_us());
    mine = ran_ms(pid, t->tid) - mine;
    rival = ran_ms(pid, pid) - rival;
    return mine / (mine + rival);
}

static void beside_one_that_never_rests_a_thread_has_its_part(void **state)
{
    (void)state;
    struct told *t;
    pid_t pid = start(&t);
    if (!begin(pid, t))
        skip();
    double alone = part(pid, t, false), watched = part(pid, t, true);
    stop(pid, t);
    assert_true(alone < 0.04);
    assert_true(watched > 0.05);
    assert_true(watched < 0.35);
}

static void lifted_threads_go_back_when_there_is_room(void **state)
{
    (void)state;
    struct told *t;
    struct floor_watch w = {0};
    bool lifted = false;
    pid_t pid = start(&t);
    if (!begin(pid, t))
        skip();
    for (int i = 0; i < LONG_MS / LOOK_MS && !lifted; i++, pause_ms(LOOK_MS)) {
        floor_look(&w, pid, now_us());
        lifted = !urgency_idle(t->tid);
    }
    assert_true(lifted);
    t->rival = false;
    pause_ms(2 * FLOOR_MS);
    floor_look(&w, pid, now_us());
    pause_ms(2 * FLOOR_MS);
    floor_look(&w, pid, now_us());
    assert_true(urgency_idle(t->tid));
    assert_int_equal(w.count, 1); /* the other thread was never idle */
    stop(pid, t);
}

static void who_sleeps_now_and_then_is_not_starved(void **state)
{
    (void)state;
    struct told *t;
    struct floor_watch w = {0};
    pid_t pid = start(&t);
    if (!begin(pid, t))
        skip();
    t->rival = false;
    t->sleeps = true;
    for (int i = 0; i < 10; i++, pause_ms(FLOOR_MS)) {
        floor_look(&w, pid, now_us());
        assert_true(urgency_idle(t->tid));
    }
    stop(pid, t);
}

static void another_process_is_looked_at_anew(void **state)
{
    (void)state;
    struct told *t;
    struct floor_watch w = {0};
    pid_t first = start(&t);
    if (!begin(first, t))
        skip();
    floor_look(&w, first, now_us());
    assert_int_equal(w.count, 1);
    stop(first, t);
    pause_ms(2 * FLOOR_MS);
    floor_look(&w, first, now_us()); /* gone, and its threads are forgotten */
    assert_int_equal(w.count, 0);
    floor_look(&w, getpid(), now_us());
    assert_int_equal(w.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beside_one_that_never_rests_a_thread_has_its_part),
        cmocka_unit_test(lifted_threads_go_back_when_there_is_room),
        cmocka_unit_test(who_sleeps_now_and_then_is_not_starved),
        cmocka_unit_test(another_process_is_looked_at_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
