#include "server/compact.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/apply_record.h"
#include "server/deleted.h"
#include "server/edition.h"
#include "server/floor.h"
#include "server/role.h"
#include "server/say.h"

enum {
    COMPACT_NICE = 10,
    CATCH_UP_ROUNDS = 8,
    CATCH_UP_NEAR = 1000, /* records the apply thread may be left with */
    BATCH_RECORDS = 4096,
    BATCH_BYTES = 32 << 20,
    WARM_PART = 50, /* percent of the old edition in memory, for the new one to be read in */
    WARM_LEFT = 5,  /* percent that need not be waited for */
    WARM_MS = 20,
    WARM_STILL = 25 /* looks without progress: the memory does not suffice */
};

struct compact {
    struct writer_catalog *catalog;
    struct floor *floor;
    bool rebuild;
    struct rebuild_order *order; /* of a change of the catalog, NULL = upkeep */
    char path[PATH_MAX];
    struct index *from, *fresh;
    uint64_t have; /* sequence the new edition stands at */
    pthread_t thread;
    bool joined;
    _Atomic bool ready, stop;
    enum status status;
    void (*tell)(void *ctx);
    void *ctx;
};

/* --- when ------------------------------------------------------------------------------------- */

/* Spent docids cost 8 bytes each and a look in every scan; free pages only disk. */
bool compact_due(struct writer_catalog *c, bool idle)
{
    struct index_usage u;
    if (snapshot_begin(c->applied))
        return false;
    enum status st = idle ? snapshot_usage(c->applied, &u) : STATUS_OK;
    uint64_t live = snapshot_live_count(c->applied), spent = snapshot_docid_end(c->applied);
    snapshot_end(c->applied);
    c->compact_rebuild = spent > (idle ? live * 5 / 2 + 50000 : live * 4 + 60000);
    /* A full map has no room to merge deletes away: another edition has. */
    c->compact_rebuild |= c->map_full && spent > live * 5 / 4;
    return !st && (c->compact_rebuild ||
                   (idle && u.file_bytes > u.used_bytes * 5 / 4 + ((uint64_t)8 << 20)));
}

/* --- catching up ------------------------------------------------------------------------------ */

struct catch_up {
    struct compact *k;
    struct batch *batch;
    struct arena arena;
    struct buf scratch;
    struct applied sum;
    uint64_t last, target, records, bytes;
};

static enum status commit(struct catch_up *u)
{
    if (!u->batch)
        return STATUS_OK;
    int64_t oldest = u->sum.accepted_ms - (int64_t)u->k->catalog->window_ms;
    enum status st = idempotency_prune(u->batch, oldest, &u->sum.keys);
    st = st ? st : deleted_prune(u->batch, oldest, u->sum.deleted);
    if (st)
        batch_abort(&u->batch);
    else
        st = batch_commit(&u->batch, u->last);
    u->sum = (struct applied){0};
    u->records = u->bytes = 0;
    return st;
}

static enum status each(void *ctx, const struct log_record *r)
{
    struct catch_up *u = ctx;
    enum status st = STATUS_OK;
    if (r->sequence > u->target)
        return STATUS_END;
    if (u->k->stop)
        return STATUS_CANCELLED;
    if (!u->batch)
        st = batch_begin(u->k->fresh, &u->batch);
    st = st ? st : apply_record(u->batch, r, &u->arena, &u->scratch, &u->sum);
    if (!st && u->k->order && u->k->order->schema && u->sum.misfits)
        st = STATUS_SCHEMA_MISMATCH; /* logged before the new schema was: it keeps the old one */
    if (st)
        return st;
    u->sum.misfits = 0;
    u->last = r->sequence;
    u->bytes += r->payload.len;
    if (++u->records >= BATCH_RECORDS || u->bytes >= BATCH_BYTES)
        st = commit(u);
    return st ? st : u->last == u->target ? STATUS_END : STATUS_OK;
}

/* Behind the target the log may be in the middle of a write: what is there does not matter. */
static enum status catch_up(struct compact *k, uint64_t target)
{
    char path[PATH_MAX];
    struct catch_up u = {.k = k, .last = k->have, .target = target};
    struct writer_catalog *c = k->catalog;
    if (target <= k->have)
        return STATUS_OK;
    if (!catalog_log_path(path, sizeof path, c->data_dir, slice_str(c->name)))
        return STATUS_TOO_LARGE;
    arena_init(&u.arena, 0);
    enum status st = event_log_replay(path, k->have, each, &u, NULL);
    if (u.last == target)
        st = STATUS_OK;
    else if (!st || st == STATUS_END)
        st = STATUS_CORRUPT; /* what is applied must be in the log */
    st = st ? st : commit(&u);
    batch_abort(&u.batch);
    arena_fini(&u.arena);
    buf_fini(&u.scratch);
    if (!st)
        k->have = target;
    return st;
}

/* --- the thread ------------------------------------------------------------------------------- */

static enum status open_fresh(struct compact *k)
{
    struct index_options o = {.map_bytes = k->catalog->map_bytes};
    struct snapshot *s;
    bool stale;
    enum status st = index_open(k->path, &o, &k->fresh, &stale, NULL);
    st = st ? st : snapshot_create(k->fresh, &s);
    if (st)
        return st;
    st = snapshot_begin(s);
    if (!st)
        k->have = snapshot_sequence(s);
    snapshot_destroy(&s);
    return st;
}

