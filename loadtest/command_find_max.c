/*
 * find-max: the highest rate at which every rule of --slo holds.
 *
 * Doubles from --rate until a rule fails, then halves the gap to 3 %. A rate fails when it fails
 * twice: one stall of the machine must not decide. A probe in which the tester
 * itself was late or bound by its CPU says nothing about the server: the search ends there, with a
 * warning. Every probe lasts --seconds (3 when not said).
 */
#include <stdlib.h>

#include "loadtest/commands.h"
#include "loadtest/json_out.h"

enum { PROBES_MAX = 40 };
static const double PRECISE = 1.03;

struct probe {
    double rate, goodput, errors;
    uint64_t p50_us, p99_us;
    bool holds, tester_late;
};

struct search {
    struct setup *setup;
    struct probe probes[PROBES_MAX];
    uint32_t count;
    bool limited; /* by the tester */
};

static enum status probe(struct search *f, double rate, struct probe **out, struct fault *fault)
{
    struct run *run = malloc(sizeof *run);
    struct run_spec spec = f->setup->spec;
    struct probe *p = &f->probes[f->count++];
    if (!run)
        return STATUS_NO_MEMORY;
    spec.rate = rate;
    spec.seed += f->count;
    spec.sample_server = false;
    enum status st = run_execute(&spec, run, fault);
    *p = (struct probe){.rate = rate, .holds = !st};
    for (uint32_t i = 0; i < f->setup->threshold_count && !st; i++) {
        if (threshold_check(&f->setup->thresholds[i], run, fault))
            st = STATUS_INVALID;
        p->holds &= f->setup->thresholds[i].holds;
    }
    if (!st) {
        const struct counts *c = &run->total;
        p->goodput = run_rate(run, c->good);
        p->errors = c->offered ? (double)counts_failed(c) / (double)c->offered : 0;
        p->p50_us = histogram_percentile(&run->response, 50);
        p->p99_us = histogram_percentile(&run->response, 99);
        p->tester_late = run_tester_cpu(run) > 0.95 && c->sent_late * 10 > c->sent;
        fprintf(stderr, "%10.0f/s  p50 %8.2f ms  p99 %8.2f ms  errors %7.3f %%  %s%s\n", rate,
                (double)p->p50_us / 1000, (double)p->p99_us / 1000, 100 * p->errors,
                p->holds ? "holds" : "fails", p->tester_late ? " (the tester was late)" : "");
    }
    *out = p;
    run_fini(run);
    free(run);
    return st;
}

/* The best rate known to hold, 0 when none did. */
static enum status bisect(struct search *f, double *best, struct fault *fault)
{
    double low = 0, high = 0, rate = f->setup->spec.rate;
    enum status st = STATUS_OK;
    while (!st && f->count < PROBES_MAX && !f->limited &&
           !(low > 0 && high > 0 && high / low < PRECISE)) {
        struct probe *p;
        st = probe(f, rate, &p, fault);
        if (!st && !p->holds && !p->tester_late && f->count < PROBES_MAX)
            st = probe(f, rate, &p, fault);
        if (st)
            break;
        if (p->holds)
            low = rate;
        else
            high = rate;
        f->limited = p->tester_late;
        rate = !(high > 0) ? low * 2 : !(low > 0) ? high / 4 : (low + high) / 2;
        if (rate < 1)
            break;
    }
    *best = low;
    return st;
}

static void tell_json(const struct search *f, double best)
{
    struct buf b = BUF_INIT;
    struct json_out j = {&b, false};
    json_out_open(&j, NULL, '{');
    json_out_text(&j, "format", "souk-load-find-max/1");
    json_out_number(&j, "max_rate", best);
    json_out_bool(&j, "limited_by_tester", f->limited);
    json_out_open(&j, "slo", '[');
    for (uint32_t i = 0; i < f->setup->threshold_count; i++)
        json_out_text(&j, NULL, f->setup->thresholds[i].text);
    json_out_close(&j, ']');
    json_out_open(&j, "probes", '[');
    for (uint32_t i = 0; i < f->count; i++) {
        const struct probe *p = &f->probes[i];
        json_out_open(&j, NULL, '{');
        json_out_number(&j, "rate", p->rate);
        json_out_bool(&j, "holds", p->holds);
        json_out_number(&j, "goodput", p->goodput);
        json_out_number(&j, "errors", p->errors);
        json_out_count(&j, "p50_us", p->p50_us);
        json_out_count(&j, "p99_us", p->p99_us);
        json_out_close(&j, '}');
    }
    json_out_close(&j, ']');
    json_out_close(&j, '}');
    printf("%.*s\n", (int)b.len, b.ptr);
    buf_fini(&b);
}

int command_find_max(struct setup *s)
{
    struct fault fault = {0};
    double best = 0;
    if (!options_has(&s->options, OPT_SLO)) {
        fault_set(&fault, STATUS_INVALID, "slo", "what must hold? --slo 'p99<5ms'");
        return setup_complain(STATUS_INVALID, &fault);
    }
    int code = setup_make(s, OPT_SLO);
    if (code)
        return code;
    if (!options_has(&s->options, OPT_SECONDS) && !options_has(&s->options, OPT_DURATION))
        s->spec.duration_s = 3;
    struct search *f = calloc(1, sizeof *f);
    if (!f)
        return EXIT_INTERNAL;
    f->setup = s;
    enum status st = bisect(f, &best, &fault);
    if (st)
        code = setup_complain(st, &fault);
    else if (options_has(&s->options, OPT_JSON))
        tell_json(f, best);
    else
        printf("%.0f requests a second%s\n", best,
               f->limited ? ", then the tester was the limit: use --processes" : "");
    free(f);
    return code ? code : best > 0 ? EXIT_OK : EXIT_THRESHOLD;
}
