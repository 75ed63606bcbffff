#include "server/upkeep.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/apply.h"
#include "server/compact.h"
#include "server/merger.h"
#include "server/say.h"

enum {
    SLICE_BYTES = 8 << 20, /* of a merge, between two batches */
    SETTLE_MS = 2000,      /* quiet for so long: time for merges that nobody waits for */
    NO_SPACE_MS = 1000,
    MERGE_MOST = 90, /* percent of the map */
    COMPACT_AGAIN_MS = 600000,
    ORDER_WAIT_MS = 20 /* another edition is ordered and something is in its way */
};

struct upkeep {
    struct merger *merger;
    struct floor *floor;
    struct writer_catalog *merging;                  /* whose merge is under way */
    int64_t write_after_ms;                          /* the disk was full */
    struct compact *compact;                         /* a smaller edition under way */
    struct writer_catalog *compacting;               /* whose */
    int64_t compact_after_ms;                        /* the last one failed */
    struct writer_catalog *touched[SHARED_CATALOGS]; /* changed, not yet settled */
    uint32_t touched_count;
    bool moved; /* a catalog has another edition */
    void (*built)(void *ctx);
    void *ctx;
};

enum status upkeep_create(struct floor *floor, void (*built)(void *ctx), void *ctx,
                          struct upkeep **out)
{
    struct upkeep *u = calloc(1, sizeof *u);
    *out = u;
    if (!u)
        return STATUS_NO_MEMORY;
    u->built = built;
    u->floor = floor;
    u->ctx = ctx;
    enum status st = merger_create(floor, built, ctx, &u->merger);
    if (st)
        upkeep_destroy(out);
    return st;
}

void upkeep_destroy(struct upkeep **u)
{
    if (!*u)
        return;
    compact_cancel(&(*u)->compact, STATUS_OK);
    merger_destroy(&(*u)->merger);
    free(*u);
    *u = NULL;
}

bool upkeep_moved(struct upkeep *u)
{
    bool moved = u->moved;
    u->moved = false;
    return moved;
}

/* Gives up what is being built for the catalog; an order is told `why`, when that is a failure. */
static void leave(struct upkeep *u, struct writer_catalog *c, enum status why)
{
    if (u->compacting == c) {
        compact_cancel(&u->compact, why);
        u->compacting = NULL;
    }
    if (c->order && why)
        edition_changed(c, c->order, why);
    rebuild_order_destroy(&c->order);
    merger_leave(u->merger, c->applying);
    if (u->merging == c)
        u->merging = NULL;
}

void upkeep_leave(struct upkeep *u, struct writer_catalog *c)
{
    leave(u, c, STATUS_OK);
}

void upkeep_make_room(struct upkeep *u, struct writer_catalog *c)
{
    leave(u, c, STATUS_NO_SPACE);
}

/* --- merges ----------------------------------------------------------------------------------- */

/* Writes a part of the merge that is built. A failed write or sync is final for the catalog, a full
 * disk is not: it is tried again. */
static void write_merge(struct upkeep *u, uint64_t bytes)
{
    struct index *ix;
    enum status st;
    bool done = false;
    struct merge_task *t = merger_built(u->merger, &ix, &st);
    struct writer_catalog *c = u->merging;
    if (!t)
        return;
    bool built = st == STATUS_OK;
    if (built)
        st = index_merge_write(ix, t, bytes, &done);
    bool passes = st == STATUS_NO_SPACE || st == STATUS_NO_MEMORY;
    u->write_after_ms = passes ? clock_mono_ms() + NO_SPACE_MS : 0;
    if (passes && built)
        return;
    if (st) {
        say("error", "writer", c->name, "merging: %s", status_text(st));
        c->settle_ms = 0;
        if (built)
            apply_stop(c, st);
    }
    if (st || done) {
        merger_end(u->merger);
        u->merging = NULL;
    }
    if (done)
        apply_publish(c, c->visible);
}

/* A merge holds its inputs twice for a moment: not at the cost of what deletes need. */
static bool room_for(struct writer_catalog *c, uint64_t bytes)
{
    struct index_usage usage;
    if (snapshot_begin(c->applied))
        return false;
    enum status st = snapshot_usage(c->applied, &usage);
    snapshot_end(c->applied);
    return !st && usage.used_bytes + bytes + bytes / 4 < usage.map_bytes / 100 * MERGE_MOST;
}

