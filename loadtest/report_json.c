#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "loadtest/json_out.h"
#include "loadtest/report.h"
#include "protocol/version.h"

static void put_cpu_name(struct json_out *j)
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
            line[strcspn(line, "\n")] = '\0';
            json_out_text(j, "cpu", strchr(line, ':') + 2);
            break;
        }
    if (f)
        fclose(f);
}

static void put_head(struct json_out *j, const struct run *r)
{
    struct utsname u = {0};
    char when[40];
    time_t t = (time_t)r->start_wall_s;
    struct tm tm;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
    uname(&u);
    json_out_text(j, "format", "souk-load/1");
    json_out_text(j, "version", SOUK_VERSION);
    json_out_text(j, "compiler", __VERSION__);
    json_out_text(j, "started", when);
    json_out_open(j, "host", '{');
    json_out_text(j, "name", u.nodename);
    json_out_text(j, "kernel", u.release);
    json_out_text(j, "machine", u.machine);
    put_cpu_name(j);
    json_out_count(j, "cores", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
    json_out_close(j, '}');
}

static void put_server(struct json_out *j, const struct report *r)
{
    json_out_open(j, "server", '{');
    json_out_text(j, "address", r->run->spec.address);
    json_out_text(j, "version", r->server_version);
    json_out_open(j, "stats", '{');
    for (uint32_t i = 0; r->server && i < r->server->row_count; i++)
        json_out_text(j, r->server->rows[i].name, r->server->rows[i].value);
    json_out_close(j, '}');
    json_out_close(j, '}');
}

static void put_load(struct json_out *j, const struct run_spec *s)
{
    json_out_open(j, "load", '{');
    json_out_text(j, "loop", s->closed ? "closed" : "open");
    if (s->closed)
        json_out_count(j, "under_way", s->closed);
    json_out_text(j, "arrivals", s->closed ? "closed" : s->replay ? "replay" : s->arrivals);
    json_out_number(j, "rate", s->closed || s->replay ? 0 : s->rate);
    json_out_number(j, "duration_s", s->duration_s);
    json_out_count(j, "connections", s->connections);
    json_out_count(j, "processes", s->workers);
    json_out_count(j, "max_in_flight", s->max_in_flight);
    json_out_count(j, "timeout_ms", s->timeout_ms);
    json_out_count(j, "late_after_ms", s->late_after_ms);
    json_out_count(j, "seed", s->seed);
    json_out_close(j, '}');
}

static void put_counts(struct json_out *j, const struct run *r, const struct counts *c)
{
    json_out_open(j, "requests", '{');
    json_out_count(j, "offered", c->offered);
    json_out_count(j, "sent", c->sent);
    json_out_count(j, "ok", c->ok);
    json_out_count(j, "good", c->good);
    json_out_count(j, "failed", counts_failed(c));
    json_out_count(j, "late", c->late);
    json_out_count(j, "sent_late", c->sent_late);
    json_out_count(j, "held_back", c->failed[FAILURE_HELD_BACK]);
    json_out_count(j, "timed_out", c->failed[FAILURE_TIMEOUT]);
    json_out_close(j, '}');
    json_out_open(j, "rates", '{');
    json_out_number(j, "offered", (double)c->offered / run_scheduled_s(r));
    json_out_number(j, "sent", (double)c->sent / run_scheduled_s(r));
    json_out_number(j, "achieved", run_rate(r, c->ok));
    json_out_number(j, "goodput", run_rate(r, c->good));
    json_out_close(j, '}');
    json_out_open(j, "errors", '{');
    for (uint32_t i = 0; i < FAILURE_SLOTS; i++)
        if (c->failed[i])
            json_out_count(j, failure_name(i), c->failed[i]);
    json_out_close(j, '}');
}

static void put_latency(struct json_out *j, const char *key, const struct histogram *h)
{
    json_out_open(j, key, '{');
    for (int i = 0; i < REPORT_PERCENTILES; i++)
        json_out_count(j, report_percentiles[i].key,
                       histogram_percentile(h, report_percentiles[i].p));
    json_out_count(j, "min_us", h->total ? h->min : 0);
    json_out_count(j, "max_us", h->max);
    json_out_number(j, "mean_us", histogram_mean(h));
    json_out_number(j, "stddev_us", histogram_stddev(h));
    json_out_count(j, "count", h->total);
    json_out_close(j, '}');
}

static void put_offered_latency(struct json_out *j, const struct histogram *h,
                                const struct counts *c)
{
    json_out_open(j, "offered_latency", '{');
    for (int i = 0; i < REPORT_PERCENTILES; i++) {
        uint64_t us = run_offered_percentile(h, c, report_percentiles[i].p);
        if (us == UINT64_MAX)
            json_out_null(j, report_percentiles[i].key);
        else
            json_out_count(j, report_percentiles[i].key, us);
    }
    json_out_close(j, '}');
}

static void put_quality(struct json_out *j, const struct counts *c)
{
    json_out_open(j, "freshness", '{');
    json_out_count(j, "fresh", c->fresh);
    json_out_count(j, "stale", c->stale);
    json_out_count(j, "stale_if_error", c->stale_if_error);
    json_out_count(j, "safe_mode_replies", c->safe_mode);
    json_out_close(j, '}');
    json_out_open(j, "degraded", '{');
    json_out_count(j, "replies", c->degraded);
    json_out_number(j, "share", c->ok ? (double)c->degraded / (double)c->ok : 0);
    json_out_number(j, "level_mean", c->ok ? (double)c->level_sum / (double)c->ok : 0);
    json_out_close(j, '}');
    json_out_open(j, "result_cache", '{');
    json_out_count(j, "replies", c->cached);
    json_out_count(j, "old_replies", c->cached_old);
    json_out_close(j, '}');
    json_out_open(j, "answers", '{');
    json_out_number(j, "found_mean", c->ok ? (double)c->found / (double)c->ok : 0);
    json_out_number(j, "server_us_mean", c->ok ? (double)c->server_us / (double)c->ok : 0);
    json_out_number(j, "reply_bytes_mean", c->ok ? (double)c->bytes_in / (double)c->ok : 0);
    json_out_close(j, '}');
}

static void put_operations(struct json_out *j, const struct run *r)
{
    json_out_open(j, "operations", '[');
    for (uint32_t i = 0; i < r->spec.mix->op_count; i++) {
        const struct mix_op *op = &r->spec.mix->ops[i];
        json_out_open(j, NULL, '{');
        json_out_text(j, "name", op->name);
        json_out_text(j, "op", mix_kind_name(op->kind));
        json_out_text(j, "class", mix_class_name(op->frame_class));
        json_out_count(j, "deadline_ms", op->deadline_ms);
        json_out_number(j, "weight", op->weight);
        put_counts(j, r, &r->ops[i].counts);
        put_latency(j, "latency", &r->ops[i].response);
        put_latency(j, "service", &r->ops[i].service);
        json_out_close(j, '}');
    }
    json_out_close(j, ']');
}

static void put_interval(void *ctx, const struct interval *i)
{
    struct json_out *j = ctx;
    const struct counts *c = &i->counts;
    json_out_open(j, NULL, '{');
    json_out_number(j, "start_s", (double)i->start_us / 1e6);
    json_out_number(j, "length_s", (double)i->length_us / 1e6);
    json_out_count(j, "offered", c->offered);
    json_out_count(j, "sent", c->sent);
    json_out_count(j, "ok", c->ok);
    json_out_count(j, "good", c->good);
    json_out_count(j, "failed", counts_failed(c));
    json_out_count(j, "late", c->late);
    json_out_count(j, "degraded", c->degraded);
    json_out_count(j, "level_sum", c->level_sum);
    json_out_count(j, "cached", c->cached);
    json_out_count(j, "hits", c->fresh + c->stale + c->stale_if_error);
    json_out_count(j, "stale", c->stale);
    json_out_count(j, "stale_if_error", c->stale_if_error);
    static const struct {
        double p;
        const char *key;
    } at[] = {{50, "p50_us"}, {99, "p99_us"}, {99.9, "p99_9_us"}, {100, "max_us"}};
    for (size_t k = 0; k < sizeof at / sizeof at[0]; k++)
        if (i->response.total)
            json_out_count(j, at[k].key, histogram_percentile(&i->response, at[k].p));
        else
            json_out_null(j, at[k].key);
    json_out_open(j, "errors", '{');
    for (uint32_t k = 0; k < FAILURE_SLOTS; k++)
        if (c->failed[k])
            json_out_count(j, failure_name(k), c->failed[k]);
    json_out_close(j, '}');
    json_out_close(j, '}');
}

static void put_step(void *ctx, uint64_t us, double percentile, uint64_t count)
{
    struct json_out *j = ctx;
    json_out_open(j, NULL, '[');
    json_out_count(j, NULL, us);
    buf_printf(j->buf, ",%.9f", percentile);
    json_out_count(j, NULL, count);
    json_out_close(j, ']');
}

static void put_series(struct json_out *j, const struct run *r)
{
    json_out_open(j, "intervals", '[');
    run_each_interval(r, put_interval, j);
    json_out_close(j, ']');
    json_out_open(j, "spectrum", '[');
    histogram_spectrum(&r->response, put_step, j);
    json_out_close(j, ']');
    json_out_open(j, "service_spectrum", '[');
    histogram_spectrum(&r->service, put_step, j);
    json_out_close(j, ']');
    json_out_open(j, "server_cpu", '[');
    for (uint32_t i = 1; i < r->sample_count; i++) {
        const struct server_sample *a = &r->samples[i - 1], *b = &r->samples[i];
        if (b->at_s - a->at_s < 0.05)
            continue;
        json_out_open(j, NULL, '{');
        json_out_number(j, "at_s", b->at_s);
        json_out_number(j, "cores", (b->cost.cpu_s - a->cost.cpu_s) / (b->at_s - a->at_s));
        json_out_number(j, "rss_mb", b->cost.rss_mb);
        json_out_close(j, '}');
    }
    json_out_close(j, ']');
}

static void put_tester(struct json_out *j, const struct report *r)
{
    uint64_t reconnects = 0, goaways = 0;
    for (uint32_t i = 0; i < r->run->spec.workers; i++) {
        reconnects += r->run->tallies[i]->reconnects;
        goaways += r->run->tallies[i]->goaways;
    }
    json_out_open(j, "tester", '{');
    json_out_number(j, "cpu_cores_max", run_tester_cpu(r->run));
    json_out_count(j, "send_lag_max_us", run_send_lag_max_us(r->run));
    json_out_count(j, "reconnects", reconnects);
    json_out_count(j, "goaways", goaways);
    json_out_open(j, "intrinsic", '{');
    json_out_count(j, "stall_max_us", r->intrinsic.stall_max_us);
    json_out_count(j, "wake_p50_us", r->intrinsic.wake_p50_us);
    json_out_count(j, "wake_max_us", r->intrinsic.wake_max_us);
    json_out_close(j, '}');
    json_out_open(j, "warnings", '[');
    for (uint32_t i = 0; i < r->warning_count; i++)
        json_out_text(j, NULL, r->warnings[i]);
    json_out_close(j, ']');
    json_out_close(j, '}');
}

static void put_checks(struct json_out *j, const struct report *r)
{
    json_out_open(j, "thresholds", '[');
    for (uint32_t i = 0; i < r->threshold_count; i++) {
        json_out_open(j, NULL, '{');
        json_out_text(j, "rule", r->thresholds[i].text);
        json_out_number(j, "value", r->thresholds[i].value);
        json_out_bool(j, "holds", r->thresholds[i].holds);
        json_out_close(j, '}');
    }
    json_out_close(j, ']');
    json_out_open(j, "verify", '{');
    json_out_bool(j, "on", r->run->spec.verify);
    json_out_count(j, "checked", r->run->total.verified);
    json_out_count(j, "wrong", r->run->total.wrong);
    json_out_text(j, "first", report_wrong(r));
    json_out_close(j, '}');
}

void report_json(const struct report *r, struct buf *out)
{
    struct json_out j = {out, false};
    const struct run *run = r->run;
    json_out_open(&j, NULL, '{');
    put_head(&j, run);
    put_server(&j, r);
    put_load(&j, &run->spec);
    json_out_number(&j, "lasted_s", run_lasted_s(run));
    put_counts(&j, run, &run->total);
    put_latency(&j, "latency", &run->response);
    put_offered_latency(&j, &run->response, &run->total);
    put_latency(&j, "service", &run->service);
    put_quality(&j, &run->total);
    put_operations(&j, run);
    put_series(&j, run);
    put_tester(&j, r);
    put_checks(&j, r);
    json_out_close(&j, '}');
    buf_put_u8(out, '\n');
}
