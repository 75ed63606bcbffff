#include "loadtest/setup.h"

#include <stdlib.h>

#include "loadtest/ask.h"
#include "loadtest/mix_file.h"

int setup_complain(enum status st, const struct fault *fault)
{
    const char *text = fault && fault->text[0] ? fault->text : status_text(st);
    fprintf(stderr, "souk-load: %s", text);
    if (fault && fault->line)
        fprintf(stderr, " (line %u, column %u)", fault->line, fault->column);
    fprintf(stderr, "\n");
    switch (st) {
    case STATUS_INVALID:
    case STATUS_SYNTAX:
    case STATUS_IO:
        fprintf(stderr, "Try 'souk-load --help'.\n");
        return EXIT_USAGE;
    case STATUS_UNAVAILABLE:
        return EXIT_CONNECT;
    case STATUS_NO_MEMORY:
        return EXIT_INTERNAL;
    case STATUS_TLS:
        return EXIT_TLS;
    default:
        return EXIT_SERVER;
    }
}

const char *setup_address(const struct options *o)
{
    const char *address = options_value(o, OPT_SERVER);
    if (!address)
        address = getenv("SOUK_SERVER");
    return address && *address ? address : "127.0.0.1:7685";
}

/* What was given here, else of the environment; NULL when neither. */
static const char *tls_value(const struct options *o, enum option_id id, const char *variable)
{
    const char *value = options_value(o, id);
    value = value ? value : getenv(variable);
    return value && *value ? value : NULL;
}

/* What the environment says is for all that is started in it, a unix socket among it. */
static void tls_of(const struct options *o, struct souk_options *c)
{
    bool local = !strncmp(setup_address(o), "unix:", 5);
    const char *wanted = getenv("SOUK_TLS");
    souk_options_init(c);
    c->tls_ca = tls_value(o, OPT_TLS_CA, "SOUK_TLS_CA");
    c->tls_certificate = tls_value(o, OPT_TLS_CERT, "SOUK_TLS_CERT");
    c->tls_key = tls_value(o, OPT_TLS_KEY, "SOUK_TLS_KEY");
    c->tls_name = tls_value(o, OPT_TLS_NAME, "SOUK_TLS_NAME");
    c->tls = options_has(o, OPT_TLS) || options_has(o, OPT_TLS_CA) ||
             options_has(o, OPT_TLS_CERT) || options_has(o, OPT_TLS_KEY) ||
             options_has(o, OPT_TLS_NAME);
    if (!c->tls && !local)
        c->tls = c->tls_ca || c->tls_certificate || c->tls_key || c->tls_name ||
                 (wanted && *wanted && strcmp(wanted, "0") != 0);
}

/* --- the search of the command line ----------------------------------------------------------- */

static enum status repeated(struct setup *s, enum option_id id, struct ask *a,
                            enum status (*each)(struct ask *, struct slice, struct fault *),
                            struct fault *fault)
{
    const char *value;
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && (value = options_nth(&s->options, id, i)); i++)
        st = each(a, slice_str(value), fault);
    return st;
}

static enum status read_queries(struct setup *s, struct mix_op *op, struct fault *fault)
{
    const char *file = options_value(&s->options, OPT_QUERIES);
    enum status st = picker_parse(&op->query_pick, options_value(&s->options, OPT_PICK), fault);
    if (!st)
        st = options_number(&s->options, OPT_MISSPELT, 0, 1, 0, &op->misspelt, fault);
    if (!st)
        st = options_number(&s->options, OPT_UNSEEN, 0, 1, 0, &op->unseen, fault);
    op->typing = options_has(&s->options, OPT_TYPING);
    if (!st && file)
        st = query_log_read(file, &s->arena, &op->queries, fault);
    return st;
}

static enum status common(struct setup *s, struct mix_op *op, struct fault *fault)
{
    double deadline;
    const char *class = options_value(&s->options, OPT_CLASS);
    enum status st =
        options_number(&s->options, OPT_DEADLINE, 1, 3600000, op->deadline_ms, &deadline, fault);
    if (st)
        return st;
    op->deadline_ms = (uint32_t)deadline;
    if (class && !mix_class_of(slice_str(class), &op->frame_class))
        return fault_set(fault, STATUS_INVALID, "class",
                         "--class is critical, default, sheddable or background");
    return STATUS_OK;
}

