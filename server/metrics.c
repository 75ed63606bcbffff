#include "server/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "protocol/constants.h"
#include "protocol/version.h"
#include "server/admission.h"
#include "server/say.h"

enum { FRONT_SILENCE_MS = 2500 };

static void put(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct buf *b, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n > 0)
        buf_put(b, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* OpenMetrics names the family of a counter, whose series alone end in _total. */
static void head(struct buf *b, enum metrics_format format, const char *name, const char *type,
                 const char *help)
{
    static const char total[] = "_total";
    size_t len = strlen(name), end = sizeof total - 1;
    if (format == METRICS_OPEN && len > end && !strcmp(name + len - end, total))
        len -= end;
    put(b, "# HELP souk_%.*s %s\n# TYPE souk_%.*s %s\n", (int)len, name, help, (int)len, name,
        type);
}

/* --- text ---------------------------------------------------------------------------------------
 */

static void put_processes(struct buf *b, const struct shared *s, enum metrics_format format)
{
#define PROCESS_METRIC(metric, kind, divisor, value, help)                                         \
    head(b, format, "process_" #metric, #kind, help);                                              \
    for (uint32_t i = 0; i < s->process_count; i++) {                                              \
        const struct shared_process *p = &s->processes[i];                                         \
        put(b, "souk_process_" #metric "{role=\"%s\",slot=\"%u\"} %.17g\n",                        \
            role_name((enum role)p->role), i, (double)(value) / (divisor));                        \
    }
#include "server/metrics.def"
}

static void put_shed(struct buf *b, const struct shared *s, enum metrics_format format)
{
    head(b, format, "process_shed_total", "counter",
         "requests the queue of their class let go: full, dropped, or too late");
    for (uint32_t i = 0; i < s->process_count; i++)
        for (int q = 0; s->processes[i].role == ROLE_FRONT && q < QUEUE_COUNT; q++)
            put(b, "souk_process_shed_total{role=\"front\",slot=\"%u\",queue=\"%s\"} %" PRIu64 "\n",
                i, admission_name(q), (uint64_t)s->processes[i].shed[q]);
}

static void put_catalogs(struct buf *b, const struct shared *s, enum metrics_format format)
{
#define CATALOG_METRIC(metric, kind, divisor, value, help)                                         \
    head(b, format, "catalog_" #metric, #kind, help);                                              \
    for (uint32_t i = 0; i < SHARED_CATALOGS; i++) {                                               \
        const struct shared_catalog *c = &s->catalogs[i];                                          \
        if (atomic_load_explicit(&c->state, memory_order_acquire) == 1)                            \
            put(b, "souk_catalog_" #metric "{catalog=\"%s\"} %.17g\n", c->name,                    \
                (double)(value) / (divisor));                                                      \
    }
#include "server/metrics.def"
}

static void put_providers(struct buf *b, const struct shared *s, enum metrics_format format)
{
#define PROVIDER_METRIC(metric, kind, divisor, value, help)                                        \
    head(b, format, "provider_" #metric, #kind, help);                                             \
    for (uint32_t i = 0; i < SHARED_CATALOGS * SHARED_PROVIDERS; i++) {                            \
        const struct shared_catalog *c = &s->catalogs[i / SHARED_PROVIDERS];                       \
        const struct shared_provider *v = &c->providers[i % SHARED_PROVIDERS];                     \
        if (atomic_load_explicit(&c->state, memory_order_acquire) == 1 &&                          \
            atomic_load_explicit(&v->used, memory_order_acquire))                                  \
            put(b, "souk_provider_" #metric "{catalog=\"%s\",provider=\"%s\"} %.17g\n", c->name,   \
                v->name, (double)(value) / (divisor));                                             \
    }
#include "server/metrics.def"
}

/* The row at 0 has no name: keys for which there was no row. */
static void put_keys(struct buf *b, const struct shared *s, enum metrics_format format)
{
#define KEY_METRIC(metric, kind, divisor, value, help)                                             \
    head(b, format, "key_" #metric, #kind, help);                                                  \
    for (uint32_t i = 0; i < SHARED_KEYS; i++) {                                                   \
        const struct shared_key *k = &s->keys[i];                                                  \
        if (atomic_load_explicit(&k->named, memory_order_acquire) || (!i && k->requests))          \
            put(b, "souk_key_" #metric "{key=\"%s\"} %.17g\n", k->name,                            \
                (double)(value) / (divisor));                                                      \
    }
#include "server/metrics.def"
}

static void put_follow(struct buf *b, const struct shared_follow *w, enum metrics_format format)
{
#define FOLLOW_METRIC(metric, kind, divisor, value, help)                                          \
    head(b, format, "follow_" #metric, #kind, help);                                               \
    put(b, "souk_follow_" #metric " %.17g\n", (double)(value) / (divisor));
#include "server/metrics.def"
}

static int64_t wall_s(void)
{
    return (int64_t)time(NULL);
}

static bool speaks_tls(const struct shared_process *p)
{
    return p->role == ROLE_FRONT && p->tls.on;
}

static void put_tls(struct buf *b, const struct shared *s, enum metrics_format format)
{
    bool any = false;
    for (uint32_t i = 0; i < s->process_count; i++)
        any |= speaks_tls(&s->processes[i]);
    if (!any)
        return;
#define TLS_METRIC(metric, kind, divisor, value, help)                                             \
    head(b, format, "tls_" #metric, #kind, help);                                                  \
    for (uint32_t i = 0; i < s->process_count; i++) {                                              \
        const struct shared_tls *t = &s->processes[i].tls;                                         \
        if (speaks_tls(&s->processes[i]))                                                          \
            put(b, "souk_tls_" #metric "{slot=\"%u\"} %.17g\n", i, (double)(value) / (divisor));   \
    }
#include "server/metrics.def"
    head(b, format, "tls_handshake_failures_total", "counter",
         "TLS handshakes that failed, by why");
    for (uint32_t i = 0; i < s->process_count; i++)
        for (int f = TLS_FAILURE_NONE + 1; speaks_tls(&s->processes[i]) && f < TLS_FAILURE_COUNT;
             f++)
            put(b, "souk_tls_handshake_failures_total{slot=\"%u\",reason=\"%s\"} %" PRIu64 "\n", i,
                tls_failure_name((enum tls_failure)f), (uint64_t)s->processes[i].tls.failures[f]);
}

/* A bound as a label: OpenMetrics writes whole numbers with a point. */
static const char *bound_text(double seconds, enum metrics_format format, char room[32])
{
    snprintf(room, 28, "%g", seconds);
    if (format == METRICS_OPEN && !strpbrk(room, ".e"))
        strcat(room, ".0"); /* NOLINT: there is room */
    return room;
}

/* Behind the first bucket the exemplar lies in; *e becomes NULL there. */
static void put_exemplar(struct buf *b, const struct exemplar **e, uint64_t bound_us)
{
    char trace[2 * TRACE_ID_LEN + 1];
    if (*e && (*e)->us <= bound_us) {
        trace_hex((*e)->trace_id, TRACE_ID_LEN, trace);
        put(b, " # {trace_id=\"%s\"} %.6f %.3f", trace, (double)(*e)->us / 1e6,
            (double)(*e)->at_ms / 1e3);
        *e = NULL;
    }
    put(b, "\n");
}

/* `e`: NULL = none. */
static void put_histogram(struct buf *b, const char *op, const struct latency *l,
                          const struct exemplar *e, enum metrics_format format)
{
    uint64_t count = 0;
    char bound[32];
    for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
        count += l->buckets[i];
        put(b, "souk_request_seconds_bucket{op=\"%s\",le=\"%s\"} %" PRIu64, op,
            bound_text(latency_bounds[i] / 1e6, format, bound), count);
        put_exemplar(b, &e, latency_bounds[i]);
    }
    count += l->buckets[LATENCY_BUCKETS];
    put(b, "souk_request_seconds_bucket{op=\"%s\",le=\"+Inf\"} %" PRIu64, op, count);
    put_exemplar(b, &e, UINT64_MAX);
    put(b, "souk_request_seconds_sum{op=\"%s\"} %.17g\n", op, (double)l->sum_us / 1e6);
    put(b, "souk_request_seconds_count{op=\"%s\"} %" PRIu64 "\n", op, count);
}

/* The newest of all processes; NULL when there is none. */
static const struct exemplar *newest(const struct shared *s, uint32_t op, struct exemplar *room)
{
    struct exemplar one;
    const struct exemplar *found = NULL;
    for (uint32_t p = 0; p < s->process_count; p++)
        if (exemplar_read(&s->processes[p].exemplars[op], &one) &&
            (!found || one.at_ms > room->at_ms)) {
            *room = one;
            found = room;
        }
    return found;
}

/* One histogram an operation over all processes; operations that never came are left out. */
static void put_latencies(struct buf *b, const struct shared *s, enum metrics_format format)
{
    head(b, format, "request_seconds", "histogram", "time from receipt to reply in the server");
    for (uint32_t op = 0; op < LATENCY_OPS; op++) {
        struct latency sum = {0};
        struct exemplar last;
        uint64_t any = 0;
        for (uint32_t p = 0; p < s->process_count; p++) {
            const struct latency *l = &s->processes[p].latency[op];
            for (uint32_t i = 0; i <= LATENCY_BUCKETS; i++) {
                sum.buckets[i] += l->buckets[i];
                any += l->buckets[i];
            }
            sum.sum_us += l->sum_us;
        }
        if (any)
            put_histogram(b, op ? opcode_name((uint8_t)op) : "other", &sum,
                          format == METRICS_OPEN ? newest(s, op, &last) : NULL, format);
    }
}

static uint64_t dropped_spans(const struct shared *s)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < SHARED_PROCESSES; i++)
        n += atomic_load_explicit(&s->rings[i].dropped, memory_order_relaxed);
    return n;
}

static void put_spans(struct buf *b, const struct shared *s, enum metrics_format format)
{
    head(b, format, "trace_spans_total", "counter", "spans by what became of them");
#define SPAN_METRIC(outcome, value, help)                                                          \
    put(b, "souk_trace_spans_total{outcome=\"" #outcome "\"} %" PRIu64 "\n", (uint64_t)(value));
#include "server/metrics.def"
    head(b, format, "trace_calls_total", "counter", "calls of the collector of traces");
    put(b, "souk_trace_calls_total %" PRIu64 "\n", (uint64_t)s->traces.calls);
    head(b, format, "trace_retries_total", "counter",
         "calls of the collector that were to be made again");
    put(b, "souk_trace_retries_total %" PRIu64 "\n", (uint64_t)s->traces.retries);
}

void metrics_put_text(struct buf *b, const struct shared *s, enum metrics_format format)
{
    head(b, format, "build_info", "gauge", "always 1; the labels tell the build");
    put(b, "souk_build_info{version=\"0.1.0\"} 1\n");
    head(b, format, "uptime_seconds", "gauge", "time since the supervisor started");
    put(b, "souk_uptime_seconds %.3f\n", (double)(clock_mono_ms() - s->mono_anchor_ms) / 1e3);
    head(b, format, "ready", "gauge", "1 when searches are served");
    put(b, "souk_ready %d\n", metrics_ready(s));
    put_processes(b, s, format);
    put_shed(b, s, format);
    put_latencies(b, s, format);
    put_catalogs(b, s, format);
    put_providers(b, s, format);
    put_spans(b, s, format);
    put_keys(b, s, format);
    put_follow(b, &s->follow, format);
    put_tls(b, s, format);
    if (format == METRICS_OPEN)
        put(b, "# EOF\n");
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static void put_process_json(struct buf *b, const struct shared_process *p, uint32_t slot)
{
    put(b, "%s{\"role\":\"%s\",\"slot\":%u", slot ? "," : "", role_name((enum role)p->role), slot);
    put(b, ",\"pid\":%u,\"silent_ms\":%" PRId64, p->pid, clock_mono_ms() - (int64_t)p->beat);
#define PROCESS_METRIC(metric, kind, divisor, value, help)                                         \
    put(b, ",\"" #metric "\":%.17g", (double)(value) / (divisor));
#include "server/metrics.def"
    put(b, "}");
}

static void put_provider_json(struct buf *b, const struct shared_provider *v, bool first)
{
    put(b, "%s{\"name\":\"%s\",\"breaker\":\"%s\"", first ? "" : ",", v->name,
        breaker_state_name((enum breaker_state)v->breaker));
#define PROVIDER_METRIC(metric, kind, divisor, value, help)                                        \
    put(b, ",\"" #metric "\":%.17g", (double)(value) / (divisor));
#include "server/metrics.def"
    put(b, "}");
}

static void put_catalog_json(struct buf *b, const struct shared *s, const struct shared_catalog *c,
                             bool first)
{
    put(b, "%s{\"name\":\"%s\",\"upstream\":\"%s\",\"safe_mode_name\":\"%s\"", first ? "" : ",",
        c->name, upstream_state_name(shared_upstream_now(s, c)),
        safe_mode_name(shared_safe_mode_now(c)));
#define CATALOG_METRIC(metric, kind, divisor, value, help)                                         \
    put(b, ",\"" #metric "\":%.17g", (double)(value) / (divisor));
#include "server/metrics.def"
    put(b, ",\"providers\":[");
    bool any = false;
    for (uint32_t i = 0; i < SHARED_PROVIDERS; i++)
        if (atomic_load_explicit(&c->providers[i].used, memory_order_acquire)) {
            put_provider_json(b, &c->providers[i], !any);
            any = true;
        }
    put(b, "]}");
}

static void put_key_json(struct buf *b, const struct shared_key *k, bool first)
{
    put(b, "%s{\"name\":\"%s\"", first ? "" : ",", k->name);
#define KEY_METRIC(metric, kind, divisor, value, help)                                             \
    put(b, ",\"" #metric "\":%.17g", (double)(value) / (divisor));
#include "server/metrics.def"
    put(b, "}");
}

static void put_follow_json(struct buf *b, const struct shared_follow *w)
{
    char leader[2 * SHARED_LEADER];
    say_quoted(leader, sizeof leader, w->leader);
    put(b, ",\"follow\":{\"role\":\"%s\",\"leader\":\"%s\",\"state_name\":\"%s\"",
        w->following ? "follower" : "leader", w->following ? leader : "",
        follow_state_name((enum follow_state)w->state));
#define FOLLOW_METRIC(metric, kind, divisor, value, help)                                          \
    put(b, ",\"" #metric "\":%.17g", (double)(value) / (divisor));
#include "server/metrics.def"
    put(b, "}");
}

/* Of all fronts together; the certificate that ends first. */
static void put_tls_json(struct buf *b, const struct shared *s)
{
    uint64_t connections = 0, handshakes = 0, handshaking = 0, failures[TLS_FAILURE_COUNT] = {0};
    int64_t end = INT64_MAX;
    for (uint32_t i = 0; i < s->process_count; i++) {
        const struct shared_tls *t = &s->processes[i].tls;
        if (!speaks_tls(&s->processes[i]))
            continue;
        end = t->not_after_s < end ? t->not_after_s : end;
        connections += t->connections;
        handshakes += t->handshakes;
        handshaking += t->handshaking;
        for (int f = 0; f < TLS_FAILURE_COUNT; f++)
            failures[f] += t->failures[f];
    }
    if (end == INT64_MAX)
        return;
    put(b, ",\"tls\":{\"certificate_expires_seconds\":%" PRId64 ",\"connections\":%" PRIu64,
        end - wall_s(), connections);
    put(b, ",\"handshakes_total\":%" PRIu64 ",\"handshaking\":%" PRIu64 ",\"failures\":{",
        handshakes, handshaking);
    for (int f = TLS_FAILURE_NONE + 1; f < TLS_FAILURE_COUNT; f++)
        put(b, "%s\"%s\":%" PRIu64, f > TLS_FAILURE_NONE + 1 ? "," : "",
            tls_failure_name((enum tls_failure)f), failures[f]);
    put(b, "}}");
}

void metrics_put_json(struct buf *b, const struct shared *s)
{
    put(b, "{\"version\":\"" SOUK_VERSION "\",\"uptime_s\":%.3f,\"ready\":%s,\"processes\":[",
        (double)(clock_mono_ms() - s->mono_anchor_ms) / 1e3, metrics_ready(s) ? "true" : "false");
    for (uint32_t i = 0; i < s->process_count; i++)
        put_process_json(b, &s->processes[i], i);
    put(b, "],\"catalogs\":[");
    bool any = false;
    for (uint32_t i = 0; i < SHARED_CATALOGS; i++)
        if (atomic_load_explicit(&s->catalogs[i].state, memory_order_acquire) == 1) {
            put_catalog_json(b, s, &s->catalogs[i], !any);
            any = true;
        }
    put(b, "],\"traces\":{\"calls\":%" PRIu64 ",\"retries\":%" PRIu64, (uint64_t)s->traces.calls,
        (uint64_t)s->traces.retries);
#define SPAN_METRIC(outcome, value, help) put(b, ",\"" #outcome "\":%" PRIu64, (uint64_t)(value));
#include "server/metrics.def"
    put(b, "},\"keys\":[");
    any = false;
    for (uint32_t i = 0; i < SHARED_KEYS; i++)
        if (atomic_load_explicit(&s->keys[i].named, memory_order_acquire)) {
            put_key_json(b, &s->keys[i], !any);
            any = true;
        }
    put(b, "]");
    put_follow_json(b, &s->follow);
    put_tls_json(b, s);
    put(b, "}\n");
}

bool metrics_ready(const struct shared *s)
{
    int64_t now = clock_mono_ms();
    if (s->draining)
        return false;
    for (uint32_t i = 0; i < s->process_count; i++) {
        const struct shared_process *p = &s->processes[i];
        if (p->role == ROLE_FRONT && p->pid && !p->draining &&
            now - (int64_t)p->beat < FRONT_SILENCE_MS)
            return true;
    }
    return false;
}
