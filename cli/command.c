#include "cli/command.h"

#include "cli/json.h"
#include "cli/schema_json.h"
#include "cli/source.h"
#include "cli/table.h"
#include "protocol/api_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

uint64_t command_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* What the environment says is for everybody who is started in it: a text that is none does not
 * matter. One that was given here does. */
static enum status trace_of(struct command *c, struct trace_context *out)
{
    const char *given = options_value(&c->options, OPT_TRACEPARENT);
    const char *text = given ? given : getenv("TRACEPARENT");
    *out = (struct trace_context){0};
    if (!text || !traceparent_parse(slice_str(text), out) || !given)
        return STATUS_OK;
    return fault_set(&c->reply.fault, STATUS_INVALID, "traceparent",
                     "it is 00-TRACE-SPAN-FLAGS: 32, 16 and 2 hexadecimal digits in lower case, "
                     "the ids not all zeroes");
}

/* What was given here, else of the environment; NULL when neither. */
static const char *tls_value(const struct command *c, enum option_id id, const char *variable)
{
    const char *value = options_value(&c->options, id);
    value = value ? value : getenv(variable);
    return value && *value ? value : NULL;
}

/* What the environment says is for all that is started in it, a unix socket among it. */
static void tls_of(const struct command *c, const char *address, struct souk_options *o)
{
    bool local = !strncmp(address, "unix:", 5);
    const char *wanted = getenv("SOUK_TLS");
    o->tls_ca = tls_value(c, OPT_TLS_CA, "SOUK_TLS_CA");
    o->tls_certificate = tls_value(c, OPT_TLS_CERT, "SOUK_TLS_CERT");
    o->tls_key = tls_value(c, OPT_TLS_KEY, "SOUK_TLS_KEY");
    o->tls_name = tls_value(c, OPT_TLS_NAME, "SOUK_TLS_NAME");
    o->tls = options_has(&c->options, OPT_TLS) || options_has(&c->options, OPT_TLS_CA) ||
             options_has(&c->options, OPT_TLS_CERT) || options_has(&c->options, OPT_TLS_KEY) ||
             options_has(&c->options, OPT_TLS_NAME);
    if (!o->tls && !local)
        o->tls = o->tls_ca || o->tls_certificate || o->tls_key || o->tls_name ||
                 (wanted && *wanted && strcmp(wanted, "0") != 0);
}

/* What was given as a word is not left where the system's list of processes shows it. */
static enum status key_of(struct command *c, char key[KEY_TEXT + 1])
{
    const char *text = options_value(&c->options, OPT_KEY);
    enum status s =
        api_key_given(text, options_value(&c->options, OPT_KEY_FILE), getenv("SOUK_KEY"),
                      getenv("SOUK_KEY_FILE"), key, &c->reply.fault);
    if (text)
        memset((char *)(uintptr_t)text, '*', strlen(text));
    return s;
}

int command_connect(struct command *c)
{
    char key[KEY_TEXT + 1];
    struct souk_options o;
    struct trace_context trace;
    const char *address = options_value(&c->options, OPT_SERVER);
    if (!address)
        address = getenv("SOUK_SERVER");
    if (!address || !*address)
        address = "127.0.0.1:7685";
    int64_t timeout = options_number(&c->options, OPT_TIMEOUT, c->patience_ms);
    if (c->souk)
        return EXIT_OK;
    souk_options_init(&o);
    o.name = "souk";
    o.deadline_ms = (uint32_t)timeout;
    o.no_throttle = true;
    tls_of(c, address, &o);
    o.key = key;
    enum status s = key_of(c, key);
    s = s ? s : trace_of(c, &trace);
    s = s ? s : souk_open(address, &o, &c->souk, &c->reply.fault);
    explicit_bzero(key, sizeof key);
    if (!s)
        souk_trace(c->souk, &trace);
    return s ? command_fail(c, s, &c->reply.fault) : EXIT_OK;
}

static bool json_errors;

void command_json_errors(void)
{
    json_errors = true;
}

static void put_error_json(struct buf *b, enum status s, const struct fault *f)
{
    buf_printf(b, "{\"error\":\"%s\",\"class\":\"%s\",\"retryable\":%s,", status_name(s),
               status_class_name(status_class(s)), status_retryable(s) ? "true" : "false");
    buf_printf(b, "\"retry_after_ms\":%u,\"field\":", f->retry_after_ms);
    json_put_text(b, slice_str(f->field));
    if (f->line)
        buf_printf(b, ",\"line\":%u", f->line);
    if (f->column)
        buf_printf(b, ",\"column\":%u", f->column);
    buf_printf(b, ",\"message\":");
    json_put_text(b, slice_str(f->text[0] ? f->text : status_text(s)));
    buf_put_u8(b, '}');
}

