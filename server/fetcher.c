/*
 * fetcher - the process that talks to upstreams; the only one that does.
 *
 *   fronts ── REFRESH, UPSTREAM ──> fetch_ask ──> fetch_refresh ─┐
 *                                    timer ──> fetch_changes ────┼──> fetch_call ──> fetch_http
 *                                    timer ──> fetch_canary ─────┘         │
 *   writer <── PUT ── fetch_write <── what was learned <───────────────────┘
 *   rings of spans ── timer ──> trace_export ──> fetch_http ──> the collector of traces
 *
 * It reads indexes (settings, validators, what is stored) and writes none. Killed at any moment it
 * loses nothing but its memory of what was asked: cursors are stored with the changes they brought,
 * and fronts ask again.
 */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>

#include "server/fetch_ask.h"
#include "server/fetch_canary.h"
#include "server/fetch_changes.h"
#include "server/fetch_refresh.h"
#include "server/fetch_write.h"
#include "server/say.h"
#include "server/trace_export.h"
#include "server/urgency.h"

enum { TICK_MS = 5, BEAT_MS = 100, CONNECTIONS_PER_HOST = 256 };

static void on_beat(void *ctx)
{
    struct fetcher *f = ctx;
    shared_beat(f->role->self);
    fetch_catalog_follow_rows(f);
    for (uint32_t i = 0; i < SHARED_CATALOGS; i++) {
        struct fetch_catalog *c = f->of_row[i];
        if (!c)
            continue;
        fetch_catalog_follow(c);
        for (uint32_t k = 0; k < c->provider_count; k++)
            canary_tick(c->providers[k]->canary);
        fetch_catalog_publish(c);
    }
}

static void on_tick(void *ctx)
{
    struct fetcher *f = ctx;
    for (uint32_t i = 0; i < SHARED_CATALOGS; i++) {
        struct fetch_catalog *c = f->of_row[i];
        if (!c || !c->provider_count)
            continue;
        refresh_tick(c->refresh);
        for (uint32_t k = 0; k < c->provider_count; k++)
            changes_tick(c->providers[k]->changes);
    }
}

static void before_wait(void *ctx)
{
    struct fetcher *f = ctx;
    for (uint32_t i = 0; i < SHARED_CATALOGS; i++)
        if (f->of_row[i])
            refresh_flush(f->of_row[i]->refresh);
    fetch_ask_flush(f->ask);
}

static void on_term(void *ctx)
{
    loop_stop(ctx);
}

static void on_hup(void *ctx)
{
    struct fetcher *f = ctx;
    role_reload(f->role);
    tracer_set(&f->tracer, f->role);
    trace_export_set(f->traces);
}

static enum status start(struct fetcher *f)
{
    struct role_context *r = f->role;
    char writer[PATH_MAX], own[PATH_MAX];
    if (!role_writer_socket(r, writer, sizeof writer) || !role_fetcher_socket(r, own, sizeof own))
        return STATUS_TOO_LARGE;
    f->random = (uint64_t)clock_mono_us() * 2 + 1;
    tracer_set(&f->tracer, r);
    enum status st = loop_create(&f->loop);
    st = st ? st : fetch_http_create(f->loop, CONNECTIONS_PER_HOST, &f->http);
    st = st ? st : trace_export_create(f->loop, f->http, r, &f->traces);
    st = st ? st
            : catalogs_create(r->data_dir, r->shared, ROLE_FD_SHARED,
                              config_number(r->config, OPTION_MAP), &f->catalogs);
    st = st ? st : fetch_write_create(f->loop, writer, &f->write);
    st = st ? st : fetch_ask_create(f, own, &f->ask);
    st = st ? st : loop_before_wait(f->loop, before_wait, f);
    st = st ? st : loop_signal(f->loop, SIGTERM, on_term, f->loop);
    st = st ? st : loop_signal(f->loop, SIGINT, on_term, f->loop);
    return st ? st : loop_signal(f->loop, SIGHUP, on_hup, f);
}

int fetcher_main(struct role_context *r)
{
    struct fetcher *f = calloc(1, sizeof *f);
    if (!f)
        return 1;
    f->role = r;
    enum status st = start(f);
    struct loop_timer *beat = st ? NULL : loop_timer_create(f->loop, 0, BEAT_MS, on_beat, f);
    struct loop_timer *tick = st ? NULL : loop_timer_create(f->loop, 0, TICK_MS, on_tick, f);
    if (beat && tick) {
        on_beat(f);
        urgency_patient(URGENCY_NICE); /* no search waits for it; its start may have been idle */
        loop_run(f->loop);
    } else
        say("error", "fetcher", NULL, "cannot start: %s", status_text(st ? st : STATUS_NO_MEMORY));
    int code = beat && tick ? 0 : 1;
    loop_timer_destroy(&beat);
    loop_timer_destroy(&tick);
    for (uint32_t i = 0; i < SHARED_CATALOGS; i++)
        fetch_catalog_destroy(&f->of_row[i]);
    fetch_ask_destroy(&f->ask);
    fetch_write_destroy(&f->write);
    catalogs_destroy(&f->catalogs);
    trace_export_destroy(&f->traces);
    fetch_http_destroy(&f->http);
    if (f->loop)
        loop_destroy(&f->loop);
    free(f);
    return code;
}
