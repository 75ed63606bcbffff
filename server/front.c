#include "server/front.h"
#include "server/front_keys.h"
#include "server/front_warm.h"
#include "server/push_canary.h"

#include "server/cached_search.h"
#include "server/say.h"
#include "server/tls_accept.h"
#include "server/urgency.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPT_MAX = 64,
    ACCEPT_PAUSE_MS = 100,
    HEAP_KEEP = 16 * 1024 * 1024,
    SPARE_DESCRIPTORS = 32,
    DRAIN_GRACE_MS = 1000,
    TIGHT_OUTPUT = 262144
};

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
    f->accept_paused = true;
    loop_timer_set(f->accept_again, ACCEPT_PAUSE_MS);
}

static void on_accept_again(void *ctx)
{
    struct front *f = ctx;
    f->accept_paused = false;
    if (f->memory < MEMORY_OUT && !f->draining)
        listeners_set(f, LOOP_READ);
}

void front_listen_tls(struct front *f)
{
    struct loop_watch *w = f->listeners[ROLE_LISTEN_TLS];
    if (w && f->memory < MEMORY_OUT && !f->draining && !f->accept_paused)
        loop_watch_set(w, LOOP_READ);
}

static void on_listener(void *ctx, int fd, int events)
{
    (void)events;
    struct front *f = ctx;
    bool tls = f->tls && fd == f->role->listen[ROLE_LISTEN_TLS];
    for (int i = 0; i < ACCEPT_MAX; i++) {
        if (f->conns.count + (f->tls ? tls_accept_count(f->tls) : 0) >= f->conns.most) {
            out_of_descriptors(f, fd);
            return;
        }
        if (tls && !tls_accept_room(f->tls)) { /* until one has ended, or has been silent */
            loop_watch_set(f->listeners[ROLE_LISTEN_TLS], 0);
            return;
        }
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer >= 0 && tls)
            tls_accept_add(f->tls, peer);
        else if (peer >= 0)
            conn_create(f, peer, fd == f->role->listen[0] ? f->listen_queue : QUEUE_CRITICAL);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            out_of_descriptors(f, fd);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* --- life ---------------------------------------------------------------------------------------
 */

void front_save_memory(struct front *f)
{
    const struct config *c = f->role->config;
    bool tight = f->memory >= MEMORY_TIGHT;
    uint64_t output = config_number(c, OPTION_OUTPUT);
    f->output_most = tight && output > TIGHT_OUTPUT ? TIGHT_OUTPUT : output;
    cached_search_resize(f, config_number(c, OPTION_CACHE_SIZE) / (tight ? 2 : 1));
    if (f->memory < MEMORY_OUT && !f->draining)
        listeners_set(f, LOOP_READ);
    else
        listeners_set(f, 0);
}

/* The numbers that are looked at per request or per connection. */
static void take_options(struct front *f)
{
    const struct config *c = f->role->config;
    f->in_flight_most = (uint32_t)config_number(c, OPTION_IN_FLIGHT);
    f->frame_most = (uint32_t)config_number(c, OPTION_FRAME);
    f->default_deadline_ms = (uint32_t)config_number(c, OPTION_DEADLINE);
    f->connection_rate = config_number(c, OPTION_CONNECTION_RATE);
    f->client_limits = (struct client_limits){config_number(c, OPTION_CLIENT_RATE),
                                              config_number(c, OPTION_CLIENT_IN_FLIGHT)};
    f->cache_fresh_ms = (int64_t)config_number(c, OPTION_CACHE_FRESH);
    f->cache_stale_ms = (int64_t)config_number(c, OPTION_CACHE_STALE);
    f->cache_old_ms = (int64_t)config_number(c, OPTION_CACHE_OLD);
    f->cache_cost_us = config_number(c, OPTION_CACHE_COST);
    tracer_set(&f->tracer, f->role);
    f->trace_slow_us = (int64_t)config_number(c, OPTION_TRACE_SLOW) * 1000;
    front_save_memory(f);
    f->listen_queue = QUEUE_CRITICAL;
    for (int i = 0; i < QUEUE_COUNT && f->role->role != ROLE_ADMIN; i++)
        if (!strcmp(config_text(c, OPTION_LISTEN_CLASS), admission_name((enum admission_id)i)))
            f->listen_queue = (uint8_t)i;
    spin_init(&f->spin, f->role->role == ROLE_FRONT ? (int64_t)config_number(c, OPTION_SPIN) : 0);
    f->conns.most = (uint32_t)config_number(c, OPTION_CONNECTIONS);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
        f->conns.most + (rlim_t)SPARE_DESCRIPTORS > files.rlim_cur)
        f->conns.most = files.rlim_cur > (rlim_t)2 * SPARE_DESCRIPTORS
                            ? (uint32_t)files.rlim_cur - SPARE_DESCRIPTORS
                            : (uint32_t)files.rlim_cur / 2;
}

