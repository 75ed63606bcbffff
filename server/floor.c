#include "server/floor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "server/urgency.h"

struct floor_thread {
    struct floor_thread *next;
    pid_t tid;
    clockid_t clock; /* of the time it had */
    _Atomic bool works;
    _Atomic uint64_t rests; /* ever */
    /* the floor's, at the last look */
    bool worked;
    uint64_t rested;
    int64_t had_us;
    uint32_t starved, lifted; /* looks: without a break, still to come */
};

struct floor {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t end;
    bool ends;
    struct floor_thread *threads;
};

static int64_t us_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void look(struct floor_thread *t, int64_t window_us)
{
    bool works = t->works;
    uint64_t rests = t->rests;
    int64_t had = us_of(t->clock);
    bool starved = works && t->worked && rests == t->rested &&
                   (had - t->had_us) * 100 < window_us * FLOOR_PERCENT;
    t->starved = starved ? t->starved + 1 : 0;
    if (t->lifted && --t->lifted == 0)
        urgency_lift(t->tid, false);
    else if (!t->lifted && t->starved >= FLOOR_STARVED) {
        urgency_lift(t->tid, true);
        t->lifted = FLOOR_LIFTED;
    }
    t->worked = works;
    t->rested = rests;
    t->had_us = had;
}

static void *thread_main(void *ctx)
{
    struct floor *f = ctx;
    int64_t looked_us = us_of(CLOCK_MONOTONIC);
    pthread_mutex_lock(&f->lock);
    while (!f->ends) {
        int64_t until = looked_us + INT64_C(1000) * FLOOR_MS, now;
        struct timespec t = {until / 1000000, until % 1000000 * 1000};
        pthread_cond_timedwait(&f->end, &f->lock, &t);
        if ((now = us_of(CLOCK_MONOTONIC)) < until)
            continue;
        for (struct floor_thread *i = f->threads; i; i = i->next)
            look(i, now - looked_us);
        looked_us = now;
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

enum status floor_create(struct floor **out)
{
    pthread_condattr_t monotonic;
    struct floor *f = calloc(1, sizeof *f);
    *out = f;
    if (!f)
        return STATUS_NO_MEMORY;
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&f->end, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&f->thread, NULL, thread_main, f) == 0)
        return STATUS_OK;
    free(f);
    *out = NULL;
    return STATUS_NO_MEMORY;
}

void floor_destroy(struct floor **fp)
{
    struct floor *f = *fp;
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->ends = true;
    pthread_cond_signal(&f->end);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->end);
    free(f);
    *fp = NULL;
}

struct floor_thread *floor_join(struct floor *f, int nice)
{
    struct floor_thread *t = f ? calloc(1, sizeof *t) : NULL;
    urgency_patient(nice);
    if (!t)
        return NULL;
    t->tid = (pid_t)syscall(SYS_gettid);
    t->works = true;
    if (pthread_getcpuclockid(pthread_self(), &t->clock) || !urgency_idle(nice)) {
        free(t);
        return NULL;
    }
    pthread_mutex_lock(&f->lock);
    t->next = f->threads;
    f->threads = t;
    pthread_mutex_unlock(&f->lock);
    return t;
}

void floor_leave(struct floor *f, struct floor_thread **tp)
{
    struct floor_thread *t = *tp, **at;
    if (!t)
        return;
    pthread_mutex_lock(&f->lock);
    for (at = &f->threads; *at != t; at = &(*at)->next)
        ;
    *at = t->next;
    pthread_mutex_unlock(&f->lock);
    urgency_lift(t->tid, true);
    free(t);
    *tp = NULL;
}

void floor_rest(struct floor_thread *t)
{
    if (!t)
        return;
    t->works = false;
    t->rests++;
}

void floor_work(struct floor_thread *t)
{
    if (t)
        t->works = true;
}