static enum status search_of_options(struct setup *s, struct fault *fault)
{
    struct ask a;
    double k;
    struct mix_op *op = &s->mix.ops[0];
    const char *catalog = options_value(&s->options, OPT_CATALOG);
    if (!catalog)
        return fault_set(fault, STATUS_INVALID, "catalog", "which --catalog is to be asked?");
    *op = (struct mix_op){.name = "search", .weight = 1, .frame_class = CLASS_DEFAULT};
    s->mix.op_count = 1;
    ask_init(&a, MIX_SEARCH, slice_str(catalog));
    a.search.no_cache = options_has(&s->options, OPT_NO_CACHE);
    enum status st = options_number(&s->options, OPT_K, 0, 100000, 10, &k, fault);
    a.search.k = (uint32_t)k;
    if (!st)
        st = repeated(s, OPT_FACET, &a, ask_facet, fault);
    if (!st)
        st = repeated(s, OPT_SORT, &a, ask_sort, fault);
    if (!st)
        st = repeated(s, OPT_FILTER, &a, ask_filter, fault);
    if (!st)
        st = repeated(s, OPT_RETURN, &a, ask_return, fault);
    if (!st)
        st = read_queries(s, op, fault);
    return st ? st : ask_finish(&a, &s->arena, op);
}

static enum status make_mix(struct setup *s, struct souk *server, struct fault *fault)
{
    const char *file = options_value(&s->options, OPT_MIX);
    enum status st;
    if (file) {
        struct mix_source source = {.server = server,
                                    .catalog = options_value(&s->options, OPT_CATALOG),
                                    .no_cache = options_has(&s->options, OPT_NO_CACHE)};
        st = mix_file_read(file, &source, &s->arena, &s->mix, fault);
    } else {
        st = search_of_options(s, fault);
    }
    for (uint32_t i = 0; !st && i < s->mix.op_count; i++)
        st = common(s, &s->mix.ops[i], fault);
    if (!st)
        st = options_number(&s->options, OPT_TRACE, 0, 1, 0, &s->mix.trace, fault);
    return st ? st : mix_finish(&s->mix);
}

/* --- the run ---------------------------------------------------------------------------------- */

struct number {
    enum option_id id;
    double low, high, otherwise;
    uint32_t *out;
};

static uint32_t longest_deadline(const struct mix *m)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < m->op_count; i++)
        if (m->ops[i].deadline_ms > most)
            most = m->ops[i].deadline_ms;
    return most;
}

static enum status make_spec(struct setup *s, struct fault *fault)
{
    struct run_spec *r = &s->spec;
    double seed, deadline = longest_deadline(&s->mix);
    double patience = !deadline ? 10000 : deadline < 250 ? 1000 : 4 * deadline;
    *r = (struct run_spec){.address = setup_address(&s->options),
                           .client = &s->client,
                           .mix = &s->mix,
                           .arrivals = options_value(&s->options, OPT_ARRIVALS),
                           .verify = options_has(&s->options, OPT_VERIFY),
                           .spin = options_has(&s->options, OPT_SPIN),
                           .sample_server = true};
    const struct number numbers[] = {
        {OPT_CLOSED, 1, 65000, 0, &r->closed},
        {OPT_CONNECTIONS, 1, ENGINE_MAX_CONNECTIONS, 50, &r->connections},
        {OPT_PROCESSES, 1, RUN_MAX_WORKERS, 1, &r->workers},
        {OPT_MAX_IN_FLIGHT, 1, 10000000, 10000, &r->max_in_flight},
        {OPT_TIMEOUT, 1, 3600000, patience, &r->timeout_ms},
        {OPT_LATE_AFTER, 1, 3600000, 0, &r->late_after_ms},
        {OPT_INTERVAL, 10, 3600000, 1000, &r->interval_ms}};
    enum status st = options_number(&s->options, OPT_RATE, 0.001, 1e8, 1000, &r->rate, fault);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && !st; i++) {
        double v;
        st = options_number(&s->options, numbers[i].id, numbers[i].low, numbers[i].high,
                            numbers[i].otherwise, &v, fault);
        *numbers[i].out = (uint32_t)v;
    }
    if (!st)
        st = options_number(&s->options, OPT_DURATION, 0.01, 1e6, 10, &r->duration_s, fault);
    if (!st && options_has(&s->options, OPT_SECONDS))
        st = options_number(&s->options, OPT_SECONDS, 0.01, 1e6, 10, &r->duration_s, fault);
    if (!st)
        st = options_number(&s->options, OPT_WARMUP, 0, 1e6, 0, &s->warmup_s, fault);
    if (!st)
        st = options_number(&s->options, OPT_SEED, 0, 9e15, 1, &seed, fault);
    if (st)
        return st;
    r->seed = (uint64_t)seed;
    r->drain_ms = r->timeout_ms;
    r->connect_ms = 5000;
    if (r->connections < r->workers)
        r->connections = r->workers;
    if (r->closed > r->max_in_flight)
        r->max_in_flight = r->closed;
    struct schedule probe;
    return r->closed ? STATUS_OK
                     : schedule_parse(&probe, r->arrivals, r->rate, r->duration_s, 1, fault);
}

