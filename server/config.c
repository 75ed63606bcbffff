#include "server/config_private.h"

#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/wire.h"
#include "server/shared.h"

const struct config_row config_rows[OPTION_COUNT] = {
#define OPTION(id, path, type, fallback, min, max, reload, help)                                   \
    {path, fallback, help, OPTION_##type, min, max, reload},
#include "server/options.def"
#undef OPTION
};

/* --- values -------------------------------------------------------------------------------------
 */

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit plain[] = {{"", 1}, {0}};
static const struct unit sizes[] = {{"", 1},          {"KiB", 1 << 10},           {"MiB", 1 << 20},
                                    {"GiB", 1 << 30}, {"TiB", UINT64_C(1) << 40}, {0}};
static const struct unit times[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                    {"h", 3600000}, {"d", 86400000}, {0}};

static const struct unit *units_of(enum option_type type)
{
    return type == OPTION_NUMBER  ? plain
           : type == OPTION_BYTES ? sizes
           : type == OPTION_TIME  ? times
                                  : NULL; /* nothing to count: no bounds */
}

enum { BOUND_MAX = 32 };

/* A bound as one would write it. */
static const char *written(uint64_t value, const struct unit *units, char *out)
{
    const struct unit *best = units;
    for (const struct unit *u = units; u->name; u++)
        if (value >= u->factor && value % u->factor == 0)
            best = u;
    snprintf(out, BOUND_MAX, "%llu%s", (unsigned long long)(value / best->factor), best->name);
    return out;
}

static bool parse_number(const char *text, const struct unit *units, uint64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return false;
    unsigned long long n = strtoull(text, &end, 10);
    while (*end == ' ')
        end++;
    for (; units->name; units++)
        if (!strcmp(end, units->name))
            return !__builtin_mul_overflow((uint64_t)n, units->factor, out);
    return false;
}

/* HOST:PORT or [V6]:PORT; the host may be empty. */
static bool address_good(const char *text)
{
    const char *colon = strrchr(text, ':');
    char *end;
    if (!colon || !isdigit((unsigned char)colon[1]))
        return false;
    unsigned long port = strtoul(colon + 1, &end, 10);
    return !*end && port > 0 && port <= 65535;
}

static bool class_good(const char *text)
{
    return !strcmp(text, "critical") || !strcmp(text, "default") || !strcmp(text, "sheddable") ||
           !strcmp(text, "background");
}

/* "0.05": digits, a point, at most six more; up to 1. */
static bool parse_ratio(const char *text, uint64_t *out)
{
    uint64_t part = 1000000;
    if ((*text != '0' && *text != '1') || (text[1] && text[1] != '.'))
        return false;
    *out = *text == '1' ? part : 0;
    if (!text[1])
        return true;
    for (text += 2; isdigit((unsigned char)*text) && part > 1; text++)
        *out += (uint64_t)(*text - '0') * (part /= 10);
    return !*text && text[-1] != '.' && *out <= 1000000;
}

static bool parse_value(enum option_type type, const char *text, uint64_t *out)
{
    switch (type) {
    case OPTION_ADDRESS:
        *out = 0;
        return !*text || address_good(text);
    case OPTION_PEER:
        *out = 0;
        return !*text || (strlen(text) <= SHARED_LEADER &&
                          (strncmp(text, "unix:", 5) ? address_good(text) : text[5] != '\0'));
    case OPTION_ACCOUNT:
        *out = 0;
        return !*text || getpwnam(text);
    case OPTION_TEXT:
        *out = 0;
        return true;
    case OPTION_CLASS:
        *out = 0;
        return class_good(text);
    case OPTION_NUMBER:
    case OPTION_BYTES:
    case OPTION_TIME:
        return parse_number(text, units_of(type), out);
    case OPTION_RATIO:
        return parse_ratio(text, out);
    case OPTION_SWITCH:
        *out = !strcmp(text, "true");
        return *out || !strcmp(text, "false");
    }
    return false;
}

static const char *unit_word(enum option_type type)
{
    static const char *const words[] = {"text",
                                        "number",
                                        "bytes (512MiB)",
                                        "time (10s)",
                                        "true or false",
                                        "HOST:PORT",
                                        "user of this system",
                                        "critical, default, sheddable or background",
                                        "number from 0 to 1",
                                        "HOST:PORT or unix:PATH"};
    return words[type];
}

/* Levenshtein distance of short texts, for "did you mean". */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[65];
    size_t n = strlen(b);
    if (n > 64 || strlen(a) > 64)
        return 99;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; a[i - 1]; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned up = row[j], cost = corner + (a[i - 1] != b[j - 1]);
            unsigned least = (up < row[j - 1] ? up : row[j - 1]) + 1;
            row[j] = cost < least ? cost : least;
            corner = up;
        }
    }
    return row[n];
}

enum status config_unknown(const char *path, struct fault *fault)
{
    unsigned best = 99, at = 0;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        unsigned d = distance(path, config_rows[i].path);
        if (d < best) {
            best = d;
            at = i;
        }
    }
    if (best <= 4)
        return fault_set(fault, STATUS_UNKNOWN_FIELD, NULL,
                         "unknown option %.80s; did you mean %s?", path, config_rows[at].path);
    return fault_set(fault, STATUS_UNKNOWN_FIELD, NULL, "unknown option %.80s", path);
}

