/*
 * curve: how much of the peak is left when 0.5 to 10 times as much is asked for.
 *
 *   |-- peak, at most 3N s --|-- 0.5 --|-- 1 --|-- 2 --|-- 3 --|-- 5 --|-- 10 --|   10N + 5 s at
 * most
 *
 * The peak is the best of four closed loops (0.16, 1, 4 and 16 requests a connection) and of the
 * best of them run once more, for a machine may be busy otherwise meanwhile: replies within the
 * deadline a second. Steps are open loops of N seconds on new connections, so that
 * nothing of one step waits in the next. Unless a class or a mix is given, traffic is `critical` up
 * to 0.7 times the peak and `sheddable` beyond: shoppers first, as in an overload with priorities.
 * Each class has connections of its own then, for a shop and a crawler do not share them.
 */
#include <stdlib.h>
#include <string.h>

#include "loadtest/clock.h"
#include "loadtest/commands.h"
#include "loadtest/json_out.h"
#include "loadtest/report_html.h"

enum { ROUNDS = 4, STEPS = 6, BAR = 40 };
enum { DEADLINE_MS = 250 };
static const double factors[STEPS] = {0.5, 1, 2, 3, 5, 10};
/* Requests under way: few for slow work (a queue would be refused), many for fast work. */
static const double depths[ROUNDS] = {0.16, 1, 4, 16};
static const double CRITICAL_SHARE = 0.7, PEAK_SHARE = 0.52; /* of N seconds: a round */

struct step {
    double x, offered, goodput, seconds;
    uint64_t p50_us, p99_us;
    struct counts all, critical;
};

struct curve {
    struct setup *setup;
    struct mix mix; /* the setup's, in two classes */
    bool classes;
    double n, peak, peak_level;
    double best; /* the peak, or a step that did better: shares are of it */
    uint32_t peak_under_way;
    uint64_t end_ns;
    struct step steps[STEPS];
    uint32_t step_count;
};

/* Of x times the peak, 0.7 times the peak at most is critical. */
static enum status share_classes(struct curve *c, double x)
{
    double critical = x > CRITICAL_SHARE ? CRITICAL_SHARE / x : 1;
    double weights[2] = {critical, 1 - critical};
    if (!c->classes)
        return STATUS_OK;
    picker_fini(&c->mix.op_pick);
    c->mix.op_pick = (struct picker){.mode = PICK_WEIGHTED};
    c->mix.ops[0].weight = weights[0];
    c->mix.ops[1].weight = weights[1];
    return picker_build(&c->mix.op_pick, 2, weights);
}

static void make_classes(struct curve *c)
{
    c->mix = c->setup->mix;
    c->classes = !options_has(&c->setup->options, OPT_CLASS) &&
                 !options_has(&c->setup->options, OPT_MIX) && c->mix.op_count == 1;
    if (!c->classes)
        return;
    c->mix.op_pick = (struct picker){0};
    c->mix.op_count = 2;
    c->mix.ops[1] = c->mix.ops[0];
    snprintf(c->mix.ops[0].name, sizeof c->mix.ops[0].name, "critical");
    snprintf(c->mix.ops[1].name, sizeof c->mix.ops[1].name, "sheddable");
    c->mix.ops[0].frame_class = CLASS_CRITICAL;
    c->mix.ops[1].frame_class = CLASS_SHEDDABLE;
}

static struct run_spec spec_of(const struct curve *c, double seconds)
{
    struct run_spec s = c->setup->spec;
    double drain = c->n * 1000 / 12;
    s.mix = &c->mix;
    s.duration_s = seconds;
    s.connect_ms = 1000;
    s.drain_ms = drain > s.timeout_ms ? s.timeout_ms : drain < 100 ? 100 : (uint32_t)drain;
    s.sample_server = false;
    s.split = c->classes;
    if (!options_has(&c->setup->options, OPT_ARRIVALS))
        s.arrivals = "poisson";
    return s;
}

/* The degrade level replies told, on average: what a figure was bought with. */
static double level_of(const struct counts *n)
{
    return n->ok ? (double)n->level_sum / (double)n->ok : 0;
}

