#include "server/apply.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/apply_record.h"
#include "server/deleted.h"
#include "server/edition.h"
#include "server/evict.h"
#include "server/floor.h"
#include "server/push_canary.h"
#include "server/say.h"
#include "server/stream.h"
#include "server/upkeep.h"

enum {
    ITEMS_USUAL = 1024,
    ITEMS_MOST = 131072,
    BYTES_MOST = 32 << 20,
    APPLY_NICE = 5 /* while it is lifted: a third of a core beside a front */
};

struct job {
    struct job *next;
    struct writer_catalog *catalog;
    uint64_t items;
    bool taken; /* by the thread: no longer waiting */
    struct log_record record;
};

struct apply {
    struct loop *loop;
    struct floor *floor;
    struct floor_thread *me; /* set by the thread, under the lock */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
    struct job *head, **tail;
    struct writer_catalog *at; /* what the thread applies changes to */
    bool busy;                 /* in a step; merges may concern any catalog */
    bool built;                /* the merger told so since the last step */
    bool paused;               /* begins no step */
    bool stop;
    /* the thread's own */
    struct upkeep *upkeep;
    struct arena arena;
    struct buf scratch;
};

/* --- jobs ------------------------------------------------------------------------------------- */

enum status job_create(struct writer_catalog *c, const struct log_record *r, uint64_t items,
                       struct job **out)
{
    struct job *j = malloc(sizeof *j + r->payload.len);
    *out = j;
    if (!j)
        return STATUS_NO_MEMORY;
    if (r->payload.len)
        memcpy(j + 1, r->payload.ptr, r->payload.len);
    *j = (struct job){.catalog = c, .items = items, .record = *r};
    j->record.payload.ptr = (char *)(j + 1);
    return STATUS_OK;
}

void job_destroy(struct job **j)
{
    free(*j);
    *j = NULL;
}

static void count_in(struct job *j)
{
    struct writer_catalog *c = j->catalog;
    c->queued_items += j->items;
    c->waiting_items += j->items;
    c->waiting_bytes += j->record.payload.len;
    c->row->queued = c->queued_items;
}

/* What is being applied leaves room for others to wait. */
static void count_taken(struct job *j)
{
    struct writer_catalog *c = j->catalog;
    if (j->taken)
        return;
    j->taken = true;
    c->waiting_items -= j->items;
    c->waiting_bytes -= j->record.payload.len;
}

static void count_out(struct job *j)
{
    struct writer_catalog *c = j->catalog;
    count_taken(j);
    c->queued_items -= j->items;
    c->row->queued = c->queued_items;
}

void apply_push(struct apply *a, struct job *j)
{
    count_in(j);
    pthread_mutex_lock(&a->lock);
    *a->tail = j;
    a->tail = &j->next;
    floor_work(a->me);
    pthread_cond_signal(&a->work);
    pthread_mutex_unlock(&a->lock);
}

static bool alone(const struct job *j)
{
    return j->record.type == LOG_SCHEMA || j->record.type == LOG_REBUILD;
}

/* The next jobs of one catalog that go into one batch; under the lock. */
static struct job *take(struct apply *a)
{
    struct job *first = a->head, *last = first;
    uint64_t items = first->items, bytes = first->record.payload.len;
    uint64_t most =
        first->catalog->waiting_items > UINT64_C(8) * ITEMS_USUAL ? ITEMS_MOST : ITEMS_USUAL;
    while (!alone(first) && last->next && last->next->catalog == first->catalog &&
           !alone(last->next) && items + last->next->items <= most && bytes < BYTES_MOST) {
        last = last->next;
        items += last->items;
        bytes += last->record.payload.len;
    }
    a->head = last->next;
    if (!a->head)
        a->tail = &a->head;
    last->next = NULL;
    for (struct job *j = first; j; j = j->next)
        count_taken(j);
    return first;
}

static void free_jobs(struct job *j)
{
    while (j) {
        struct job *next = j->next;
        count_out(j);
        job_destroy(&j);
        j = next;
    }
}

/* --- a batch
 * -------------------------------------------------------------------------------------- */

