/*
 * replica - the process of replication: what other servers may take over from this one, and what
 * this one takes over from its leader.
 *
 *   leader    fronts ── LOG_READ ──> ship ──> log files (log_reader)
 *                    ── COPY_READ ─> ship_copy ──> a copy of the edition, made by a thread
 *   follower  follow (a thread): LOG_READ at the leader ── FOLLOW ──> the writer
 *             follow_copy (a thread): COPY_READ ──> a new home of the catalog ── FOLLOW ──> writer
 *
 * It is a process of its own so that neither a slow disk nor a dead link nor a fault in here
 * touches searches or changes. It holds nothing that is not on disk: killed at any moment it begins
 * anew where the writer's log ends.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/follow.h"
#include "server/say.h"
#include "server/ship.h"
#include "server/urgency.h"

enum { BEAT_MS = 100, TICK_MS = 5, REPLICA_NICE = 10 };

struct replica {
    struct role_context *role;
    struct loop *loop;
    struct writer_conns *conns;
    struct ship *ship;
    struct follow *follow;
    struct loop_timer *tick; /* rests while nobody waits */
};

static void on_frame(void *ctx, uint64_t conn, const struct frame *f)
{
    struct replica *r = ctx;
    if (f->opcode == OP_PING)
        writer_conns_reply(r->conns, conn, f, f->body);
    else
        ship_on_frame(r->ship, conn, f);
    if (ship_waits(r->ship))
        loop_timer_set(r->tick, TICK_MS);
}

static void on_beat(void *ctx)
{
    struct replica *r = ctx;
    shared_beat(r->role->self);
    ship_tick(r->ship);
    if (r->follow)
        follow_publish(r->follow);
}

static void on_tick(void *ctx)
{
    struct replica *r = ctx;
    ship_tick(r->ship);
    if (ship_waits(r->ship))
        loop_timer_set(r->tick, TICK_MS);
}

static void before_wait(void *ctx)
{
    struct replica *r = ctx;
    writer_conns_flush(r->conns);
}

static void on_term(void *ctx)
{
    loop_stop(ctx);
}

static void on_hup(void *ctx)
{
    struct replica *r = ctx;
    role_reload(r->role);
}

static enum status start(struct replica *r)
{
    char own[PATH_MAX];
    if (!role_replica_socket(r->role, own, sizeof own))
        return STATUS_TOO_LARGE;
    enum status st = loop_create(&r->loop);
    st = st ? st : writer_conns_create(r->loop, own, on_frame, r, &r->conns);
    st = st ? st : ship_create(r->role, r->loop, r->conns, &r->ship);
    st = st ? st : loop_before_wait(r->loop, before_wait, r);
    st = st ? st : loop_signal(r->loop, SIGTERM, on_term, r->loop);
    st = st ? st : loop_signal(r->loop, SIGINT, on_term, r->loop);
    st = st ? st : loop_signal(r->loop, SIGHUP, on_hup, r);
    follow_copies_clean(r->role->data_dir);
    if (!st && shared_follows(r->role->shared))
        st = follow_create(r->role, &r->follow);
    return st;
}

int replica_main(struct role_context *role)
{
    struct replica r = {.role = role};
    urgency_patient(REPLICA_NICE); /* and with it the threads that are made here */
    enum status st = start(&r);
    struct loop_timer *beat = st ? NULL : loop_timer_create(r.loop, 0, BEAT_MS, on_beat, &r);
    r.tick = st ? NULL : loop_timer_create(r.loop, 0, 0, on_tick, &r);
    if (beat && r.tick)
        loop_run(r.loop);
    else
        say("error", "replica", NULL, "cannot start: %s", status_text(st ? st : STATUS_NO_MEMORY));
    /* Its threads may be in the middle of a call; nothing is lost with them. */
    _Exit(beat && r.tick ? 0 : 1);
}