static void put_error_text(struct buf *b, enum status s, const struct fault *f)
{
    const char *text = f->text[0] ? f->text : status_text(s);
    buf_printf(b, "souk: %s: %s", status_name(s), text);
    if (f->field[0])
        buf_printf(b, " (field %s)", f->field);
    if (f->line && !f->column)
        buf_printf(b, " (line %u)", f->line);
    else if (f->line)
        buf_printf(b, " (line %u, column %u)", f->line, f->column);
    else if (f->column && !strstr(text, "at byte ")) /* a filter's fault tells its place itself */
        buf_printf(b, " (at byte %u)", f->column);
    if (f->retry_after_ms)
        buf_printf(b, " (try again in %u ms)", f->retry_after_ms);
    for (size_t i = 0; i < b->len; i++) /* what was quoted may hold anything */
        if ((unsigned char)b->ptr[i] < 0x20 || b->ptr[i] == 0x7f)
            b->ptr[i] = ' ';
}

static void tell(enum status s, const struct fault *f)
{
    struct buf b = BUF_INIT;
    if (json_errors)
        put_error_json(&b, s, f);
    else
        put_error_text(&b, s, f);
    fprintf(stderr, "%.*s\n", (int)b.len, b.ptr ? b.ptr : "");
    buf_fini(&b);
}

int command_fail(struct command *c, enum status s, const struct fault *fault)
{
    static const struct fault none;
    tell(s, fault ? fault : &none);
    if (s == STATUS_DEADLINE)
        return EXIT_DEADLINE;
    if (s == STATUS_TLS)
        return EXIT_TLS;
    if (s == STATUS_UNAUTHENTICATED)
        return EXIT_SERVER;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): every caller has a command */
    if (!c->souk || (s == STATUS_UNAVAILABLE && !souk_server(c->souk)))
        return s == STATUS_INVALID ? EXIT_USAGE : EXIT_CONNECT;
    return EXIT_SERVER;
}

int command_usage(const char *what)
{
    struct fault f = {0};
    if (json_errors) {
        fault_set(&f, STATUS_INVALID, "", "%s", what);
        tell(STATUS_INVALID, &f);
    } else {
        fprintf(stderr, "souk: %s\nTry 'souk --help'.\n", what);
    }
    return EXIT_USAGE;
}

int command_surplus(const struct command *c, uint32_t n)
{
    char text[160];
    if (!command_word(c, n))
        return EXIT_OK;
    snprintf(text, sizeof text, "'%.40s' takes no further words: '%.60s'%s", command_word(c, 0),
             command_word(c, n), command_word(c, n + 1) ? " and more" : "");
    return command_usage(text);
}

void command_put_rows(struct command *c, const struct stats_row *rows, uint32_t count, int width)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!c->json) {
            table_put(&c->out, rows[i].name, width);
            buf_put_u8(&c->out, ' ');
            table_put(&c->out, rows[i].value, 0);
            buf_put_u8(&c->out, '\n');
            continue;
        }
        buf_put_u8(&c->out, i ? ',' : '{');
        json_put_text(&c->out, rows[i].name);
        buf_put_u8(&c->out, ':');
        json_put_number_or_text(&c->out, rows[i].value);
    }
    if (c->json)
        buf_printf(&c->out, count ? "}\n" : "{}\n");
}

int command_flush(struct command *c)
{
    bool bad =
        c->out.failed || fwrite(c->out.ptr ? c->out.ptr : "", 1, c->out.len, stdout) < c->out.len;
    bad |= fflush(stdout) != 0;
    buf_clear(&c->out);
    if (bad)
        fprintf(stderr, "souk: cannot write the result\n");
    return bad ? EXIT_INTERNAL : EXIT_OK;
}

const char *command_word(const struct command *c, uint32_t n)
{
    return n < c->options.word_count ? c->options.words[n] : NULL;
}

uint32_t command_split(const char *list, struct slice *out, uint32_t max)
{
    uint32_t n = 0;
    while (list && *list && n < max) {
        size_t len = strcspn(list, ",");
        if (len)
            out[n++] = slice_make(list, len);
        list += len + (list[len] == ',');
    }
    return n;
}

enum status command_read_file(const char *path, struct buf *out, struct fault *fault)
{
    struct source *source;
    struct slice line;
    enum status s = source_open(path, &source, fault);
    if (s)
        return s;
    while ((s = source_line(source, &line, fault)) == STATUS_OK) {
        buf_put_slice(out, line);
        buf_put_u8(out, '\n');
    }
    source_close(source);
    return s == STATUS_END ? STATUS_OK : s;
}

bool command_ack(const struct command *c, enum put_ack *out)
{
    static const char *const words[] = {"queued", "logged", "visible", "replicated"};
    const char *given = options_value(&c->options, OPT_ACK);
    *out = ACK_LOGGED;
    for (int i = 0; given && i < 4; i++)
        if (strcmp(given, words[i]) == 0) {
            *out = (enum put_ack)i;
            return true;
        }
    return !given;
}

enum status command_schema_file(const char *path, struct arena *a, struct schema_spec *out,
                                struct fault *fault)
{
    struct buf text = BUF_INIT;
    struct json *v;
    enum status s = command_read_file(path, &text, fault);
    if (!s) {
        struct slice kept = arena_copy(a, buf_slice(&text));
        s = kept.ptr ? json_parse(kept, 1, a, &v, fault) : STATUS_NO_MEMORY;
    }
    if (!s)
        s = schema_json_read(v, out, fault);
    buf_fini(&text);
    return s;
}
