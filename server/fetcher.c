/*
 * fetcher - the process that talks to upstreams. Without upstreams in the configuration it only
 * beats, so that its place in the house is watched like any other.
 */
#include <signal.h>

#include "server/loop.h"
#include "server/role.h"

static void on_beat(void *ctx)
{
    shared_beat(ctx);
}

static void on_term(void *ctx)
{
    loop_stop(ctx);
}

static void on_hup(void *ctx)
{
    role_reload(ctx);
}

int fetcher_main(struct role_context *r)
{
    struct loop *loop;
    if (loop_create(&loop))
        return 1;
    struct loop_timer *beat = loop_timer_create(loop, 0, 100, on_beat, r->self);
    int code = 1;
    if (beat && !loop_signal(loop, SIGTERM, on_term, loop) &&
        !loop_signal(loop, SIGINT, on_term, loop) && !loop_signal(loop, SIGHUP, on_hup, r)) {
        loop_run(loop);
        code = 0;
    }
    loop_timer_destroy(&beat);
    loop_destroy(&loop);
    return code;
}
