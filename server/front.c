#include "server/front.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PASS_US = 1000, ACCEPT_MAX = 64, ACCEPT_PAUSE_MS = 100 };

/* --- the pass -----------------------------------------------------------------------------------
 */

static void run_waiting(struct front *f, struct waiting *w)
{
    struct conn *c = conn_find(f, w->conn_id);
    if (c) {
        struct request rq = {c, w->frame, w->received_us, w->deadline_us};
        dispatch(f, &rq);
    }
    free(w);
}

static void before_wait(void *ctx)
{
    struct front *f = ctx;
    int64_t until = clock_mono_us() + PASS_US;
    struct waiting *w;
    loop_busy(f->loop, false);
    while ((w = admission_next(&f->admission))) {
        run_waiting(f, w);
        if (clock_mono_us() >= until)
            break;
    }
    through_flush(f);
    conn_flush_touched(f);
    if (!admission_idle(&f->admission))
        loop_busy(f->loop, true);
}

/* --- accepting ----------------------------------------------------------------------------------
 */

static void listeners_set(struct front *f, int events)
{
    for (uint32_t i = 0; i < f->role->listen_count; i++)
        if (f->listeners[i])
            loop_watch_set(f->listeners[i], events);
}

/* No descriptor is left: the reserve takes one caller in, who is told by the close; then a pause,
 * for the socket stays readable and the loop would spin. */
static void out_of_descriptors(struct front *f, int listener)
{
    if (f->reserve_fd >= 0)
        close(f->reserve_fd);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    f->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    listeners_set(f, 0);
    loop_timer_set(f->accept_again, ACCEPT_PAUSE_MS);
}

static void on_accept_again(void *ctx)
{
    listeners_set(ctx, LOOP_READ);
}

static void on_listener(void *ctx, int fd, int events)
{
    (void)events;
    struct front *f = ctx;
    for (int i = 0; i < ACCEPT_MAX; i++) {
        if (f->conns.count >= config_number(f->role->config, OPTION_CONNECTIONS)) {
            out_of_descriptors(f, fd);
            return;
        }
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer >= 0)
            conn_create(f, peer);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            out_of_descriptors(f, fd);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void on_beat(void *ctx)
{
    struct front *f = ctx;
    shared_beat(f->role->self);
    int64_t now = clock_mono_ms();
    conn_sweep(f, now);
    if (!f->draining)
        return;
    bool busy = !admission_idle(&f->admission) || writer_link_pending(f->writer) || f->park.count ||
                through_waiting(f);
    for (uint32_t i = 0; i < f->conns.cap && !busy; i++)
        busy = f->conns.slots[i] && (f->conns.slots[i]->in_flight || f->conns.slots[i]->out.len);
    if (!busy || now > f->drain_until_ms)
        loop_stop(f->loop);
}

static void on_term(void *ctx)
{
    struct front *f = ctx;
    if (f->draining) {
        loop_stop(f->loop);
        return;
    }
    f->draining = true;
    atomic_store(&f->role->self->draining, 1);
    f->drain_until_ms = clock_mono_ms() + (int64_t)config_number(f->role->config, OPTION_DRAIN);
    listeners_set(f, 0);
    conn_drain_all(f);
}

static void on_hup(void *ctx)
{
    struct front *f = ctx;
    role_reload(f->role);
}

static enum status front_start(struct front *f)
{
    struct role_context *r = f->role;
    char path[108], fetcher[108];
    enum status s;
    if (!role_writer_socket(r, path, sizeof path) ||
        !role_fetcher_socket(r, fetcher, sizeof fetcher))
        return STATUS_TOO_LARGE;
    if ((s = loop_create(&f->loop)) ||
        (s = catalogs_create(r->data_dir, r->shared, ROLE_FD_SHARED,
                             config_number(r->config, OPTION_MAP), &f->catalogs)) ||
        (s = searcher_create(&f->searcher)) ||
        (s = writer_link_create(f->loop, path, &f->writer)) ||
        (s = writer_link_create(f->loop, fetcher, &f->fetcher)) ||
        (s = through_create(f, fetcher, &f->through)))
        return s;
    arena_init(&f->arena, (size_t)64 * 1024 * 1024);
    admission_init(&f->admission, (uint32_t)config_number(r->config, OPTION_QUEUE));
    f->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    f->beat = loop_timer_create(f->loop, 0, 100, on_beat, f);
    f->accept_again = loop_timer_create(f->loop, -1, 0, on_accept_again, f);
    if (!f->beat || !f->accept_again)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < r->listen_count; i++) {
        fcntl(r->listen[i], F_SETFD, FD_CLOEXEC);
        f->listeners[i] = loop_watch_create(f->loop, r->listen[i], LOOP_READ, on_listener, f);
        if (!f->listeners[i])
            return STATUS_NO_MEMORY;
    }
    loop_signal(f->loop, SIGTERM, on_term, f);
    loop_signal(f->loop, SIGINT, on_term, f);
    loop_signal(f->loop, SIGHUP, on_hup, f);
    return loop_before_wait(f->loop, before_wait, f);
}

