#include "loadtest/run.h"

#include <math.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loadtest/clock.h"

enum { WATCH_MS = 50, LIVE_MS = 250, SAMPLE_MS = 500 };

/* --- address ---------------------------------------------------------------------------------- */

static enum status resolve(const char *text, struct sockaddr_storage *out, socklen_t *len,
                           char named[256], struct fault *fault)
{
    char host[256], port[16] = "7685";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    memset(out, 0, sizeof *out);
    if (strncmp(text, "unix:", 5) == 0) {
        struct sockaddr_un *u = (struct sockaddr_un *)out;
        u->sun_family = AF_UNIX;
        if (strlen(text + 5) >= sizeof u->sun_path)
            return fault_set(fault, STATUS_INVALID, "server", "the path is too long");
        memcpy(u->sun_path, text + 5, strlen(text + 5) + 1);
        *len = sizeof *u;
        return STATUS_OK;
    }
    snprintf(host, sizeof host, "%s", text);
    char *colon = strrchr(host, ':'), *close = strchr(host, ']');
    if (colon && (!close || colon > close)) {
        snprintf(port, sizeof port, "%s", colon + 1);
        *colon = '\0';
    }
    char *name = host[0] == '[' ? host + 1 : host;
    if (close)
        *close = '\0';
    snprintf(named, 256, "%s", name);
    int code = getaddrinfo(name, port, &hints, &found);
    if (code)
        return fault_set(fault, STATUS_UNAVAILABLE, "server", "%.100s: %s", text,
                         gai_strerror(code));
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
    return STATUS_OK;
}

/* --- workers ---------------------------------------------------------------------------------- */

static uint32_t part_of(uint32_t whole, uint32_t part, uint32_t parts)
{
    return whole / parts + (part < whole % parts);
}

static enum status engine_spec_of(const struct run_spec *s, uint32_t part, struct engine_spec *e,
                                  struct fault *fault)
{
    *e = (struct engine_spec){.mix = s->mix,
                              .replay = s->replay,
                              .part = part,
                              .parts = s->workers,
                              .seed = s->seed,
                              .connections = part_of(s->connections, part, s->workers),
                              .max_in_flight = part_of(s->max_in_flight, part, s->workers),
                              .closed = part_of(s->closed, part, s->workers),
                              .duration_ns = (uint64_t)(s->duration_s * 1e9),
                              .timeout_ns = (uint64_t)s->timeout_ms * 1000000,
                              .drain_ns = (uint64_t)s->drain_ms * 1000000,
                              .connect_ns = (uint64_t)s->connect_ms * 1000000,
                              .interval_ns = (uint64_t)s->interval_ms * 1000000,
                              .late_after_ns = (uint64_t)s->late_after_ms * 1000000,
                              .verify = s->verify,
                              .spin = s->spin,
                              .split = s->split,
                              .key = s->client ? s->client->key : NULL};
    const struct souk_options *c = s->client;
    if (c && c->tls)
        e->tls = (struct tls_client){c->tls_ca, c->tls_certificate, c->tls_key, c->tls_name};
    e->encrypted = c && c->tls;
    enum status st = resolve(s->address, &e->address, &e->address_len, e->host, fault);
    if (!st && !s->replay && !s->closed)
        st = schedule_parse(&e->schedule, s->arrivals, s->rate, s->duration_s, s->seed, fault);
    if (!st && !s->replay && !s->closed)
        schedule_part(&e->schedule, part, s->workers);
    return st;
}

static enum status start_worker(struct run *r, uint32_t i, struct fault *fault)
{
    struct engine_spec e;
    enum status s = engine_spec_of(&r->spec, i, &e, fault);
    if (s)
        return s;
    if (!(r->tallies[i] = tally_create()))
        return STATUS_NO_MEMORY;
    fflush(NULL);
    int parent = getpid();
    r->pids[i] = fork();
    if (r->pids[i] < 0)
        return fault_set(fault, STATUS_NO_MEMORY, NULL, "no process could be started");
    if (r->pids[i] == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        _exit(engine_run(&e, r->tallies[i]) ? 1 : 0);
    }
    return STATUS_OK;
}

static void stop_workers(struct run *r)
{
    for (uint32_t i = 0; i < r->spec.workers; i++)
        if (r->tallies[i])
            atomic_store(&r->tallies[i]->stop, 1);
    for (uint32_t i = 0; i < r->spec.workers; i++)
        if (r->pids[i] > 0)
            waitpid(r->pids[i], NULL, 0);
}

