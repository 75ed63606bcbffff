/*
 * writer - the one process that changes anything.
 *
 * A turn of its loop: take requests, decide them, append them to the logs; before it waits again,
 * sync every log that has something new (one fdatasync for all that came), answer, and hand the
 * records to the apply thread. While a sync runs the next group collects in the sockets.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <stdlib.h>
#include <string.h>

#include "server/evict.h"
#include "server/say.h"
#include "server/urgency.h"
#include "server/writer_trace.h"

static void end_turn(void *ctx)
{
    struct writer *w = ctx;
    writer_settle(w);
    writer_conns_flush(w->conns);
    floor_rest(w->me);
    floor_work(w->me); /* it will beat, whatever comes: who does not come round starves */
}

static void on_frame(void *ctx, uint64_t conn, const struct frame *f)
{
    struct writer *w = ctx;
    struct frame own = *f;
    arena_reset(&w->arena);
    if (writer_follower_refuses(w, conn, f))
        return;
    writer_trace_begin(w, &own);
    if (f->opcode == OP_PUT)
        writer_on_put(w, conn, &own);
    else if (f->opcode == OP_CATALOG)
        writer_on_catalog(w, conn, &own);
    else if (f->opcode == OP_SAFE_MODE)
        writer_on_safe_mode(w, conn, &own);
    else if (f->opcode == OP_FOLLOW)
        writer_on_follow(w, conn, &own);
    else if (f->opcode == OP_PROMOTE)
        writer_on_promote(w, conn, &own);
    else if (f->opcode == OP_PING)
        writer_conns_reply(w->conns, conn, f, own.body);
    else
        writer_refuse(w, conn, f, STATUS_UNSUPPORTED, NULL);
    writer_trace_end(w);
}

/* --- the process ------------------------------------------------------------------------------ */

static void on_wake(void *ctx)
{
    struct writer *w = ctx;
    for (uint32_t i = 0; i < w->count; i++) {
        enum status st = writer_catalog_follow(w->catalogs[i]);
        if (st == STATUS_NO_MEMORY)
            continue; /* the next time */
        if (st)
            writer_stop_catalog(w->catalogs[i], st);
        else
            writer_safe_mode_follow(w, w->catalogs[i]);
        writer_part(w, w->catalogs[i]);
    }
    writer_tell_seen(w);
    for (uint32_t i = 0; i < w->count; i++)
        writer_evict_turn(w, w->catalogs[i]);
}

static void census_turn(struct writer *w, struct writer_catalog *c)
{
    struct moment m = moment_now(w->role->shared, c->row);
    if (snapshot_begin(c->snapshot))
        return;
    census_step(&c->census, c->snapshot, &m, &c->row->freshness);
    snapshot_end(c->snapshot);
}

static void on_beat(void *ctx)
{
    struct writer *w = ctx;
    bool follows = shared_follows(w->role->shared);
    int64_t now = shared_now_ms(w->role->shared);
    shared_beat(w->role->self);
    writer_tell_replicated(w);
    for (uint32_t i = 0; i < w->count; i++) {
        writer_catalog_see_disk(w->catalogs[i]);
        if (!follows)
            writer_safe_mode_turn(w, w->catalogs[i]);
        else if (!w->catalogs[i]->safe_settings) /* the leader decides, it comes with the log */
            writer_safe_mode_follow(w, w->catalogs[i]);
        census_turn(w, w->catalogs[i]);
        writer_evict_turn(w, w->catalogs[i]);
    }
    if (now - w->pruned_ms < 10000)
        return;
    w->pruned_ms = now;
    writer_catalogs_sweep(w->role->data_dir);
    for (uint32_t i = 0; i < w->count; i++) {
        struct writer_catalog *c = w->catalogs[i];
        c->window_ms = config_number(w->role->config, OPTION_LOG_WINDOW);
        writer_catalog_tidy(c, now);
        if (!c->log)
            continue;
        uint64_t applied = c->compacting && c->log_keep < c->visible ? c->log_keep : c->visible;
        uint64_t held = c->row->held; /* by followers and copies on their way to them */
        if (held && held - 1 < applied)
            applied = held - 1;
        event_log_prune(c->log, applied, config_number(w->role->config, OPTION_LOG_WINDOW) / 1000);
        c->row->log_bytes = event_log_bytes(c->log);
    }
}

static void on_term(void *ctx)
{
    loop_stop(ctx);
}

static void on_hup(void *ctx)
{
    struct writer *w = ctx;
    role_reload(w->role);
    tracer_set(&w->tracer, w->role);
    const struct shared *s = w->role->shared;
    const char *leader = config_text(w->role->config, OPTION_FOLLOW);
    if (shared_follows(s) && !*leader)
        writer_promote(w, "replication.follow was taken away");
    else if (*leader && strcmp(leader, s->follow.leader) != 0)
        say("warning", "writer", NULL, "to follow %s takes a restart", leader);
}