static enum status run_batch(struct apply *a, struct writer_catalog *c, const struct job *jobs)
{
    struct batch *b;
    uint64_t last = 0;
    struct applied sum = {0};
    enum status st = batch_begin(c->applying, &b);
    if (st)
        return st;
    batch_on_move(b, evict_moved, c);
    for (const struct job *j = jobs; j && !st; j = j->next) {
        st = apply_record(b, &j->record, &a->arena, &a->scratch, &sum);
        last = j->record.sequence;
    }
    st = st ? st : idempotency_prune(b, sum.accepted_ms - (int64_t)c->window_ms, &sum.keys);
    st = st ? st : deleted_prune(b, sum.accepted_ms - (int64_t)c->window_ms, sum.deleted);
    if (!sum.seen)
        batch_unseen(b);
    bool parts = sum.misfits && shared_follows(c->shared); /* its schema is another */
    if (!st && parts)
        st = stream_part(c->applying, b);
    if (st)
        batch_abort(&b);
    else
        st = batch_commit(&b, last);
    if (st)
        evict_moves_end(c, false);
    c->parted |= !st && parts;
    if (!st && sum.skipped)
        say("error", "writer", c->name, "the index refused %" PRIu64 " logged changes",
            sum.skipped);
    return st;
}

/* --- the thread ------------------------------------------------------------------------------- */

void apply_publish(struct writer_catalog *c, uint64_t sequence)
{
    if (snapshot_begin(c->applied) == STATUS_OK) {
        c->row->generation = snapshot_generation(c->applied);
        c->row->products = snapshot_live_count(c->applied) - push_canary_lives(c->applied);
        c->map_full = snapshot_map_beyond(c->applied, MAP_MOST);
        evict_moves_end(c, true);
        snapshot_end(c->applied);
    }
    c->row->visible = sequence;
    c->visible = sequence;
}

static bool stopping(struct apply *a)
{
    pthread_mutex_lock(&a->lock);
    bool stop = a->stop;
    pthread_mutex_unlock(&a->lock);
    return stop;
}

static enum status change(struct apply *a, struct writer_catalog *c, const struct log_record *r)
{
    struct rebuild_order *order = NULL;
    enum status st = edition_change(c, r, &order);
    if (order)
        upkeep_rebuild(a->upkeep, c, order);
    return st;
}

static enum status run(struct apply *a, struct writer_catalog *c, const struct job *jobs)
{
    const struct timespec pause = {0, 200000000};
    for (;;) {
        if (alone(jobs))
            upkeep_leave(a->upkeep, c);
        enum status st = alone(jobs) ? change(a, c, &jobs->record) : run_batch(a, c, jobs);
        if (st == STATUS_NO_MEMORY && !stopping(a)) { /* nothing of it is in the index */
            nanosleep(&pause, NULL);
            continue;
        }
        if (st != STATUS_NO_SPACE)
            return st;
        upkeep_make_room(a->upkeep, c); /* what a merge holds twice may be the room that lacks */
        c->row->write_state = WRITE_NO_SPACE;
        if (writer_catalog_give_room(c))
            continue;
        if (stopping(a))
            return st;
        nanosleep(&pause, NULL);
    }
}

void apply_stop(struct writer_catalog *c, enum status st)
{
    if (c->failed)
        return;
    say("error", "writer", c->name, "it takes no more changes: %s", status_text(st));
    c->failed = st;
    c->row->write_state = WRITE_SAFE_MODE;
}

static void work(struct apply *a, struct job *jobs)
{
    struct writer_catalog *c = jobs->catalog;
    uint64_t last = 0, items = 0;
    int64_t began = clock_mono_us();
    for (struct job *j = jobs; j; j = j->next) {
        last = j->record.sequence;
        items += j->items;
    }
    enum status st = c->failed ? (enum status)c->failed : run(a, c, jobs);
    if (!st) {
        if (c->row->write_state == WRITE_NO_SPACE && !c->disk_low)
            c->row->write_state = WRITE_OPEN;
        apply_publish(c, last);
        c->items_per_s = items * 1000000 / (uint64_t)(clock_mono_us() - began + 1);
    } else if (st != STATUS_NO_SPACE && st != STATUS_NO_MEMORY && !c->failed) {
        apply_stop(c, st);
    }
    free_jobs(jobs);
    loop_wake(a->loop);
}