static enum status find_peak(struct curve *c, struct fault *fault)
{
    enum status st = share_classes(c, 1);
    for (int i = 0; i <= ROUNDS && !st; i++) {
        struct run run;
        struct run_spec s = spec_of(c, c->n * PEAK_SHARE);
        s.closed = i < ROUNDS ? (uint32_t)(s.connections * depths[i]) : c->peak_under_way;
        if (s.closed < 2)
            s.closed = 2;
        if (s.closed > s.max_in_flight)
            s.max_in_flight = s.closed;
        st = run_execute(&s, &run, fault);
        double rate = st ? 0 : run_rate(&run, run.total.good);
        if (rate > c->peak) {
            c->peak = rate;
            c->peak_level = level_of(&run.total);
            c->peak_under_way = s.closed;
        }
        run_fini(&run);
    }
    if (!st && c->peak < 1)
        st = fault_set(fault, STATUS_INTERNAL, NULL, "the server gave no good answer in %.1f s",
                       c->n * PEAK_SHARE * (ROUNDS + 1));
    return st;
}

static void take_step(struct step *out, double x, const struct run *run)
{
    *out = (struct step){.x = x,
                         .seconds = run_scheduled_s(run),
                         .offered = (double)run->total.offered / run_scheduled_s(run),
                         .goodput = (double)run->total.good / run_scheduled_s(run),
                         .p50_us = histogram_percentile(&run->accepted, 50),
                         .p99_us = histogram_percentile(&run->accepted, 99),
                         .all = run->total};
    for (uint32_t i = 0; i < run->spec.mix->op_count; i++)
        if (run->spec.mix->ops[i].frame_class == CLASS_CRITICAL)
            counts_add(&out->critical, &run->ops[i].counts);
}

static enum status climb(struct curve *c, struct fault *fault)
{
    enum status st = STATUS_OK;
    for (int i = 0; i < STEPS && !st; i++) {
        struct run run;
        double left = ((double)c->end_ns - (double)clock_ns()) / 1e9 / (STEPS - i);
        double seconds = left - 0.3 < c->n ? left - 0.3 : c->n;
        struct run_spec s = spec_of(c, seconds > 0.1 ? seconds : 0.1);
        s.rate = c->peak * factors[i];
        s.seed += (uint64_t)i;
        if ((st = share_classes(c, factors[i])))
            break;
        st = run_execute(&s, &run, fault);
        if (!st)
            take_step(&c->steps[c->step_count++], factors[i], &run);
        run_fini(&run);
    }
    c->best = c->peak;
    for (uint32_t i = 0; i < c->step_count; i++)
        c->best = c->steps[i].goodput > c->best ? c->steps[i].goodput : c->best;
    return st;
}

/* --- told ------------------------------------------------------------------------------------- */

static void put_errors(struct json_out *j, const char *key, const struct counts *n)
{
    json_out_open(j, key, '{');
    for (uint32_t i = 0; i < FAILURE_SLOTS; i++)
        if (n->failed[i])
            json_out_count(j, failure_name(i), n->failed[i]);
    json_out_close(j, '}');
}

static void put_step(struct json_out *j, const struct curve *c, const struct step *s)
{
    json_out_open(j, NULL, '{');
    json_out_number(j, "offered_x", s->x);
    json_out_number(j, "offered", s->offered);
    json_out_number(j, "goodput", s->goodput);
    json_out_number(j, "goodput_of_peak", s->goodput / c->best);
    json_out_count(j, "p50_us", s->p50_us);
    json_out_count(j, "p99_us", s->p99_us);
    put_errors(j, "errors", &s->all);
    json_out_number(j, "seconds", s->seconds);
    json_out_number(j, "sent", (double)s->all.sent / s->seconds);
    json_out_number(j, "achieved", (double)s->all.ok / s->seconds);
    json_out_count(j, "late", s->all.late);
    json_out_count(j, "sent_late", s->all.sent_late);
    json_out_count(j, "degraded", s->all.degraded);
    json_out_number(j, "level", level_of(&s->all));
    json_out_open(j, "critical", '{');
    json_out_count(j, "offered", s->critical.offered);
    json_out_count(j, "good", s->critical.good);
    put_errors(j, "errors", &s->critical);
    json_out_close(j, '}');
    json_out_close(j, '}');
}