struct opening {
    struct writer *writer;
    enum status status;
};

static void open_each(void *ctx, struct slice name)
{
    struct opening *o = ctx;
    struct writer *w = o->writer;
    struct fault fault = {0};
    enum status st = o->status ? o->status : writer_open_catalog(w, name, &fault);
    if (st == STATUS_NO_MEMORY)
        o->status = st; /* the next start may have it */
    if (!st || st == STATUS_NO_MEMORY)
        return;
    say("error", "writer", NULL, "catalog %.*s cannot be opened: %s", (int)name.len, name.ptr,
        fault.text[0] ? fault.text : status_text(st));
    struct shared_catalog *row = shared_catalog_claim(w->role->shared, name);
    if (row) /* it is told, though nobody can use it */
        row->write_state = WRITE_SAFE_MODE;
}

enum { BEAT_MS = 100 };
_Static_assert((int)BEAT_MS < FLOOR_MS * FLOOR_STARVED,
               "who comes round at every beat does not starve");
enum { LOCK_TRIES = 500, LOCK_PAUSE_US = 20000 };

/*
 * One writer a directory, whoever started it: the lock ends with the process. A writer that is
 * being replaced may still be dying.
 */
static enum status lock_directory(const struct writer *w)
{
    char path[PATH_MAX];
    struct flock l = {.l_type = F_WRLCK};
    int n = snprintf(path, sizeof path, "%s/writer.lock", w->role->data_dir);
    int fd = n > 0 && (size_t)n < sizeof path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640) : -1;
    if (fd < 0)
        return status_from_errno(errno);
    for (int tries = 0; fcntl(fd, F_SETLK, &l); tries++) {
        if (tries == LOCK_TRIES) {
            close(fd);
            return STATUS_IN_PROGRESS;
        }
        shared_beat(w->role->self);
        usleep(LOCK_PAUSE_US);
    }
    return STATUS_OK; /* the descriptor stays open: closing it would give the lock up */
}

static enum status start(struct writer *w)
{
    char path[PATH_MAX];
    enum status st = lock_directory(w);
    st = st ? st : loop_create(&w->loop);
    st = st ? st : floor_create(&w->floor);
    st = st ? st : apply_create(w->loop, w->floor, &w->apply);
    st = st ? st : loop_on_wake(w->loop, on_wake, w);
    struct opening opening = {w, st};
    st = st ? st : catalogs_list(w->role->data_dir, open_each, &opening);
    st = st ? st : opening.status;
    if (st)
        return st;
    writer_wait_replayed(w);
    on_wake(w);
    writer_own_streams(w);
    if (!role_writer_socket(w->role, path, sizeof path))
        return STATUS_TOO_LARGE;
    st = writer_conns_create(w->loop, path, on_frame, w, &w->conns);
    st = st ? st : loop_before_wait(w->loop, end_turn, w);
    st = st ? st : loop_signal(w->loop, SIGTERM, on_term, w->loop);
    st = st ? st : loop_signal(w->loop, SIGHUP, on_hup, w);
    return st ? st : loop_signal(w->loop, SIGINT, on_term, w->loop);
}

static void free_answers(struct answer *a)
{
    while (a) {
        struct answer *next = a->next;
        answer_free(a);
        a = next;
    }
}

int writer_main(struct role_context *r)
{
    struct writer w = {.role = r};
    w.unsynced_end = &w.unsynced;
    tracer_set(&w.tracer, r);
    arena_init(&w.arena, 0);
    enum status st = start(&w);
    struct loop_timer *beat = st ? NULL : loop_timer_create(w.loop, 0, BEAT_MS, on_beat, &w);
    if (beat) {
        w.me = floor_join(w.floor, URGENCY_NICE);
        r->shared->writer_ready = 1;
        loop_run(w.loop);
        r->shared->writer_ready = 0;
        end_turn(&w);
        floor_leave(w.floor, &w.me);
        loop_timer_destroy(&beat);
    } else
        say("error", "writer", NULL, "cannot start: %s", status_text(st));
    apply_destroy(&w.apply);
    floor_destroy(&w.floor);
    writer_conns_destroy(&w.conns);
    free_answers(w.unseen);
    free_answers(w.unreplicated);
    writer_trace_fini(&w);
    for (uint32_t i = 0; i < w.count; i++)
        event_log_leave(w.catalogs[i]->log);
    for (uint32_t i = 0; i < w.count; i++) {
        evict_save(w.catalogs[i]);
        writer_catalog_close(&w.catalogs[i]);
    }
    arena_fini(&w.arena);
    buf_fini(&w.items);
    buf_fini(&w.payload);
    buf_fini(&w.reply);
    size_fini(&w.size);
    loop_destroy(&w.loop);
    return st ? 1 : 0;
}