/* Buffers come and go with every burst. Given back to the system each time, they would cost a page
 * fault for 4 KiB of replies, a third of the time under overload. */
static void keep_heap(void)
{
    mallopt(M_MMAP_THRESHOLD, HEAP_KEEP);
    mallopt(M_TRIM_THRESHOLD, HEAP_KEEP);
}

/* Draining: GOAWAY, then a moment in which requests are still served, then no more; quiet
 * connections are closed, those with requests under way when these are answered. */
static void drain_step(struct front *f, int64_t now)
{
    f->closing = now > f->drain_hard_ms;
    uint32_t left = conn_drain_step(f, now, f->closing);
    conn_flush_touched(f, true);
    if (!left || now > f->drain_until_ms)
        loop_stop(f->loop);
}

static void on_beat(void *ctx)
{
    struct front *f = ctx;
    int64_t now = clock_mono_ms();
    pass_tick(f);
    if (f->tls) {
        tls_accept_tick(f->tls, now);
        front_listen_tls(f);
    }
    front_warm_later(f);
    if (f->draining)
        drain_step(f, now);
}

static void on_term(void *ctx)
{
    struct front *f = ctx;
    if (f->draining) {
        loop_stop(f->loop);
        return;
    }
    int64_t now = clock_mono_ms();
    f->draining = true;
    atomic_store(&f->role->self->draining, 1);
    f->drain_until_ms = now + (int64_t)config_number(f->role->config, OPTION_DRAIN);
    f->drain_hard_ms = now + DRAIN_GRACE_MS;
    listeners_set(f, 0);
    conn_drain_all(f);
}

static void before_wait(void *ctx)
{
    pass_run(ctx);
}

static void on_hup(void *ctx)
{
    struct front *f = ctx;
    role_reload(f->role);
    take_options(f);
    if (f->tls)
        tls_accept_reload(f->tls);
    front_keys_set(f);
}