/* false: a worker ended before it was ready. */
static bool all_ready(struct run *r, bool *ready)
{
    *ready = true;
    for (uint32_t i = 0; i < r->spec.workers; i++) {
        bool here = atomic_load(&r->tallies[i]->ready);
        if (!here && (atomic_load(&r->tallies[i]->finished) || waitpid(r->pids[i], NULL, WNOHANG)))
            return false;
        *ready &= here;
    }
    return true;
}

static enum status begin(struct run *r, struct fault *fault)
{
    bool ready;
    do {
        usleep(1000);
        if (!all_ready(r, &ready)) {
            const char *why = "a worker ended before it began";
            for (uint32_t i = 0; i < r->spec.workers; i++)
                why = r->tallies[i]->fault[0] ? r->tallies[i]->fault : why;
            return fault_set(fault, STATUS_UNAVAILABLE, "server", "%s: %s", r->spec.address, why);
        }
    } while (!ready);
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    r->start_wall_s = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9 + 0.01;
    r->start_ns = clock_ns() + 10000000;
    for (uint32_t i = 0; i < r->spec.workers; i++)
        atomic_store(&r->tallies[i]->start_ns, r->start_ns);
    return STATUS_OK;
}

static void take_sample(struct run *r, const struct server_info *info)
{
    if (r->sample_count == r->sample_cap) {
        uint32_t cap = r->sample_cap ? r->sample_cap * 2 : 64;
        void *p = realloc(r->samples, cap * sizeof *r->samples);
        if (!p)
            return;
        r->samples = p;
        r->sample_cap = cap;
    }
    struct server_sample *s = &r->samples[r->sample_count];
    if (!info->supervisor || !process_cost(info->supervisor, &s->cost))
        return;
    s->at_s = ((double)clock_ns() - (double)r->start_ns) / 1e9;
    r->sample_count++;
}

static bool all_finished(const struct run *r)
{
    for (uint32_t i = 0; i < r->spec.workers; i++)
        if (!atomic_load(&r->tallies[i]->finished))
            return false;
    return true;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static void watch(struct run *r, const struct server_info *info)
{
    uint64_t live = 0, sample = 0;
    bool told = false;
    while (!all_finished(r)) {
        uint64_t now = clock_ns();
        if (interrupted && !told) {
            for (uint32_t i = 0; i < r->spec.workers; i++)
                atomic_store(&r->tallies[i]->stop, 1);
            told = true;
        }
        if (info->supervisor && now >= sample) {
            take_sample(r, info);
            sample = now + (uint64_t)SAMPLE_MS * 1000000;
        }
        if (r->spec.live && now >= live) {
            r->spec.live(r->spec.live_ctx, r);
            live = now + (uint64_t)LIVE_MS * 1000000;
        }
        for (uint32_t i = 0; i < r->spec.workers; i++) /* one that crashed never finishes */
            if (r->pids[i] > 0 && waitpid(r->pids[i], NULL, WNOHANG) == r->pids[i]) {
                if (!atomic_load(&r->tallies[i]->finished))
                    snprintf(r->tallies[i]->fault, sizeof r->tallies[i]->fault,
                             "a worker process died");
                atomic_store(&r->tallies[i]->finished, 1);
                r->pids[i] = 0;
            }
        usleep(WATCH_MS * 1000 / 10);
    }
    if (info->supervisor)
        take_sample(r, info);
}

/* --- merging ---------------------------------------------------------------------------------- */

static enum status merge(struct run *r)
{
    uint32_t n = r->spec.mix->op_count;
    if (!(r->ops = calloc(n, sizeof *r->ops)))
        return STATUS_NO_MEMORY;
    histogram_init(&r->response);
    histogram_init(&r->accepted);
    histogram_init(&r->service);
    memset(&r->total, 0, sizeof r->total);
    for (uint32_t i = 0; i < n; i++) {
        histogram_init(&r->ops[i].response);
        histogram_init(&r->ops[i].service);
        for (uint32_t w = 0; w < r->spec.workers; w++) {
            const struct op_tally *from = &r->tallies[w]->ops[i];
            counts_add(&r->ops[i].counts, &from->counts);
            histogram_add(&r->ops[i].response, &from->response);
            histogram_add(&r->ops[i].response, &from->lost);
            histogram_add(&r->accepted, &from->response);
            histogram_add(&r->ops[i].service, &from->service);
        }
        counts_add(&r->total, &r->ops[i].counts);
        histogram_add(&r->response, &r->ops[i].response);
        histogram_add(&r->service, &r->ops[i].service);
    }
    r->end_ns = r->start_ns;
    for (uint32_t w = 0; w < r->spec.workers; w++)
        if (r->tallies[w]->last_reply_ns > r->end_ns)
            r->end_ns = r->tallies[w]->last_reply_ns;
    return STATUS_OK;
}

enum status run_execute(const struct run_spec *spec, struct run *r, struct fault *fault)
{
    struct server_info info = {0};
    memset(r, 0, sizeof *r);
    r->spec = *spec;
    struct sigaction act = {.sa_handler = on_interrupt}, was_int, was_term;
    sigaction(SIGINT, &act, &was_int);
    sigaction(SIGTERM, &act, &was_term);
    struct souk *s = NULL;
    if (spec->sample_server && !souk_open(spec->address, spec->client, &s, NULL))
        server_info_read(s, &info, NULL);
    souk_close(s);
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < spec->workers && !st; i++)
        st = start_worker(r, i, fault);
    if (!st)
        st = begin(r, fault);
    if (!st)
        watch(r, &info);
    stop_workers(r);
    if (!st)
        st = merge(r);
    server_info_fini(&info);
    sigaction(SIGINT, &was_int, NULL);
    sigaction(SIGTERM, &was_term, NULL);
    return st;
}