static void make_json(const struct curve *c, struct buf *out)
{
    struct json_out j = {out, false};
    const struct run_spec *s = &c->setup->spec;
    json_out_open(&j, NULL, '{');
    json_out_text(&j, "format", "souk-load-curve/1");
    json_out_text(&j, "server", s->address);
    json_out_count(&j, "deadline_ms", c->mix.ops[0].deadline_ms);
    json_out_bool(&j, "no_cache", options_has(&c->setup->options, OPT_NO_CACHE));
    json_out_count(&j, "seed", s->seed);
    json_out_open(&j, "peak", '{');
    json_out_number(&j, "rate", c->peak);
    json_out_number(&j, "best", c->best);
    json_out_text(&j, "method", "closed loop, the best of four and of one again");
    json_out_count(&j, "under_way", c->peak_under_way);
    json_out_number(&j, "level", c->peak_level);
    json_out_close(&j, '}');
    json_out_open(&j, "steps", '[');
    for (uint32_t i = 0; i < c->step_count; i++)
        put_step(&j, c, &c->steps[i]);
    json_out_close(&j, ']');
    json_out_close(&j, '}');
    buf_put_u8(out, '\n');
}

static void tell_table(const struct curve *c)
{
    printf("peak %.0f/s within %u ms (closed loop, %u under way)\n\n", c->peak,
           c->mix.ops[0].deadline_ms, c->peak_under_way);
    printf("%6s %10s %10s %8s %10s %9s %9s  goodput of peak\n", "x", "offered/s", "goodput/s", "",
           "p99", "failed", "critical");
    for (uint32_t i = 0; i < c->step_count; i++) {
        const struct step *s = &c->steps[i];
        double share = s->goodput / c->best;
        int bar = (int)(share * BAR + 0.5);
        char room[BAR * 2 + 1];
        bar = bar > BAR * 2 ? BAR * 2 : bar;
        memset(room, '#', sizeof room);
        room[bar] = '\0';
        printf("%6g %10.0f %10.0f %7.0f%% %7.1f ms %8.2f%% %8.3f%%  %s\n", s->x, s->offered,
               s->goodput, 100 * share, (double)s->p99_us / 1000,
               s->all.offered ? 100.0 * (double)counts_failed(&s->all) / (double)s->all.offered : 0,
               s->critical.offered ? 100.0 * (double)(s->critical.offered - s->critical.good) /
                                         (double)s->critical.offered
                                   : 0,
               room);
    }
}

/* On standard output, and into the files asked for; false when one cannot be written. */
static bool tell(const struct curve *c)
{
    const struct options *o = &c->setup->options;
    const char *html = options_value(o, OPT_HTML), *file = options_value(o, OPT_OUTPUT);
    struct buf json = BUF_INIT;
    bool ok = true;
    make_json(c, &json);
    if (options_has(o, OPT_JSON))
        fwrite(json.ptr, 1, json.len, stdout);
    else
        tell_table(c);
    FILE *f = html ? fopen(html, "w") : NULL;
    if (f)
        report_html_page(buf_slice(&json), f);
    ok &= !html || (f && fclose(f) == 0);
    f = file ? fopen(file, "w") : NULL;
    if (f)
        fwrite(json.ptr, 1, json.len, f);
    ok &= !file || (f && fclose(f) == 0);
    if (!ok)
        fprintf(stderr, "souk-load: cannot write the report\n");
    buf_fini(&json);
    return ok;
}

int command_curve(struct setup *s)
{
    struct fault fault = {0};
    uint64_t start = clock_ns();
    if (!options_has(&s->options, OPT_DEADLINE) && !options_has(&s->options, OPT_MIX) &&
        s->options.given_count < OPTIONS_MAX) {
        s->options.given[s->options.given_count].id = OPT_DEADLINE;
        s->options.given[s->options.given_count++].value = "250";
    }
    int code = setup_make(s, OPT_THRESHOLD);
    if (code)
        return code;
    struct curve *c = calloc(1, sizeof *c);
    if (!c)
        return EXIT_INTERNAL;
    c->setup = s;
    c->n = s->spec.duration_s;
    c->end_ns = start + (uint64_t)((10 * c->n + 4) * 1e9);
    make_classes(c);
    enum status st = find_peak(c, &fault);
    if (!st)
        st = climb(c, &fault);
    if (st)
        code = setup_complain(st == STATUS_INTERNAL ? STATUS_CORRUPT : st, &fault);
    else if (!tell(c))
        code = EXIT_INTERNAL;
    if (c->classes)
        picker_fini(&c->mix.op_pick);
    free(c);
    return code;
}