static enum status make_replay(struct setup *s, struct fault *fault)
{
    const char *file = options_value(&s->options, OPT_REPLAY);
    double speed;
    struct slice text;
    enum status st = options_number(&s->options, OPT_SPEED, 0.001, 1e6, 1, &speed, fault);
    if (st || !file)
        return st;
    if (s->spec.closed)
        return fault_set(fault, STATUS_INVALID, "replay",
                         "a replay has its own times and cannot be a closed loop");
    if ((st = lines_read(file, &s->arena, &text, fault)) ||
        (st = replay_parse(text, &s->mix, speed, &s->arena, &s->replay, fault)))
        return st;
    s->spec.replay = &s->replay;
    s->spec.duration_s = (double)s->replay.entries[s->replay.count - 1].at_ns / 1e9;
    if (s->spec.duration_s < 0.01)
        s->spec.duration_s = 0.01;
    return STATUS_OK;
}

static enum status make_thresholds(struct setup *s, enum option_id rules, struct fault *fault)
{
    const char *text;
    for (uint32_t i = 0; (text = options_nth(&s->options, rules, i)); i++) {
        if (i == THRESHOLDS_MAX)
            return fault_set(fault, STATUS_INVALID, "threshold", "more than %d rules",
                             THRESHOLDS_MAX);
        enum status st = threshold_parse(text, &s->thresholds[s->threshold_count++], fault);
        if (st)
            return st;
    }
    return STATUS_OK;
}

static enum status meet_server(struct setup *s, struct souk **server, struct fault *fault)
{
    tls_of(&s->options, &s->client);
    const char *given = options_value(&s->options, OPT_KEY);
    enum status st = api_key_given(given, options_value(&s->options, OPT_KEY_FILE),
                                   getenv("SOUK_KEY"), getenv("SOUK_KEY_FILE"), s->key, fault);
    if (given) /* not where the list of processes shows it */
        memset((char *)(uintptr_t)given, '*', strlen(given));
    s->client.key = s->key;
    st = st ? st : souk_open(setup_address(&s->options), &s->client, server, fault);
    if (st)
        return st == STATUS_INVALID || st == STATUS_TLS || st == STATUS_UNAUTHENTICATED
                   ? st
                   : STATUS_UNAVAILABLE;
    const struct hello *hello = souk_server(*server); /* NULL: too busy even to say who it is */
    struct slice version = hello ? hello->server_version : SLICE_NULL;
    snprintf(s->server_version, sizeof s->server_version, "%.*s",
             (int)(version.len < 60 ? version.len : 60), version.len ? version.ptr : "");
    server_info_read(*server, &s->info, NULL);
    return STATUS_OK;
}

int setup_make(struct setup *s, enum option_id rules)
{
    struct fault fault = {0};
    struct souk *server = NULL;
    arena_init(&s->arena, 0);
    enum status st = make_thresholds(s, rules, &fault);
    if (!st)
        st = meet_server(s, &server, &fault);
    if (!st)
        st = make_mix(s, server, &fault);
    if (!st)
        st = make_spec(s, &fault);
    if (!st)
        st = make_replay(s, &fault);
    souk_close(server);
    return st ? setup_complain(st, &fault) : EXIT_OK;
}

void setup_fini(struct setup *s)
{
    mix_fini(&s->mix);
    arena_fini(&s->arena);
    server_info_fini(&s->info);
}
