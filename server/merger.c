#include "server/merger.h"

#include <pthread.h>
#include <stdlib.h>

#include "server/floor.h"

enum { MERGER_NICE = 10 };
enum state { MERGER_FREE, MERGER_BUILDS, MERGER_BUILT, MERGER_STOPS };

struct merger {
    pthread_t thread;
    struct floor *floor;
    struct floor_thread *me; /* set by the thread, under the lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum state state;
    struct index *index;
    struct merge_task *task;
    enum status built;
    void (*ready)(void *ctx);
    void *ctx;
};

static void *thread_main(void *ctx)
{
    struct merger *m = ctx;
    struct floor_thread *me = floor_join(m->floor, MERGER_NICE);
    pthread_mutex_lock(&m->lock);
    m->me = me;
    while (m->state != MERGER_STOPS) {
        if (m->state != MERGER_BUILDS) {
            floor_rest(m->me);
            pthread_cond_wait(&m->changed, &m->lock);
            continue;
        }
        pthread_mutex_unlock(&m->lock);
        enum status st = merge_task_run(m->task);
        pthread_mutex_lock(&m->lock);
        m->built = st;
        if (m->state == MERGER_BUILDS)
            m->state = MERGER_BUILT;
        pthread_cond_broadcast(&m->changed);
        pthread_mutex_unlock(&m->lock);
        m->ready(m->ctx);
        pthread_mutex_lock(&m->lock);
    }
    m->me = NULL;
    pthread_mutex_unlock(&m->lock);
    floor_leave(m->floor, &me);
    return NULL;
}

enum status merger_create(struct floor *floor, void (*ready)(void *ctx), void *ctx,
                          struct merger **out)
{
    struct merger *m = calloc(1, sizeof *m);
    *out = m;
    if (!m)
        return STATUS_NO_MEMORY;
    m->floor = floor;
    m->ready = ready;
    m->ctx = ctx;
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->changed, NULL);
    if (pthread_create(&m->thread, NULL, thread_main, m) == 0)
        return STATUS_OK;
    free(m);
    *out = NULL;
    return STATUS_NO_MEMORY;
}

void merger_destroy(struct merger **mp)
{
    struct merger *m = *mp;
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    m->state = MERGER_STOPS;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
    merge_task_destroy(&m->task);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->changed);
    free(m);
    *mp = NULL;
}

static enum state state_of(struct merger *m)
{
    pthread_mutex_lock(&m->lock);
    enum state s = m->state;
    pthread_mutex_unlock(&m->lock);
    return s;
}

bool merger_free(struct merger *m)
{
    return state_of(m) == MERGER_FREE;
}

void merger_start(struct merger *m, struct index *ix, struct merge_task *t)
{
    pthread_mutex_lock(&m->lock);
    m->index = ix;
    m->task = t;
    m->state = MERGER_BUILDS;
    floor_work(m->me);
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

struct merge_task *merger_built(struct merger *m, struct index **ix, enum status *st)
{
    if (state_of(m) != MERGER_BUILT)
        return NULL;
    *ix = m->index;
    *st = m->built;
    return m->task;
}

void merger_end(struct merger *m)
{
    merge_task_destroy(&m->task);
    pthread_mutex_lock(&m->lock);
    m->state = MERGER_FREE;
    m->index = NULL;
    pthread_mutex_unlock(&m->lock);
}

void merger_leave(struct merger *m, struct index *ix)
{
    pthread_mutex_lock(&m->lock);
    bool mine = m->index == ix && m->state != MERGER_FREE;
    while (mine && m->state == MERGER_BUILDS)
        pthread_cond_wait(&m->changed, &m->lock);
    pthread_mutex_unlock(&m->lock);
    if (mine)
        merger_end(m);
}
