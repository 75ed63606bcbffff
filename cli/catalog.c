/* souk catalog: create, alter, list, describe, drop, and the settings of catalogs. */
#include "cli/command.h"
#include "cli/schema_json.h"

static const struct {
    const char *name;
    enum catalog_action action;
    uint32_t words, most; /* behind the action */
} actions[] = {{"list", CATALOG_LIST, 0, 0},        {"create", CATALOG_CREATE, 1, 1},
               {"alter", CATALOG_ALTER, 1, 1},      {"describe", CATALOG_DESCRIBE, 1, 1},
               {"drop", CATALOG_DROP, 1, 1},        {"rebuild", CATALOG_REBUILD, 1, 1},
               {"set", CATALOG_SET, 4, 4},          {"show", CATALOG_GET, 3, 3},
               {"settings", CATALOG_SETTINGS, 1, 2}};

/* `kind` of a setting, else empty. */
static void put_entry(struct command *c, const struct catalog_entry *e, struct slice kind)
{
    struct schema_spec schema;
    buf_printf(&c->out, "{\"name\":");
    json_put_text(&c->out, e->name);
    if (e->key.len || e->value.len) {
        buf_printf(&c->out, ",\"kind\":");
        json_put_text(&c->out, kind);
        buf_printf(&c->out, ",\"key\":");
        json_put_text(&c->out, e->key);
        buf_printf(&c->out, ",\"value\":");
        json_put_text(&c->out, e->value);
    } else {
        buf_printf(&c->out,
                   ",\"products\":%llu,\"sequence\":%llu,\"generation\":%llu,\"edition\":%llu",
                   (unsigned long long)e->products, (unsigned long long)e->sequence,
                   (unsigned long long)e->generation, (unsigned long long)e->edition);
    }
    if (e->schema.len && schema_spec_decode(e->schema, &schema, NULL) == STATUS_OK) {
        buf_printf(&c->out, ",\"schema\":");
        schema_json_put(&c->out, &schema);
    }
    buf_printf(&c->out, "}\n");
}

/* What is true of a catalog now, whose schema lives as long as the reply. */
static enum status describe(struct command *c, struct slice name, struct catalog_entry *out)
{
    struct catalog_request q = {.action = CATALOG_DESCRIBE, .name = name};
    enum status s = souk_catalog(c->souk, &q, &c->reply);
    struct wire_reader r = wire_reader_of(c->reply.body);
    return s ? s : catalog_entry_next(&r, out);
}

/* The reply to a change of a catalog tells little of it. */
static int print_changed(struct command *c, const struct catalog_request *q)
{
    struct wire_reader r = wire_reader_of(c->reply.body);
    struct catalog_entry e = {0};
    if (q->action == CATALOG_ALTER || q->action == CATALOG_REBUILD) {
        enum status s = describe(c, q->name, &e);
        if (s)
            return command_fail(c, s, &c->reply.fault);
        put_entry(c, &e, SLICE_NULL);
        return command_flush(c);
    }
    if (q->action == CATALOG_SET && catalog_entry_next(&r, &e))
        return command_fail(c, STATUS_BAD_FRAME, NULL);
    buf_printf(&c->out, "{\"name\":");
    json_put_text(&c->out, q->name);
    if (q->action == CATALOG_SET)
        buf_printf(&c->out, ",\"sequence\":%llu", (unsigned long long)e.sequence);
    buf_printf(&c->out, "}\n");
    return command_flush(c);
}

static int print_entries(struct command *c, const struct catalog_request *q)
{
    struct wire_reader r = wire_reader_of(c->reply.body);
    struct catalog_entry e;
    while (catalog_entry_next(&r, &e) == STATUS_OK) {
        if (!e.name.len)
            e.name = q->name;
        put_entry(c, &e, q->kind);
    }
    return command_flush(c);
}

static int run(struct command *c, struct catalog_request *q)
{
    int code = command_connect(c);
    if (code)
        return code;
    enum status s = souk_catalog(c->souk, q, &c->reply);
    if (s)
        return command_fail(c, s, &c->reply.fault);
    bool changed = q->action == CATALOG_ALTER || q->action == CATALOG_REBUILD ||
                   q->action == CATALOG_SET || q->action == CATALOG_DROP;
    return changed ? print_changed(c, q) : print_entries(c, q);
}