void run_fini(struct run *r)
{
    for (uint32_t i = 0; i < RUN_MAX_WORKERS; i++)
        tally_destroy(r->tallies[i]);
    free(r->ops);
    free(r->samples);
    memset(r, 0, sizeof *r);
}

/* --- figures ---------------------------------------------------------------------------------- */

double run_scheduled_s(const struct run *r)
{
    double s = (double)(r->end_ns - r->start_ns) / 1e9;
    return interrupted && s < r->spec.duration_s ? s : r->spec.duration_s;
}

double run_lasted_s(const struct run *r)
{
    double s = (double)(r->end_ns - r->start_ns) / 1e9;
    return interrupted || s > r->spec.duration_s ? s : r->spec.duration_s;
}

double run_rate(const struct run *r, uint64_t count)
{
    double s = run_lasted_s(r);
    return s > 0 ? (double)count / s : 0;
}

uint64_t run_offered_percentile(const struct histogram *h, const struct counts *c, double p)
{
    /* What was waited for in vain stands in the histogram too; here it counts as a failure. */
    uint64_t good = c->ok < h->total ? c->ok : h->total, all = good + counts_failed(c);
    if (!all)
        return 0;
    uint64_t rank = (uint64_t)ceil(p / 100 * (double)all);
    return rank > good ? UINT64_MAX : histogram_ranked(h, rank ? rank : 1);
}

void run_each_interval(const struct run *r, void (*each)(void *ctx, const struct interval *i),
                       void *ctx)
{
    uint64_t at[RUN_MAX_WORKERS] = {0};
    struct interval *sum = malloc(sizeof *sum), *one = malloc(sizeof *one);
    for (bool more = sum && one; more;) {
        more = false;
        memset(&sum->counts, 0, sizeof sum->counts);
        histogram_init(&sum->response);
        sum->length_us = 0;
        for (uint32_t w = 0; w < r->spec.workers; w++) {
            if (tally_log_next(r->tallies[w], &at[w], one))
                continue;
            more = true;
            sum->start_us = one->start_us;
            if (one->length_us > sum->length_us)
                sum->length_us = one->length_us;
            counts_add(&sum->counts, &one->counts);
            histogram_add(&sum->response, &one->response);
        }
        if (more && sum->length_us)
            each(ctx, sum);
    }
    free(sum);
    free(one);
}

double run_tester_cpu(const struct run *r)
{
    double most = 0;
    for (uint32_t w = 0; w < r->spec.workers; w++) {
        const struct tally *t = r->tallies[w];
        double wall = (double)t->end_ns - (double)r->start_ns;
        if (wall > 0 && (double)t->cpu_ns / wall > most)
            most = (double)t->cpu_ns / wall;
    }
    return most;
}

uint64_t run_send_lag_max_us(const struct run *r)
{
    uint64_t most = 0;
    for (uint32_t w = 0; w < r->spec.workers; w++)
        if (r->tallies[w]->send_lag_max_ns > most)
            most = r->tallies[w]->send_lag_max_ns;
    return most / 1000;
}
