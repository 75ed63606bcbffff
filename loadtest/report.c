#include "loadtest/report.h"

#include <stdarg.h>

const struct report_percentile report_percentiles[REPORT_PERCENTILES] = {
    {50, "p50", "p50_us"},          {75, "p75", "p75_us"},
    {90, "p90", "p90_us"},          {95, "p95", "p95_us"},
    {99, "p99", "p99_us"},          {99.9, "p99.9", "p99_9_us"},
    {99.99, "p99.99", "p99_99_us"}, {99.999, "p99.999", "p99_999_us"}};

static void warn(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void warn(struct report *r, const char *fmt, ...)
{
    va_list ap;
    if (r->warning_count == WARNINGS_MAX)
        return;
    va_start(ap, fmt);
    vsnprintf(r->warnings[r->warning_count++], WARNING_LEN, fmt, ap);
    va_end(ap);
}

void report_warn(struct report *r)
{
    const struct run *run = r->run;
    const struct counts *c = &run->total;
    double cpu = run_tester_cpu(run);
    if (run->spec.closed)
        warn(r, "closed loop: requests the server kept waiting were not asked; these latencies "
                "hide stalls");
    if (!run->spec.closed && c->sent && c->sent_late * 100 > c->sent)
        warn(r,
             "the tester itself was late: %.1f %% of the requests left more than 1 ms after "
             "their time (at most %.1f ms); their latency counts it",
             100.0 * (double)c->sent_late / (double)c->sent,
             (double)run_send_lag_max_us(run) / 1000);
    if (cpu > 0.9 && !run->spec.spin)
        warn(r, "the tester was bound by its CPU (%.0f %% of a core): use --processes", cpu * 100);
    if (c->failed[FAILURE_HELD_BACK])
        warn(r, "%llu requests were held back at the in-flight bound of %u and count as failed",
             (unsigned long long)c->failed[FAILURE_HELD_BACK], run->spec.max_in_flight);
    if (c->failed[FAILURE_UNSENT])
        warn(r,
             "%llu requests could not be sent before the end by the tester itself and count as "
             "failed: use --processes, or a machine of its own",
             (unsigned long long)c->failed[FAILURE_UNSENT]);
    struct schedule shape;
    if (!run->spec.closed && !run->spec.replay &&
        !schedule_parse(&shape, run->spec.arrivals, run->spec.rate, run->spec.duration_s, 1,
                        NULL) &&
        schedule_never_peaks(&shape))
        warn(r, "%s begins after the %.1f s of the run: its peak was never offered",
             run->spec.arrivals, run->spec.duration_s);
    for (uint32_t i = 0; i < run->spec.workers; i++) {
        if (run->tallies[i]->fault[0])
            warn(r, "worker %u: %.150s", i, run->tallies[i]->fault);
        if (run->tallies[i]->log_full)
            warn(r, "worker %u: more intervals than fit; use a longer --interval", i);
    }
    uint64_t p99 = histogram_percentile(&run->response, 99);
    if (r->intrinsic.stall_max_us > p99 / 2 + 200)
        warn(r, "this machine stalls by itself for up to %.1f ms",
             (double)r->intrinsic.stall_max_us / 1000);
}

const char *report_wrong(const struct report *r)
{
    for (uint32_t i = 0; i < r->run->spec.workers; i++)
        if (r->run->tallies[i]->wrong[0])
            return r->run->tallies[i]->wrong;
    return "";
}

/* --- table ------------------------------------------------------------------------------------ */

static const char *time_text(uint64_t us, char room[24])
{
    if (us == UINT64_MAX)
        snprintf(room, 24, "failed");
    else if (us < 1000)
        snprintf(room, 24, "%llu us", (unsigned long long)us);
    else if (us < 1000000)
        snprintf(room, 24, "%.*f ms", us < 10000 ? 2 : us < 100000 ? 1 : 0, (double)us / 1000);
    else
        snprintf(room, 24, "%.2f s", (double)us / 1e6);
    return room;
}

static void table_rates(const struct run *r, FILE *f)
{
    const struct counts *c = &r->total;
    double s = run_scheduled_s(r);
    fprintf(f, "%-10s %12s %12s\n", "", "requests", "a second");
    fprintf(f, "%-10s %12llu %12.0f\n", "offered", (unsigned long long)c->offered,
            (double)c->offered / s);
    fprintf(f, "%-10s %12llu %12.0f\n", "sent", (unsigned long long)c->sent, (double)c->sent / s);
    fprintf(f, "%-10s %12llu %12.0f\n", "answered", (unsigned long long)c->ok, run_rate(r, c->ok));
    fprintf(f, "%-10s %12llu %12.0f   (within the deadline)\n", "goodput",
            (unsigned long long)c->good, run_rate(r, c->good));
    fprintf(f, "%-10s %12llu %11.3f%%\n", "failed", (unsigned long long)counts_failed(c),
            c->offered ? 100.0 * (double)counts_failed(c) / (double)c->offered : 0);
    for (uint32_t i = 0; i < FAILURE_SLOTS; i++)
        if (c->failed[i])
            fprintf(f, "  %-20s %llu\n", failure_name(i), (unsigned long long)c->failed[i]);
    fprintf(f, "%-10s %12llu   replies after their time; %llu sent more than 1 ms late\n\n", "late",
            (unsigned long long)c->late, (unsigned long long)c->sent_late);
}

static void table_latency(const struct run *r, FILE *f)
{
    char a[24], b[24], d[24];
    fprintf(f, "%-10s %12s %12s %12s\n", "", "response", "service", "of offered");
    for (int i = 0; i <= REPORT_PERCENTILES; i++) {
        double p = i < REPORT_PERCENTILES ? report_percentiles[i].p : 100;
        fprintf(f, "%-10s %12s %12s %12s\n",
                i < REPORT_PERCENTILES ? report_percentiles[i].name : "max",
                time_text(histogram_percentile(&r->response, p), a),
                time_text(histogram_percentile(&r->service, p), b),
                time_text(run_offered_percentile(&r->response, &r->total, p), d));
    }
    fprintf(f, "%-10s %12s %12s\n", "mean", time_text((uint64_t)histogram_mean(&r->response), a),
            time_text((uint64_t)histogram_mean(&r->service), b));
    fprintf(f, "response: from the intended start; service: from the send; of offered: failures "
               "count as never answered\n");
}

static void table_operations(const struct run *r, FILE *f)
{
    char a[24], b[24], d[24];
    if (r->spec.mix->op_count < 2)
        return;
    fprintf(f, "\n%-20s %-10s %10s %10s %9s %9s %9s\n", "operation", "class", "offered", "failed",
            "p50", "p99", "p99.9");
    for (uint32_t i = 0; i < r->spec.mix->op_count; i++) {
        const struct mix_op *op = &r->spec.mix->ops[i];
        const struct op_tally *o = &r->ops[i];
        if (!o->response.total) { /* nothing was answered: there is no time to tell */
            fprintf(f, "%-20s %-10s %10llu %10llu %9s %9s %9s\n", op->name,
                    mix_class_name(op->frame_class), (unsigned long long)o->counts.offered,
                    (unsigned long long)counts_failed(&o->counts), "-", "-", "-");
            continue;
        }
        fprintf(f, "%-20s %-10s %10llu %10llu %9s %9s %9s\n", op->name,
                mix_class_name(op->frame_class), (unsigned long long)o->counts.offered,
                (unsigned long long)counts_failed(&o->counts),
                time_text(histogram_percentile(&o->response, 50), a),
                time_text(histogram_percentile(&o->response, 99), b),
                time_text(histogram_percentile(&o->response, 99.9), d));
    }
}

static void table_rest(const struct report *r, FILE *f)
{
    const struct counts *c = &r->run->total;
    uint64_t hits = c->fresh + c->stale + c->stale_if_error;
    if (hits)
        fprintf(f, "\nhits: %.2f %% fresh, %.2f %% stale, %.2f %% stale_if_error",
                100.0 * (double)c->fresh / (double)hits, 100.0 * (double)c->stale / (double)hits,
                100.0 * (double)c->stale_if_error / (double)hits);
    if (c->ok)
        fprintf(f,
                "; %.2f %% of the replies degraded (level %.2f), %.2f %% from the result cache; "
                "%.1f us "
                "a reply inside the server\n",
                100.0 * (double)c->degraded / (double)c->ok, (double)c->level_sum / (double)c->ok,
                100.0 * (double)c->cached / (double)c->ok, (double)c->server_us / (double)c->ok);
    if (r->run->spec.verify)
        fprintf(f, "\nverified %llu answers, %llu wrong%s%s\n", (unsigned long long)c->verified,
                (unsigned long long)c->wrong, c->wrong ? "; the first: " : "",
                c->wrong ? report_wrong(r) : "");
    fprintf(f,
            "tester: %.0f %% of a core, sends at most %.1f ms late; this machine alone: stalls "
            "up to %llu us, wakes %llu us late (at most %llu)\n",
            run_tester_cpu(r->run) * 100, (double)run_send_lag_max_us(r->run) / 1000,
            (unsigned long long)r->intrinsic.stall_max_us,
            (unsigned long long)r->intrinsic.wake_p50_us,
            (unsigned long long)r->intrinsic.wake_max_us);
}

void report_table(const struct report *r, FILE *f)
{
    const struct run_spec *s = &r->run->spec;
    if (s->closed)
        fprintf(f, "CLOSED LOOP, %u under way, ", s->closed);
    else if (s->replay)
        fprintf(f, "replay of %u requests, ", s->replay->count);
    else
        fprintf(f, "open loop, %s %.0f/s, ", s->arrivals, s->rate);
    fprintf(f, "%.1f s, %u connections, %u processes, seed %llu, %s\n\n", s->duration_s,
            s->connections, s->workers, (unsigned long long)s->seed, s->address);
    table_rates(r->run, f);
    table_latency(r->run, f);
    table_operations(r->run, f);
    table_rest(r, f);
    for (uint32_t i = 0; i < r->warning_count; i++)
        fprintf(f, "WARNING: %s\n", r->warnings[i]);
    for (uint32_t i = 0; i < r->threshold_count; i++) {
        const struct threshold *t = &r->thresholds[i];
        fprintf(f, "threshold %s: %s (%g)\n", t->text, t->holds ? "holds" : "FAILS", t->value);
    }
}

/* --- histogram files -------------------------------------------------------------------------- */

void report_hgrm(const struct report *r, FILE *f)
{
    histogram_write_hgrm(&r->run->response, f);
}

struct log_line {
    FILE *f;
    struct buf text;
};

static void log_interval(void *ctx, const struct interval *i)
{
    struct log_line *l = ctx;
    buf_clear(&l->text);
    if (!histogram_encode(&i->response, &l->text))
        return;
    fprintf(l->f, "%.3f,%.3f,%.3f,%.*s\n", (double)i->start_us / 1e6, (double)i->length_us / 1e6,
            (double)i->response.max / 1000, (int)l->text.len, l->text.ptr);
}

void report_interval_log(const struct report *r, FILE *f)
{
    struct log_line l = {f, BUF_INIT};
    fprintf(f,
            "#[Logged with souk-load; values in microseconds, Interval_Max in milliseconds]\n"
            "#[Histogram log format version 1.3]\n#[StartTime: %.3f (seconds since epoch)]\n"
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
            "\"Interval_Compressed_Histogram\"\n",
            r->run->start_wall_s);
    run_each_interval(r->run, log_interval, &l);
    buf_fini(&l.text);
}
