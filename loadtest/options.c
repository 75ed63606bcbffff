#include "loadtest/options.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    char letter;
    const char *value, *fallback, *help;
} table[OPTION_COUNT] = {
#define OPTION(id, name, letter, value, fallback, help) {name, letter, value, fallback, help},
#include "loadtest/options.def"
#undef OPTION
};

static int find(const char *name, size_t len, char letter)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (name ? strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0
                 : table[i].letter && table[i].letter == letter)
            return i;
    return -1;
}

/* One argument that starts with '-'; *at moves on when it takes the next one as its value. */
static enum status parse_one(int argc, char **argv, int *at, struct options *o, struct fault *fault)
{
    const char *arg = argv[*at], *value = NULL;
    bool is_long = arg[1] == '-';
    const char *equals = is_long ? strchr(arg, '=') : NULL;
    int id = is_long ? find(arg + 2, equals ? (size_t)(equals - arg - 2) : strlen(arg + 2), 0)
                     : find(NULL, 0, arg[1]);
    if (id < 0)
        return fault_set(fault, STATUS_INVALID, NULL, "unknown option '%.100s'", arg);
    value = equals ? equals + 1 : !is_long && arg[2] ? arg + 2 : NULL;
    if (!table[id].value && value)
        return fault_set(fault, STATUS_INVALID, table[id].name, "--%s takes no value",
                         table[id].name);
    if (table[id].value && !value) {
        if (*at + 1 >= argc)
            return fault_set(fault, STATUS_INVALID, table[id].name, "--%s needs a value (%s)",
                             table[id].name, table[id].value);
        value = argv[++*at];
    }
    if (o->given_count == OPTIONS_MAX)
        return fault_set(fault, STATUS_INVALID, NULL, "more than %d options", OPTIONS_MAX);
    o->given[o->given_count].id = (enum option_id)id;
    o->given[o->given_count++].value = value ? value : "";
    return STATUS_OK;
}

enum status options_parse(int argc, char **argv, struct options *o, struct fault *fault)
{
    bool words_only = false;
    memset(o, 0, sizeof *o);
    for (int i = 1; i < argc; i++) {
        if (!words_only && strcmp(argv[i], "--") == 0) {
            words_only = true;
        } else if (!words_only && argv[i][0] == '-' && argv[i][1]) {
            enum status s = parse_one(argc, argv, &i, o, fault);
            if (s)
                return s;
        } else if (o->word_count == WORDS_MAX) {
            return fault_set(fault, STATUS_INVALID, NULL, "more than %d words", WORDS_MAX);
        } else {
            o->words[o->word_count++] = argv[i];
        }
    }
    return STATUS_OK;
}

const char *options_nth(const struct options *o, enum option_id id, uint32_t n)
{
    for (uint32_t i = 0; i < o->given_count; i++)
        if (o->given[i].id == id && n-- == 0)
            return o->given[i].value;
    return NULL;
}

bool options_has(const struct options *o, enum option_id id)
{
    return options_nth(o, id, 0) != NULL;
}

const char *options_value(const struct options *o, enum option_id id)
{
    const char *value = table[id].fallback;
    for (uint32_t i = 0; i < o->given_count; i++)
        if (o->given[i].id == id)
            value = o->given[i].value;
    return value;
}

enum status options_number(const struct options *o, enum option_id id, double low, double high,
                           double otherwise, double *out, struct fault *fault)
{
    const char *text = options_value(o, id);
    char *end;
    *out = otherwise;
    if (!text)
        return STATUS_OK;
    *out = strtod(text, &end);
    if (!strcmp(end, "s") && (id == OPT_DURATION || id == OPT_SECONDS || id == OPT_WARMUP))
        end++;
    if (*text && !*end && *out >= low && *out <= high)
        return STATUS_OK;
    return fault_set(fault, STATUS_INVALID, table[id].name,
                     "--%s is a number from %g to %g, not '%.40s'", table[id].name, low, high,
                     text);
}

void options_print(FILE *f)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        char left[60], letter[5] = "    ";
        if (table[i].letter)
            snprintf(letter, sizeof letter, "-%c, ", table[i].letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, table[i].name, table[i].value ? " " : "",
                 table[i].value ? table[i].value : "");
        fprintf(f, "  %-28s %s", left, table[i].help);
        fprintf(f, table[i].fallback ? " (default %s)\n" : "\n", table[i].fallback);
    }
}