int front_main(struct role_context *r)
{
    struct front *f = calloc(1, sizeof *f);
    if (!f)
        return 1;
    f->role = r;
    f->reserve_fd = -1;
    enum status s = front_start(f);
    if (s)
        fprintf(stderr, "soukd: %s %u does not start: %s\n", role_name(r->role), r->number,
                status_text(s));
    else
        loop_run(f->loop);
    conn_flush_touched(f);
    for (uint32_t i = 0; i < f->conns.cap; i++)
        if (f->conns.slots[i])
            conn_destroy(f->conns.slots[i]);
    free(f->conns.slots);
    admission_fini(&f->admission);
    park_fini(f);
    if (f->writer)
        writer_link_destroy(&f->writer);
    if (f->fetcher)
        writer_link_destroy(&f->fetcher);
    through_destroy(&f->through);
    for (uint32_t i = 0; i < r->listen_count; i++)
        loop_watch_destroy(&f->listeners[i]);
    loop_timer_destroy(&f->beat);
    loop_timer_destroy(&f->accept_again);
    searcher_destroy(&f->searcher);
    catalogs_destroy(&f->catalogs);
    arena_fini(&f->arena);
    buf_fini(&f->scratch);
    loop_destroy(&f->loop);
    if (f->reserve_fd >= 0)
        close(f->reserve_fd);
    free(f);
    return s ? 1 : 0;
}

/* --- what handlers share ------------------------------------------------------------------------
 */

enum status front_check(void *ctx)
{
    struct front_check *check = ctx;
    shared_beat(check->front->role->self);
    return clock_mono_us() > check->deadline_us ? STATUS_DEADLINE : STATUS_OK;
}

enum status front_wanted(struct front *f, const struct schema *schema, const struct slice *names,
                         uint32_t count, uint64_t **out, struct fault *fault)
{
    *out = NULL;
    if (!count)
        return STATUS_OK;
    uint64_t *bits = arena_calloc(&f->arena, 4, sizeof *bits);
    if (!bits)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const struct field *field = schema_find(schema, names[i]);
        if (!field)
            return fault_set(fault, STATUS_UNKNOWN_FIELD, NULL, "the catalog has no field %.*s",
                             (int)(names[i].len < 64 ? names[i].len : 64), names[i].ptr);
        bits[field->id / 64] |= UINT64_C(1) << field->id % 64;
    }
    *out = bits;
    return STATUS_OK;
}

void front_put_names(struct buf *b, uint32_t tag, const struct schema *schema)
{
    size_t at = tlv_begin(b, tag);
    wire_put_varint(b, schema->field_count);
    for (uint32_t i = 0; i < schema->field_count; i++)
        wire_put_bytes(b, slice_str(schema->fields[i].name));
    tlv_end(b, at);
}