static enum status front_start(struct front *f)
{
    struct role_context *r = f->role;
    char path[108], fetcher[108], replica[108];
    enum status s;
    if (!role_writer_socket(r, path, sizeof path) ||
        !role_fetcher_socket(r, fetcher, sizeof fetcher) ||
        !role_replica_socket(r, replica, sizeof replica))
        return STATUS_TOO_LARGE;
    if ((s = loop_create(&f->loop)) ||
        (s = catalogs_create(r->data_dir, r->shared, ROLE_FD_SHARED,
                             config_number(r->config, OPTION_MAP), &f->catalogs)) ||
        (s = searcher_create(&f->searcher)) || (s = folder_create(&f->folder)) ||
        (s = writer_link_create(f->loop, path, &f->writer)) ||
        (s = writer_link_create(f->loop, fetcher, &f->fetcher)) ||
        (s = writer_link_create(f->loop, replica, &f->replica)) ||
        (s = through_create(f, fetcher, &f->through)))
        return s;
    arena_init(&f->arena, (size_t)64 * 1024 * 1024);
    if (r->role == ROLE_ADMIN && (s = push_canary_create(f, &f->canary)))
        return s;
    admission_init(&f->admission, (uint32_t)config_number(r->config, OPTION_QUEUE),
                   config_number(r->config, OPTION_QUEUE_BYTES));
    if (!conn_table_init(&f->conns, 0))
        return STATUS_NO_MEMORY;
    keys_init(&f->keys);
    if (!(f->key_sources = calloc(1, sizeof *f->key_sources)))
        return STATUS_NO_MEMORY;
    front_keys_set(f);
    f->refusing.seed = (uint64_t)clock_mono_us();
    crowd_init(&f->crowd);
    keep_heap();
    take_options(f);
    f->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    f->beat = loop_timer_create(f->loop, 0, 100, on_beat, f);
    f->accept_again = loop_timer_create(f->loop, -1, 0, on_accept_again, f);
    if (!f->beat || !f->accept_again)
        return STATUS_NO_MEMORY;
    if (r->listen_count > ROLE_LISTEN_TLS && (s = tls_accept_create(f, &f->tls)))
        return s;
    for (uint32_t i = 0; i < r->listen_count; i++) {
        fcntl(r->listen[i], F_SETFD, FD_CLOEXEC);
        f->listeners[i] = loop_watch_create(f->loop, r->listen[i], LOOP_READ, on_listener, f);
        if (!f->listeners[i])
            return STATUS_NO_MEMORY;
    }
    if (r->role == ROLE_FRONT)
        front_warm_catalogs(f);
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
    f->reserve_fd = f->crowd.fd = -1;
    enum status s = front_start(f);
    if (s)
        say("error", role_name(r->role), NULL, "%u does not start: %s", r->number, status_text(s));
    else {
        urgency_prompt();
        loop_run(f->loop);
    }
    conn_flush_touched(f, true);
    put_drop(f);
    tls_accept_destroy(&f->tls);
    conn_table_fini(&f->conns);
    keys_fini(&f->keys);
    free(f->key_sources);
    admission_fini(&f->admission);
    park_fini(f);
    push_canary_destroy(&f->canary);
    if (f->writer)
        writer_link_destroy(&f->writer);
    if (f->fetcher)
        writer_link_destroy(&f->fetcher);
    if (f->replica)
        writer_link_destroy(&f->replica);
    through_destroy(&f->through);
    for (uint32_t i = 0; i < r->listen_count; i++)
        loop_watch_destroy(&f->listeners[i]);
    loop_timer_destroy(&f->beat);
    loop_timer_destroy(&f->accept_again);
    searcher_destroy(&f->searcher);
    folder_destroy(&f->folder);
    catalogs_destroy(&f->catalogs);
    arena_fini(&f->arena);
    buf_fini(&f->scratch);
    buf_fini(&f->key);
    cached_search_fini(f);
    loop_destroy(&f->loop);
    crowd_fini(&f->crowd);
    if (f->reserve_fd >= 0)
        close(f->reserve_fd);
    free(f);
    return s ? 1 : 0;
}

/* --- what handlers share ------------------------------------------------------------------------
 */

/* A request that runs for long looks now and then whether anybody still waits for it. */
enum { GAVE_UP_US = 2000 };

enum status front_check(void *ctx)
{
    struct front_check *check = ctx;
    struct front *f = check->front;
    int64_t now = clock_mono_us();
    atomic_store_explicit(&f->role->self->beat, (uint64_t)now / 1000, memory_order_relaxed);
    if (now > check->deadline_us)
        return STATUS_DEADLINE;
    if (!check->look_us)
        check->look_us = f->now_us + GAVE_UP_US;
    if (now < check->look_us || !f->running)
        return STATUS_OK;
    check->look_us = now + GAVE_UP_US;
    return conn_gave_up(f->running->conn, f->running->frame.request_id) ? STATUS_CANCELLED
                                                                        : STATUS_OK;
}

enum status front_wanted(struct front *f, const struct schema *schema, const struct slice *names,
                         uint32_t count, const char *asked, uint64_t **out, struct fault *fault)
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
            return fault_set(fault, STATUS_UNKNOWN_FIELD, asked, "the catalog has no field %.*s",
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