static void wait_for_work(struct apply *a, int64_t ms)
{
    floor_rest(a->me);
    if (ms < 0) {
        pthread_cond_wait(&a->work, &a->lock);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&a->work, &a->lock, &until);
}

/* Under the lock. */
static void one_step(struct apply *a)
{
    struct job *jobs = a->head ? take(a) : NULL;
    a->busy = true;
    a->at = jobs ? jobs->catalog : NULL;
    struct writer_catalog *c = a->at;
    pthread_mutex_unlock(&a->lock);
    int64_t ms = 0;
    if (jobs) {
        work(a, jobs);
        upkeep_after_batch(a->upkeep, c);
    } else {
        ms = upkeep_idle(a->upkeep);
    }
    if (upkeep_moved(a->upkeep))
        loop_wake(a->loop);
    pthread_mutex_lock(&a->lock);
    a->at = NULL;
    a->busy = false;
    pthread_cond_broadcast(&a->idle);
    if (ms && !a->head && !a->stop && !a->built)
        wait_for_work(a, ms);
    a->built = false;
}

static void *thread_main(void *ctx)
{
    struct apply *a = ctx;
    struct floor_thread *me = floor_join(a->floor, APPLY_NICE);
    pthread_mutex_lock(&a->lock);
    a->me = me;
    while (!a->stop) {
        floor_work(a->me);
        if (a->paused)
            pthread_cond_wait(&a->work, &a->lock);
        else
            one_step(a);
    }
    a->me = NULL;
    pthread_mutex_unlock(&a->lock);
    floor_leave(a->floor, &me);
    return NULL;
}

/* In the merger's thread. */
static void on_built(void *ctx)
{
    struct apply *a = ctx;
    pthread_mutex_lock(&a->lock);
    a->built = true;
    floor_work(a->me);
    pthread_cond_signal(&a->work);
    pthread_mutex_unlock(&a->lock);
}

void apply_leave(struct apply *a, struct writer_catalog *c)
{
    struct job *gone = NULL;
    pthread_mutex_lock(&a->lock);
    for (struct job **at = &a->head; *at;) {
        struct job *j = *at;
        if (j->catalog != c) {
            at = &j->next;
            continue;
        }
        *at = j->next;
        j->next = gone;
        gone = j;
    }
    a->tail = &a->head;
    while (*a->tail)
        a->tail = &(*a->tail)->next;
    a->paused = true;
    while (a->busy)
        pthread_cond_wait(&a->idle, &a->lock);
    /* Not under the lock: what is given up may just be telling that it is built. */
    pthread_mutex_unlock(&a->lock);
    upkeep_forget(a->upkeep, c);
    pthread_mutex_lock(&a->lock);
    a->paused = false;
    pthread_cond_signal(&a->work);
    pthread_mutex_unlock(&a->lock);
    free_jobs(gone);
}

enum status apply_create(struct loop *loop, struct floor *floor, struct apply **out)
{
    struct apply *a = calloc(1, sizeof *a);
    *out = a;
    if (!a)
        return STATUS_NO_MEMORY;
    a->loop = loop;
    a->floor = floor;
    a->tail = &a->head;
    arena_init(&a->arena, 0);
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&a->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&a->idle, NULL);
    if (upkeep_create(floor, on_built, a, &a->upkeep) == STATUS_OK &&
        pthread_create(&a->thread, NULL, thread_main, a) == 0)
        return STATUS_OK;
    upkeep_destroy(&a->upkeep);
    free(a);
    *out = NULL;
    return STATUS_NO_MEMORY;
}

void apply_destroy(struct apply **ap)
{
    struct apply *a = *ap;
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_signal(&a->work);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    upkeep_destroy(&a->upkeep);
    free_jobs(a->head);
    arena_fini(&a->arena);
    buf_fini(&a->scratch);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->work);
    pthread_cond_destroy(&a->idle);
    free(a);
    *ap = NULL;
}
