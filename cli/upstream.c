/* souk upstream: the providers of a catalog, what they are doing, and what is done with them. */
#include <stdlib.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/table.h"
#include "protocol/upstream.h"

enum { ROWS_MOST = 64 };

static const struct {
    const char *name;
    enum upstream_action action;
    uint32_t words; /* behind the action, at least */
    uint32_t most;  /* with the command and the action, at most */
} actions[] = {
    {"list", UPSTREAM_LIST, 0, 3},           {"add", UPSTREAM_SET, 3, WORDS_MAX},
    {"set", UPSTREAM_SET, 3, WORDS_MAX},     {"remove", UPSTREAM_REMOVE, 2, 4},
    {"enable", UPSTREAM_ENABLE, 2, 4},       {"disable", UPSTREAM_DISABLE, 2, 4},
    {"pause", UPSTREAM_PAUSE, 2, 4},         {"resume", UPSTREAM_RESUME, 2, 4},
    {"order", UPSTREAM_ORDER, 2, WORDS_MAX}, {"refresh", UPSTREAM_REFRESH, 1, WORDS_MAX}};

/* --- printing ----------------------------------------------------------------------------------
 */

struct rows {
    struct slice names[ROWS_MOST], values[ROWS_MOST];
    uint32_t count;
};

static void rows_add(struct rows *r, struct slice v)
{
    struct wire_reader w = wire_reader_of(v);
    while (r->count < ROWS_MOST && upstream_row_next(&w, &r->names[r->count], &r->values[r->count]))
        r->count++;
}

static struct slice row(const struct rows *r, const char *name)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (slice_equal(r->names[i], slice_str(name)))
            return r->values[i];
    return SLICE_LIT("-");
}

static void put_json(struct command *c, const struct rows *r)
{
    struct json v;
    for (uint32_t i = 0; i < r->count; i++) {
        buf_put_u8(&c->out, i ? ',' : '{');
        json_put_text(&c->out, r->names[i]);
        buf_put_u8(&c->out, ':');
        if (r->values[i].len && json_number(r->values[i], &v))
            buf_put_slice(&c->out, r->values[i]);
        else
            json_put_text(&c->out, r->values[i]);
    }
}

static void cell(struct command *c, const struct rows *r, const char *name, int width)
{
    buf_put_u8(&c->out, ' ');
    table_put(&c->out, row(r, name), -width);
}

static void put_provider(struct command *c, const struct rows *r)
{
    struct slice error = row(r, "error");
    bool on = slice_equal(row(r, "enabled"), SLICE_LIT("1"));
    bool paused = slice_equal(row(r, "paused"), SLICE_LIT("1"));
    buf_printf(&c->out, "  ");
    table_put(&c->out, row(r, "name"), 12);
    buf_printf(&c->out, " %-8s", !on ? "disabled" : paused ? "paused" : "on");
    cell(c, r, "breaker", 9);
    cell(c, r, "opens", 5);
    cell(c, r, "calls", 8);
    cell(c, r, "failures", 8);
    cell(c, r, "not_modified", 8);
    cell(c, r, "last_ms", 7);
    cell(c, r, "synced", 8);
    cell(c, r, "canary", 7);
    buf_printf(&c->out, "  ");
    table_put(&c->out, error, 0);
    buf_put_u8(&c->out, '\n');
}

static void put_catalog(struct command *c, const struct rows *r)
{
    static const char *const figures[] = {"backlog",  "in_flight", "refreshed",
                                          "negative", "safe_mode", "push_canary"};
    table_put(&c->out, row(r, "catalog"), 0);
    buf_printf(&c->out, ": ");
    table_put(&c->out, row(r, "state"), 0);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        buf_printf(&c->out, ", %s %.*s", figures[i], (int)row(r, figures[i]).len,
                   row(r, figures[i]).ptr);
    buf_printf(&c->out, "\n  %-12s %-8s %9s %5s %8s %8s %8s %7s %8s %7s  %s\n", "provider", "is",
               "breaker", "opens", "calls", "failures", "304", "last ms", "synced", "canary",
               "last error");
}

static void print_reply(struct command *c, struct slice body)
{
    struct wire_reader r = wire_reader_of(body);
    struct rows rows = {.count = 0};
    struct slice v;
    uint32_t tag, providers = 0;
    bool head = false;
    while (tlv_next(&r, &tag, &v) == STATUS_OK) {
        if (tag == TAG_UPSTREAM_ROW)
            rows_add(&rows, v);
        if (tag != TAG_UPSTREAM_PROVIDER)
            continue;
        if (!head && c->json) {
            put_json(c, &rows);
            buf_printf(&c->out, ",\"providers\":[");
        } else if (!head) {
            put_catalog(c, &rows);
        }
        head = true;
        struct rows p = {.count = 0};
        rows_add(&p, v);
        if (!c->json) {
            put_provider(c, &p);
            continue;
        }
        buf_printf(&c->out, "%s", providers++ ? "," : "");
        put_json(c, &p);
        buf_put_u8(&c->out, '}');
    }
    if (!head && c->json && rows.count) {
        put_json(c, &rows);
        buf_printf(&c->out, ",\"providers\":[");
        head = true;
    } else if (!head && rows.count) {
        buf_printf(&c->out, "%.*s: no upstream\n", (int)row(&rows, "catalog").len,
                   row(&rows, "catalog").ptr);
    }
    if (head && c->json)
        buf_printf(&c->out, "]}\n");
}

