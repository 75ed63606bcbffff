/*
 * compare: two reports, or two servers under the same load by turns (A B B A ...).
 *
 * The samples are intervals of the reports, or whole rounds. Intervals of one run depend on each
 * other more than rounds do: rounds are the stronger evidence. B is worse when a figure differs by
 * more than 2 % in the wrong direction and chance alone would show that in less than 1 of 100.
 */
#include <stdlib.h>
#include <string.h>

#include "loadtest/commands.h"
#include "loadtest/json_in.h"
#include "loadtest/json_out.h"
#include "loadtest/significance.h"

enum { FIGURES = 5, SAMPLES_MAX = 4096, ROUNDS = 10 };
static const double WORSE_BY = 0.02, CHANCE = 0.01;

static const struct {
    const char *name, *key; /* in intervals; rates are ok and good over length_s */
    bool more_is_better;
} figures[FIGURES] = {{"p50_us", "p50_us", false},
                      {"p99_us", "p99_us", false},
                      {"p99_9_us", "p99_9_us", false},
                      {"achieved", "ok", true},
                      {"goodput", "good", true}};

struct side {
    const char *name;
    double *samples[FIGURES];
    uint32_t count[FIGURES];
};

static bool side_init(struct side *s, const char *name)
{
    *s = (struct side){.name = name};
    bool ok = true;
    for (int i = 0; i < FIGURES; i++)
        ok &= (s->samples[i] = malloc(SAMPLES_MAX * sizeof(double))) != NULL;
    return ok;
}

static void side_fini(struct side *s)
{
    for (int i = 0; i < FIGURES; i++)
        free(s->samples[i]);
}

static void side_add(struct side *s, int figure, double value)
{
    if (s->samples[figure] && s->count[figure] < SAMPLES_MAX)
        s->samples[figure][s->count[figure]++] = value;
}

/* --- two files -------------------------------------------------------------------------------- */

static double length_of(const struct json_value *interval)
{
    double length = 0;
    json_in_number(json_in_member(interval, "length_s"), &length);
    return length;
}

static void add_interval(struct side *s, const struct json_value *interval, double whole)
{
    double length = length_of(interval), v;
    if (length < 0.9 * whole)
        return; /* cut off by the end of the run */
    for (int i = 0; i < FIGURES; i++)
        if (json_in_number(json_in_member(interval, figures[i].key), &v))
            side_add(s, i, v / (figures[i].more_is_better ? length : 1));
}

static enum status side_read(struct side *s, struct arena *arena, struct fault *fault)
{
    struct slice text;
    struct json_value *root;
    enum status st = lines_read(s->name, arena, &text, fault);
    if (st || (st = json_in_parse(text, &root, fault)))
        return st;
    const struct json_value *list = json_in_member(root, "intervals");
    double whole = 0;
    for (size_t i = 0; i < json_in_count(list); i++) {
        double length = length_of(json_in_item(list, i));
        whole = length > whole ? length : whole;
    }
    for (size_t i = 1; i < json_in_count(list); i++) /* the first one warms up */
        add_interval(s, json_in_item(list, i), whole);
    json_in_free(root);
    return s->count[0] >= 3
               ? STATUS_OK
               : fault_set(fault, STATUS_INVALID, "file",
                           "%.100s is no report with 4 whole intervals or more", s->name);
}

/* --- two servers ------------------------------------------------------------------------------ */

static enum status run_round(struct setup *s, struct side *side, uint32_t round,
                             struct fault *fault)
{
    struct run run;
    struct run_spec spec = s->spec;
    spec.address = side->name;
    spec.seed += round / 2; /* both sides of a pair are asked the same */
    enum status st = run_execute(&spec, &run, fault);
    if (!st) {
        const double values[FIGURES] = {(double)histogram_percentile(&run.response, 50),
                                        (double)histogram_percentile(&run.response, 99),
                                        (double)histogram_percentile(&run.response, 99.9),
                                        run_rate(&run, run.total.ok),
                                        run_rate(&run, run.total.good)};
        for (int i = 0; i < FIGURES; i++)
            side_add(side, i, values[i]);
    }
    run_fini(&run);
    return st;
}