/* Begins the merge that is due in the catalog; false when there is none. */
static bool begin_merge(struct upkeep *u, struct writer_catalog *c, bool idle)
{
    struct merge_task *t = NULL;
    if (c->failed || c == u->compacting || c->order || !merger_free(u->merger) ||
        index_merge_begin(c->applying, idle, &t) || !t)
        return false;
    if (!room_for(c, merge_task_bytes(t))) {
        merge_task_destroy(&t);
        return false;
    }
    u->merging = c;
    merger_start(u->merger, c->applying, t);
    return true;
}

static bool begin_compact(struct upkeep *u, struct writer_catalog *c, bool idle)
{
    if (c->failed || u->compacting || u->merging == c || c->fresh ||
        clock_mono_ms() < u->compact_after_ms || !compact_due(c, idle))
        return false;
    if (compact_start(c, NULL, u->floor, u->built, u->ctx, &u->compact))
        return false;
    u->compacting = c;
    return true;
}

/* What was ordered comes before what is only better; false when it has to wait. */
static bool begin_order(struct upkeep *u, struct writer_catalog *c)
{
    struct rebuild_order *o = c->order, told;
    if (!o || u->compacting || u->merging == c || c->fresh)
        return false;
    told = *o;
    c->order = NULL;
    enum status st = compact_start(c, o, u->floor, u->built, u->ctx, &u->compact);
    if (st)
        edition_changed(c, &told, st);
    else
        u->compacting = c;
    return true;
}

static void touch(struct upkeep *u, struct writer_catalog *c)
{
    uint32_t i = 0;
    c->settle_ms = clock_mono_ms() + SETTLE_MS;
    while (i < u->touched_count && u->touched[i] != c)
        i++;
    if (i == u->touched_count && i < SHARED_CATALOGS)
        u->touched[u->touched_count++] = c;
}

void upkeep_rebuild(struct upkeep *u, struct writer_catalog *c, struct rebuild_order *order)
{
    rebuild_order_destroy(&c->order);
    c->order = order;
    touch(u, c);
    begin_order(u, c);
}

static bool finish_compact(struct upkeep *u)
{
    struct writer_catalog *c = u->compacting;
    if (!c || !compact_ready(u->compact))
        return false;
    bool ordered = compact_ordered(u->compact);
    if (!compact_finish(&u->compact))
        apply_publish(c, c->visible);
    else if (!ordered) /* an order that failed says nothing of what is due by itself */
        u->compact_after_ms = clock_mono_ms() + COMPACT_AGAIN_MS;
    u->compacting = NULL;
    u->moved = true;
    return true;
}

static void untouch(struct upkeep *u, const struct writer_catalog *c)
{
    for (uint32_t i = 0; i < u->touched_count; i++)
        if (u->touched[i] == c)
            u->touched[i] = u->touched[--u->touched_count];
}

/* Nothing waits to be applied: writes what is built, looks whether a catalog has been quiet.
 * Returns how long there is nothing to do, in milliseconds; -1 = until something comes. */
int64_t upkeep_idle(struct upkeep *u)
{
    struct index *ix;
    enum status st;
    int64_t now = clock_mono_ms(), least = -1;
    if (finish_compact(u))
        return 0;
    if (merger_built(u->merger, &ix, &st)) {
        if (u->write_after_ms > now)
            return u->write_after_ms - now;
        write_merge(u, 0);
        return 0;
    }
    if (!merger_free(u->merger))
        return -1;
    for (uint32_t i = 0; i < u->touched_count; i++)
        begin_order(u, u->touched[i]);
    for (uint32_t i = 0; i < u->touched_count; i++) {
        struct writer_catalog *c = u->touched[i];
        if (c->order) {
            least = least < 0 || least > ORDER_WAIT_MS ? ORDER_WAIT_MS : least;
        } else if (c->settle_ms > now) {
            least = least < 0 || c->settle_ms - now < least ? c->settle_ms - now : least;
        } else if (begin_merge(u, c, true) || begin_compact(u, c, true)) {
            return -1;
        } else {
            untouch(u, c);
            return 0;
        }
    }
    return least;
}

/* Between two batches: a small part of a merge, or the beginning of one. */
void upkeep_after_batch(struct upkeep *u, struct writer_catalog *c)
{
    touch(u, c);
    if (u->write_after_ms <= clock_mono_ms())
        write_merge(u, SLICE_BYTES);
    finish_compact(u);
    begin_order(u, c);
    begin_merge(u, c, false);
    begin_compact(u, c, false);
}

void upkeep_forget(struct upkeep *u, struct writer_catalog *c)
{
    upkeep_leave(u, c);
    untouch(u, c);
}