/* --- a definition from words -------------------------------------------------------------------
 */

static void put_value(struct buf *out, const char *v)
{
    struct json n;
    if (strcmp(v, "true") == 0 || strcmp(v, "false") == 0 || (*v && json_number(slice_str(v), &n)))
        buf_printf(out, "%s", v);
    else
        json_put_text(out, slice_str(v));
}

/* Members "map.items=/items" of one object ("" = of the whole), each behind a comma. */
static bool put_members(struct command *c, const char *object, struct buf *out, uint32_t *count)
{
    size_t prefix = strlen(object);
    const char *w;
    for (uint32_t i = 4; (w = command_word(c, i)); i++) {
        const char *equals = strchr(w, '='), *dot = strchr(w, '.');
        if (!equals)
            return false;
        bool nested = dot && dot < equals;
        if (prefix ? !nested || (size_t)(dot - w) != prefix || strncmp(w, object, prefix) != 0
                   : nested)
            continue;
        const char *name = prefix ? dot + 1 : w;
        buf_printf(out, "%s", (*count)++ ? "," : "");
        json_put_text(out, slice_make(name, (size_t)(equals - name)));
        buf_put_u8(out, ':');
        if (prefix || strcmp(name, "canary") == 0) /* texts, also when they look like numbers */
            json_put_text(out, slice_str(equals + 1));
        else
            put_value(out, equals + 1);
    }
    return true;
}

static bool definition_of_words(struct command *c, struct buf *out)
{
    static const char *const objects[] = {"map", "fields", "headers"};
    uint32_t count = 0;
    buf_put_u8(out, '{');
    bool good = put_members(c, "", out, &count);
    for (size_t i = 0; i < sizeof objects / sizeof *objects && good; i++) {
        struct buf inner = BUF_INIT;
        uint32_t inside = 0;
        good = put_members(c, objects[i], &inner, &inside);
        if (inside)
            buf_printf(out, "%s\"%s\":{%.*s}", count++ ? "," : "", objects[i], (int)inner.len,
                       inner.ptr);
        buf_fini(&inner);
    }
    buf_put_u8(out, '}');
    return good;
}

/* --- the command -------------------------------------------------------------------------------
 */

static int call(struct command *c, const struct upstream_request *u)
{
    struct buf body = BUF_INIT;
    upstream_request_encode(u, &body);
    struct souk_request q = {
        .opcode = OP_UPSTREAM, .body = buf_slice(&body), .safe = u->action == UPSTREAM_LIST};
    enum status s = souk_call(c->souk, &q, &c->reply);
    buf_fini(&body);
    if (s)
        return command_fail(c, s, &c->reply.fault);
    print_reply(c, c->reply.body);
    return EXIT_OK;
}

static int list_all(struct command *c)
{
    struct buf names = BUF_INIT;
    struct catalog_entry e;
    enum status s =
        souk_catalog(c->souk, &(struct catalog_request){.action = CATALOG_LIST}, &c->reply);
    if (s)
        return command_fail(c, s, &c->reply.fault);
    buf_put_slice(&names, c->reply.body);
    struct wire_reader r = wire_reader_of(buf_slice(&names));
    int code = EXIT_OK;
    while (!code && catalog_entry_next(&r, &e) == STATUS_OK)
        code = call(c, &(struct upstream_request){.action = UPSTREAM_LIST, .catalog = e.name});
    buf_fini(&names);
    return code;
}

static int set(struct command *c, struct upstream_request *u)
{
    struct buf text = BUF_INIT;
    struct fault fault = {0};
    const char *source = command_word(c, 4);
    enum status s = STATUS_OK;
    if (!strchr(source, '='))
        s = command_read_file(source, &text, &fault);
    else if (!definition_of_words(c, &text))
        s = fault_set(&fault, STATUS_INVALID, NULL, "options are NAME=VALUE");
    u->name_count = 1;
    u->definition = buf_slice(&text);
    int code = s ? command_fail(c, s, &fault) : call(c, u);
    buf_fini(&text);
    return code;
}

static int run(struct command *c, enum upstream_action action)
{
    struct slice words[WORDS_MAX], ids[WORDS_MAX];
    struct upstream_request u = {.action = action, .names = words, .ids = ids};
    int code = command_connect(c);
    if (code)
        return code;
    if (!command_word(c, 2))
        code = list_all(c);
    else {
        u.catalog = slice_str(command_word(c, 2));
        for (const char *w; (w = command_word(c, u.name_count + 3));)
            words[u.name_count++] = slice_str(w);
        u.id_count = action == UPSTREAM_REFRESH
                         ? command_split(options_value(&c->options, OPT_IDS), ids, WORDS_MAX)
                         : 0;
        code = action == UPSTREAM_SET ? set(c, &u) : call(c, &u);
    }
    int flushed = command_flush(c);
    return code ? code : flushed;
}

int command_upstream(struct command *c)
{
    const char *name = command_word(c, 1);
    for (size_t i = 0; name && i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(name, actions[i].name) != 0)
            continue;
        if (actions[i].words && !command_word(c, actions[i].words + 1))
            return command_usage("this upstream action needs more words");
        int code = command_surplus(c, actions[i].most);
        if (code)
            return code;
        return run(c, actions[i].action);
    }
    return command_usage("upstream: list, add, set, remove, enable, disable, order, refresh, pause "
                         "or resume");
}