/* The settings of every kind there is. */
static int run_kinds(struct command *c, struct catalog_request *q)
{
    static const char *const kinds[] = {"synonyms",    "stopwords", "rule",     "profile",
                                        "suggestions", "provider",  "safe_mode"};
    int code = EXIT_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !code; i++) {
        q->kind = slice_str(kinds[i]);
        code = run(c, q);
    }
    return code;
}

/* The schema of --schema laid over the catalog's own; `spec` has its names in `now` and `a`. */
static int overlay(struct command *c, struct slice name, const char *path, struct arena *a,
                   struct buf *now, struct schema_spec *spec)
{
    struct catalog_entry e = {0};
    struct buf text = BUF_INIT;
    struct fault fault = {0};
    struct json *v;
    enum status s = command_read_file(path, &text, &fault);
    int code = EXIT_OK;
    if (!s) {
        struct slice kept = arena_copy(a, buf_slice(&text));
        s = kept.ptr ? json_parse(kept, 1, a, &v, &fault) : STATUS_NO_MEMORY;
    }
    buf_fini(&text);
    if (!s && (code = command_connect(c)))
        return code;
    if (!s && (s = describe(c, name, &e)))
        return command_fail(c, s, &c->reply.fault);
    if (!s) {
        buf_put_slice(now, e.schema);
        s = schema_spec_decode(buf_slice(now), spec, &fault);
    }
    if (!s)
        s = schema_json_overlay(v, spec, &fault);
    if (s) {
        command_fail(c, s, &fault);
        return EXIT_USAGE;
    }
    return EXIT_OK;
}

static int run_with_schema(struct command *c, struct catalog_request *q, const char *path)
{
    struct arena a;
    struct buf schema = BUF_INIT, now = BUF_INIT;
    struct schema_spec spec;
    struct fault fault = {0};
    int code = EXIT_OK;
    arena_init(&a, 0);
    if (q->action == CATALOG_ALTER) {
        code = overlay(c, q->name, path, &a, &now, &spec);
    } else {
        enum status s = command_schema_file(path, &a, &spec, &fault);
        if (s) {
            command_fail(c, s, &fault);
            code = EXIT_USAGE;
        }
    }
    if (!code) {
        schema_spec_encode(&spec, &schema);
        q->schema = buf_slice(&schema);
        code = run(c, q);
    }
    buf_fini(&schema);
    buf_fini(&now);
    arena_fini(&a);
    return code;
}

static struct slice word(const struct command *c, uint32_t n)
{
    return slice_str(command_word(c, n));
}

/* Another edition takes its time, and waits for those of other catalogs: one is made at a time. Its
 * end is told; who is in a hurry says so by --timeout. */
enum { EDITION_MS = 24 * 3600 * 1000 };

int command_catalog(struct command *c)
{
    const char *name = command_word(c, 1);
    const char *path = options_value(&c->options, OPT_SCHEMA);
    for (size_t i = 0; name && i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(name, actions[i].name) != 0)
            continue;
        if (actions[i].words && !command_word(c, actions[i].words + 1))
            return command_usage("this catalog action needs more words");
        int code = command_surplus(c, actions[i].most + 2);
        if (code)
            return code;
        struct catalog_request q = {.action = actions[i].action, .name = word(c, 2)};
        if (q.action == CATALOG_ALTER || q.action == CATALOG_REBUILD)
            c->patience_ms = EDITION_MS;
        if (q.action == CATALOG_CREATE || q.action == CATALOG_ALTER)
            return path ? run_with_schema(c, &q, path)
                        : command_usage("catalog create and alter need --schema FILE");
        q.kind = word(c, 3);
        q.key = word(c, 4);
        q.value = word(c, 5);
        return q.action == CATALOG_SETTINGS && !q.kind.len ? run_kinds(c, &q) : run(c, &q);
    }
    return command_usage("catalog: list, create, alter, describe, drop, rebuild, set, show or "
                         "settings");
}
