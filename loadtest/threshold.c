#include "loadtest/threshold.h"

#include <math.h>
#include <stdlib.h>

enum figure_kind { TIME, SHARE, RATE, NONE };

static const struct {
    const char *name;
    enum figure_kind kind;
} figures[] = {{"max", TIME},        {"mean", TIME},       {"errors", SHARE},   {"late", SHARE},
               {"sent_late", SHARE}, {"held_back", SHARE}, {"timeouts", SHARE}, {"degraded", SHARE},
               {"stale", SHARE},     {"offered", RATE},    {"sent", RATE},      {"achieved", RATE},
               {"goodput", RATE}};

static bool percentile_of(const char *figure, double *p)
{
    char *end;
    if (figure[0] != 'p' || !figure[1])
        return false;
    *p = strtod(figure + 1, &end);
    return !*end && *p > 0 && *p <= 100;
}

static enum figure_kind kind_of(const char *figure)
{
    double p;
    if (percentile_of(figure, &p))
        return TIME;
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        if (strcmp(figures[i].name, figure) == 0)
            return figures[i].kind;
    return NONE;
}

static bool bound_of(const char *text, enum figure_kind kind, double *out)
{
    char *unit;
    *out = strtod(text, &unit);
    if (unit == text || !(*out >= 0))
        return false;
    if (kind == SHARE) {
        *out /= strcmp(unit, "%") == 0 ? 100 : 1;
        return !*unit || strcmp(unit, "%") == 0;
    }
    if (kind == RATE)
        return !*unit || strcmp(unit, "/s") == 0;
    *out *= strcmp(unit, "us") == 0 ? 1 : strcmp(unit, "s") == 0 ? 1e6 : 1e3;
    return !strcmp(unit, "us") || !strcmp(unit, "ms") || !strcmp(unit, "s"); /* 2 of what? */
}

/* The scope ends at the last '.' whose left side is not a percentile's "p99". */
static void split_scope(char *left, struct threshold *t)
{
    char *dot = strchr(left, '.');
    double p;
    if (dot && !percentile_of(left, &p)) {
        *dot = '\0';
        snprintf(t->scope, sizeof t->scope, "%.31s", left);
        left = dot + 1;
    }
    snprintf(t->figure, sizeof t->figure, "%.31s", left);
}

enum status threshold_parse(const char *text, struct threshold *out, struct fault *fault)
{
    char left[96];
    *out = (struct threshold){0};
    snprintf(out->text, sizeof out->text, "%.95s", text);
    size_t n = strcspn(text, "<>");
    if (text[n] && n < sizeof left) {
        size_t from = 0, to = n;
        while (from < to && text[from] == ' ')
            from++;
        while (to > from && text[to - 1] == ' ')
            to--;
        snprintf(left, sizeof left, "%.*s", (int)(to - from), text + from);
        split_scope(left, out);
        out->above = text[n] == '>';
        out->or_equal = text[n + 1] == '=';
        if (kind_of(out->figure) != NONE &&
            bound_of(text + n + 1 + out->or_equal, kind_of(out->figure), &out->bound))
            return STATUS_OK;
    }
    return fault_set(fault, STATUS_INVALID, "threshold",
                     "'%.80s' is no rule like p99<2ms, errors<0.1%% or search.p99<5ms", text);
}

struct scope {
    struct counts counts;
    struct histogram response;
};

static bool in_scope(const struct threshold *t, const struct mix_op *op)
{
    return !t->scope[0] || strcmp(t->scope, op->name) == 0 ||
           strcmp(t->scope, mix_class_name(op->frame_class)) == 0;
}

static bool collect(const struct threshold *t, const struct run *r, struct scope *s)
{
    bool any = false;
    memset(&s->counts, 0, sizeof s->counts);
    histogram_init(&s->response);
    for (uint32_t i = 0; i < r->spec.mix->op_count; i++)
        if (in_scope(t, &r->spec.mix->ops[i])) {
            any = true;
            counts_add(&s->counts, &r->ops[i].counts);
            histogram_add(&s->response, &r->ops[i].response);
        }
    return any;
}

static double share(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static double figure_of(const char *figure, const struct scope *s, const struct run *r)
{
    const struct counts *c = &s->counts;
    double p;
    if (percentile_of(figure, &p) || (!strcmp(figure, "max") && (p = 100))) {
        uint64_t us = run_offered_percentile(&s->response, c, p);
        return us == UINT64_MAX ? INFINITY : (double)us;
    }
    const struct {
        const char *name;
        double value;
    } rows[] = {
        {"mean", histogram_mean(&s->response)},
        {"errors", share(counts_failed(c), c->offered)},
        {"late", share(c->late, c->offered)},
        {"sent_late", share(c->sent_late, c->offered)},
        {"held_back", share(c->failed[FAILURE_HELD_BACK], c->offered)},
        {"timeouts", share(c->failed[FAILURE_TIMEOUT], c->offered)},
        {"degraded", share(c->degraded, c->ok)},
        {"stale", share(c->stale + c->stale_if_error, c->fresh + c->stale + c->stale_if_error)},
        {"offered", (double)c->offered / run_scheduled_s(r)},
        {"sent", (double)c->sent / run_scheduled_s(r)},
        {"achieved", run_rate(r, c->ok)},
        {"goodput", run_rate(r, c->good)}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, figure) == 0)
            return rows[i].value;
    return INFINITY;
}

enum status threshold_check(struct threshold *t, const struct run *r, struct fault *fault)
{
    struct scope *s = malloc(sizeof *s);
    if (!s)
        return STATUS_NO_MEMORY;
    bool any = collect(t, r, s);
    if (any) {
        t->value = figure_of(t->figure, s, r);
        t->holds = t->above ? t->value > t->bound : t->value < t->bound;
        t->holds |= t->or_equal && t->value == t->bound;
    }
    free(s);
    return any ? STATUS_OK
               : fault_set(fault, STATUS_UNKNOWN_FIELD, "threshold",
                           "'%s' is neither an operation of the mix nor a class", t->scope);
}