static enum status interleave(struct setup *s, struct side *a, struct side *b, struct fault *fault)
{
    enum status st = STATUS_OK;
    s->spec.sample_server = false;
    s->spec.duration_s /= ROUNDS;
    for (uint32_t pair = 0; pair < ROUNDS && !st; pair++) {
        st = run_round(s, pair % 2 ? b : a, 2 * pair, fault);
        if (!st)
            st = run_round(s, pair % 2 ? a : b, 2 * pair + 1, fault);
    }
    return st;
}

/* --- told ------------------------------------------------------------------------------------- */

static const char *verdict_of(const struct significance *g, bool more_is_better)
{
    double change = more_is_better ? 1 - g->ratio : g->ratio - 1;
    if (g->p >= CHANCE || (change < WORSE_BY && change > -WORSE_BY))
        return "same";
    return change > 0 ? "worse" : "better";
}

static void put_figure(struct json_out *j, int i, const struct side *a, const struct side *b,
                       const struct significance *g, const char *verdict)
{
    json_out_open(j, NULL, '{');
    json_out_text(j, "figure", figures[i].name);
    json_out_number(j, "median_a", g->median_a);
    json_out_number(j, "median_b", g->median_b);
    json_out_number(j, "ratio", g->ratio);
    json_out_number(j, "ratio_low", g->ratio_low);
    json_out_number(j, "ratio_high", g->ratio_high);
    json_out_number(j, "p", g->p);
    json_out_count(j, "samples_a", a->count[i]);
    json_out_count(j, "samples_b", b->count[i]);
    json_out_text(j, "verdict", verdict);
    json_out_close(j, '}');
}

static int tell(const struct setup *s, struct side *a, struct side *b)
{
    struct buf buf = BUF_INIT;
    struct json_out j = {&buf, false};
    bool as_json = options_has(&s->options, OPT_JSON), worse = false;
    json_out_open(&j, NULL, '{');
    json_out_text(&j, "format", "souk-load-compare/1");
    json_out_text(&j, "a", a->name);
    json_out_text(&j, "b", b->name);
    json_out_open(&j, "figures", '[');
    if (!as_json)
        printf("A %s\nB %s\n%-10s %12s %12s %8s %18s %8s  B is\n", a->name, b->name, "median", "A",
               "B", "B / A", "95 %", "p");
    for (int i = 0; i < FIGURES; i++) {
        struct significance g;
        if (!a->count[i] || !b->count[i])
            continue;
        significance_test(a->samples[i], a->count[i], b->samples[i], b->count[i], &g);
        const char *verdict = verdict_of(&g, figures[i].more_is_better);
        worse |= strcmp(verdict, "worse") == 0;
        put_figure(&j, i, a, b, &g, verdict);
        if (!as_json)
            printf("%-10s %12.0f %12.0f %8.3f %8.3f .. %6.3f %8.4f  %s\n", figures[i].name,
                   g.median_a, g.median_b, g.ratio, g.ratio_low, g.ratio_high, g.p, verdict);
    }
    json_out_close(&j, ']');
    json_out_bool(&j, "worse", worse);
    json_out_close(&j, '}');
    if (as_json)
        printf("%.*s\n", (int)buf.len, buf.ptr);
    buf_fini(&buf);
    return worse ? EXIT_THRESHOLD : EXIT_OK;
}

int command_compare(struct setup *s)
{
    struct fault fault = {0};
    const struct options *o = &s->options;
    bool files = o->word_count == 3;
    const char *a_name = files ? o->words[1] : options_nth(o, OPT_SERVER, 0);
    const char *b_name = files ? o->words[2] : options_nth(o, OPT_SERVER, 1);
    struct side a = {0}, b = {0};
    enum status st = STATUS_OK;
    int code = EXIT_OK;
    if (!a_name || !b_name || (!files && o->word_count > 1))
        st = fault_set(&fault, STATUS_INVALID, NULL, "compare takes two files or two --server");
    else if (!side_init(&a, a_name) || !side_init(&b, b_name))
        st = STATUS_NO_MEMORY;
    if (!st && files) {
        st = side_read(&a, &s->arena, &fault);
        if (!st)
            st = side_read(&b, &s->arena, &fault);
    } else if (!st && !(code = setup_make(s, OPT_THRESHOLD))) {
        st = interleave(s, &a, &b, &fault);
    }
    if (st)
        code = setup_complain(st, &fault);
    else if (!code)
        code = tell(s, &a, &b);
    side_fini(&a);
    side_fini(&b);
    return code;
}