enum status config_set(struct config *c, const char *path, const char *text,
                       enum option_origin origin, struct fault *fault)
{
    unsigned i = 0;
    while (i < OPTION_COUNT && strcmp(config_rows[i].path, path) != 0)
        i++;
    if (i == OPTION_COUNT)
        return config_unknown(path, fault);
    struct option_value v = {.origin = origin};
    if (strlen(text) >= sizeof v.text)
        return fault_set(fault, STATUS_TOO_LARGE, config_rows[i].path, "the value is too long");
    memcpy(v.text, text, strlen(text));
    if (!parse_value(config_rows[i].type, text, &v.number))
        return fault_set(fault, STATUS_INVALID, config_rows[i].path, "%s wants a %s, not \"%.60s\"",
                         config_rows[i].path, unit_word(config_rows[i].type), text);
    const struct unit *units = units_of(config_rows[i].type);
    char least[BOUND_MAX], most[BOUND_MAX];
    if (units && (v.number < config_rows[i].min || v.number > config_rows[i].max))
        return fault_set(fault, STATUS_INVALID, config_rows[i].path,
                         "%s must lie between %s and %s", config_rows[i].path,
                         written(config_rows[i].min, units, least),
                         written(config_rows[i].max, units, most));
    c->values[i] = v;
    return STATUS_OK;
}

void config_init(struct config *c)
{
    memset(c, 0, sizeof *c);
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        config_set(c, config_rows[i].path, config_rows[i].fallback, ORIGIN_DEFAULT, NULL);
}

/* --- file and environment ------------------------------------------------------------------------
 */

enum status config_load_file(struct config *c, const char *path, struct fault *fault)
{
    struct buf text = BUF_INIT;
    FILE *in = fopen(path, "rb");
    if (!in)
        return fault_set(fault, STATUS_IO, NULL, "the file cannot be opened");
    size_t n = 1;
    while (n && text.len < (size_t)4 * 1024 * 1024 && buf_reserve(&text, 4096)) {
        n = fread(text.ptr + text.len, 1, 4096, in);
        text.len += n;
    }
    bool bad = ferror(in);
    fclose(in);
    if (bad) {
        buf_fini(&text);
        return fault_set(fault, STATUS_IO, NULL, "the file cannot be read");
    }
    enum status s = config_load_text(c, buf_slice(&text), fault);
    buf_fini(&text);
    return s;
}

/* SOUK_SERVER__LISTEN -> server.listen; other SOUK_ names without "__" are not ours. */
enum status config_load_env(struct config *c, char *const *env, struct fault *fault)
{
    for (; *env; env++) {
        const char *equals = strchr(*env, '=');
        char path[128];
        size_t n = 0;
        if (strncmp(*env, "SOUK_", 5) != 0 || !equals)
            continue;
        for (const char *p = *env + 5; p < equals && n < sizeof path - 1; p++) {
            bool dot = p[0] == '_' && p[1] == '_';
            path[n++] = dot ? '.' : (char)tolower((unsigned char)*p);
            p += dot;
        }
        path[n] = '\0';
        enum status s = strchr(path, '.') ? config_set(c, path, equals + 1, ORIGIN_ENV, fault) : 0;
        if (s)
            return s;
    }
    return STATUS_OK;
}

/* --- out ----------------------------------------------------------------------------------------
 */

const char *config_path(enum config_option o)
{
    return config_rows[o].path;
}

void config_print(const struct config *c, FILE *out)
{
    static const char *const origins[] = {"default", "file", "env", "flag"};
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        fprintf(out, "%s: %s  # %s\n", config_rows[i].path,
                *c->values[i].text ? c->values[i].text : "\"\"", origins[c->values[i].origin]);
}

void config_describe(FILE *out)
{
    char least[BOUND_MAX], most[BOUND_MAX];
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct config_row *row = &config_rows[i];
        const struct unit *units = units_of(row->type);
        fprintf(out, "  %-20s %s; %s", row->path, row->help, unit_word(row->type));
        if (units)
            fprintf(out, ", %s to %s", written(row->min, units, least),
                    written(row->max, units, most));
        fprintf(out, ", default %s%s\n", *row->fallback ? row->fallback : "empty",
                row->reload ? ", reloadable" : "");
    }
}

void config_encode(const struct config *c, struct buf *out)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        buf_put_u8(out, (uint8_t)c->values[i].origin);
        wire_put_bytes(out, slice_str(c->values[i].text));
    }
}

enum status config_decode(struct config *c, struct slice bytes)
{
    struct wire_reader r = wire_reader_of(bytes);
    config_init(c);
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        char text[sizeof c->values[i].text];
        enum option_origin origin = (enum option_origin)wire_u8(&r);
        struct slice s = wire_bytes(&r);
        if (r.failed || s.len >= sizeof text)
            return STATUS_INVALID;
        memcpy(text, s.ptr, s.len);
        text[s.len] = '\0';
        enum status st = config_set(c, config_rows[i].path, text, origin, NULL);
        if (st)
            return st;
    }
    return STATUS_OK;
}

void config_reload(struct config *c, const struct config *next, uint32_t *ignored)
{
    *ignored = 0;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (c->values[i].origin == ORIGIN_FLAG) /* stands above files, which cannot change it */
            continue;
        if (config_rows[i].reload)
            c->values[i] = next->values[i];
        else
            *ignored += strcmp(c->values[i].text, next->values[i].text) != 0;
    }
}