/* A rebuild leaves the segments it merged behind as free pages: what stays is a copy of it. */
static enum status rebuild(struct compact *k)
{
    char room[PATH_MAX + 8];
    struct index *built = NULL;
    bool stale;
    snprintf(room, sizeof room, "%s.new", k->path);
    remove_tree(room);
    if (mkdir(room, 0750))
        return status_from_errno(errno);
    const struct schema *schema =
        k->order && k->order->schema ? k->order->schema : index_schema(k->from);
    enum status st = index_rebuild_into(k->from, room, schema, &k->stop, NULL);
    st = st ? st : index_open(room, NULL, &built, &stale, NULL);
    st = st ? st : index_copy_into(built, k->path);
    index_close(&built);
    remove_tree(room);
    return st;
}

/* Searches shall find the new edition in memory as much as the old one. */
static void warm(const struct compact *k)
{
    const struct timespec pause = {0, WARM_MS * 1000000L};
    uint32_t want = index_in_memory(k->from), have = index_in_memory(k->fresh), still = 0;
    if (want < WARM_PART)
        return; /* it is larger than the memory: nothing to win */
    index_warm(k->fresh);
    while (have + WARM_LEFT < want && still < WARM_STILL && !k->stop) {
        nanosleep(&pause, NULL);
        uint32_t now = index_in_memory(k->fresh);
        still = now > have ? 0 : still + 1;
        have = now;
    }
}

static enum status make(struct compact *k)
{
    writer_catalog_sweep(k->catalog, false); /* an interrupted attempt */
    if (mkdir(k->path, 0750))
        return status_from_errno(errno);
    enum status st = k->rebuild ? rebuild(k) : index_copy_into(k->from, k->path);
    st = st ? st : open_fresh(k);
    for (int i = 0; !st && !k->stop && i < CATCH_UP_ROUNDS; i++) {
        uint64_t target = k->catalog->visible;
        if (target - k->have < CATCH_UP_NEAR)
            break;
        st = catch_up(k, target);
    }
    if (!st)
        warm(k);
    return st;
}

static void *thread_main(void *ctx)
{
    struct compact *k = ctx;
    struct floor_thread *me = floor_join(k->floor, COMPACT_NICE);
    k->status = make(k);
    floor_leave(k->floor, &me);
    k->ready = true;
    k->tell(k->ctx);
    return NULL;
}

enum status compact_start(struct writer_catalog *c, struct rebuild_order *order,
                          struct floor *floor, void (*ready)(void *ctx), void *ctx,
                          struct compact **out)
{
    struct compact *k = calloc(1, sizeof *k);
    *out = NULL;
    if (!k) {
        rebuild_order_destroy(&order);
        return STATUS_NO_MEMORY;
    }
    k->catalog = c;
    k->floor = floor;
    k->order = order;
    k->rebuild = order || c->compact_rebuild;
    k->from = c->applying;
    k->tell = ready;
    k->ctx = ctx;
    if (!catalog_edition_path(k->path, sizeof k->path, c->data_dir, slice_str(c->name),
                              c->edition + 1)) {
        rebuild_order_destroy(&k->order);
        free(k);
        return STATUS_TOO_LARGE;
    }
    shared_pages_wipe(ROLE_FD_SHARED, c->shared, c->row, c->edition + 1);
    c->log_keep = c->visible; /* what the copy lacks stays in the log */
    c->compacting = true;
    if (pthread_create(&k->thread, NULL, thread_main, k)) {
        c->compacting = false;
        rebuild_order_destroy(&k->order);
        free(k);
        return STATUS_NO_MEMORY;
    }
    *out = k;
    return STATUS_OK;
}

bool compact_ready(const struct compact *k)
{
    return k->ready;
}

bool compact_ordered(const struct compact *k)
{
    return k->order != NULL;
}

static void end(struct compact **kp)
{
    struct compact *k = *kp;
    if (!k->joined)
        pthread_join(k->thread, NULL);
    if (k->fresh) { /* not switched to */
        index_close(&k->fresh);
        remove_tree(k->path);
    }
    k->catalog->compacting = false;
    rebuild_order_destroy(&k->order);
    free(k);
    *kp = NULL;
}

enum status compact_finish(struct compact **kp)
{
    struct compact *k = *kp;
    struct writer_catalog *c = k->catalog;
    pthread_join(k->thread, NULL);
    k->joined = true;
    enum status st = k->status;
    st = st ? st : catch_up(k, c->visible);
    if (!st && k->order)
        st = edition_order_forget(k->fresh, c->visible);
    st = st ? st : edition_switch(c, k->fresh);
    if (!st)
        k->fresh = NULL;
    else
        say("error", "writer", c->name, "no new edition: %s", status_text(st));
    if (k->order)
        edition_changed(c, k->order, st);
    if (st && !k->fresh)
        remove_tree(k->path);
    end(kp);
    return st;
}

void compact_cancel(struct compact **kp, enum status why)
{
    if (!*kp)
        return;
    (*kp)->stop = true;
    if (!(*kp)->joined)
        pthread_join((*kp)->thread, NULL);
    (*kp)->joined = true;
    if (!(*kp)->fresh)
        remove_tree((*kp)->path);
    if ((*kp)->order && why)
        edition_changed((*kp)->catalog, (*kp)->order, why);
    end(kp);
}
