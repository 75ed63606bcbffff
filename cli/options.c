#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    char letter;
    const char *value, *commands, *help;
} table[OPTION_COUNT] = {
#define OPTION(id, name, letter, value, commands, help) {name, letter, value, commands, help},
#include "cli/options.def"
#undef OPTION
};

static const struct {
    enum option_id id;
    int64_t least, most;
} bounds[] = {
#define OPTION(id, name, letter, value, commands, help)
#define BOUND(id, least, most) {OPT_##id, least, most},
#include "cli/options.def"
#undef OPTION
};

static int find_long(const char *name, size_t len)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
            return i;
    return -1;
}

static int find_short(char letter)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (table[i].letter && table[i].letter == letter)
            return i;
    return -1;
}

/* One argument that starts with '-'; *at moves on when it takes the next one as its value. */
static bool parse_one(int argc, char **argv, int *at, struct options *o, char room[200])
{
    const char *arg = argv[*at], *value = NULL;
    int id;
    if (arg[1] == '-') {
        const char *equals = strchr(arg, '=');
        id = find_long(arg + 2, equals ? (size_t)(equals - arg - 2) : strlen(arg + 2));
        value = equals ? equals + 1 : NULL;
    } else {
        id = find_short(arg[1]);
        value = arg[2] ? arg + 2 : NULL;
    }
    if (id < 0) {
        snprintf(room, 200, "unknown option '%.100s'", arg);
        return false;
    }
    if (!table[id].value && value) {
        snprintf(room, 200, "--%s takes no value", table[id].name);
        return false;
    }
    if (table[id].value && !value) {
        if (*at + 1 >= argc) {
            snprintf(room, 200, "--%s needs a value (%s)", table[id].name, table[id].value);
            return false;
        }
        value = argv[++*at];
    }
    if (o->given_count == OPTIONS_MAX) {
        snprintf(room, 200, "more than %d options", OPTIONS_MAX);
        return false;
    }
    o->given[o->given_count].id = (enum option_id)id;
    o->given[o->given_count++].value = value ? value : "";
    return true;
}

bool options_parse(int argc, char **argv, struct options *o, char room[200])
{
    bool words_only = false;
    memset(o, 0, sizeof *o);
    for (int i = 1; i < argc; i++) {
        if (!words_only && strcmp(argv[i], "--") == 0) {
            words_only = true;
        } else if (!words_only && argv[i][0] == '-' && argv[i][1]) {
            if (!parse_one(argc, argv, &i, o, room))
                return false;
        } else if (o->word_count == WORDS_MAX) {
            snprintf(room, 200, "more than %d words", WORDS_MAX);
            return false;
        } else {
            o->words[o->word_count++] = argv[i];
        }
    }
    return true;
}

/* Is `command` one of "search, get"? An empty list is all of them. */
static bool known_to(const char *list, const char *command)
{
    size_t len = strlen(command);
    bool known = !*list;
    while (*list && !known) {
        size_t n = strcspn(list, ",");
        known = n == len && memcmp(list, command, n) == 0;
        list += n + strspn(list + n, ", ");
    }
    return known;
}

/* A whole number of digits only, so that no blank or sign passes. */
static bool within(const char *text, int64_t least, int64_t most)
{
    size_t digits = strspn(text, "0123456789");
    if (!digits || digits > 18 || text[digits])
        return false;
    int64_t n = strtoll(text, NULL, 10);
    return n >= least && n <= most;
}

bool options_fit(const struct options *o, const char *command, char room[200])
{
    for (uint32_t i = 0; i < o->given_count; i++) {
        enum option_id id = o->given[i].id;
        if (!known_to(table[id].commands, command)) {
            snprintf(room, 200, "'%.40s' does not know --%s (%s does)", command, table[id].name,
                     table[id].commands);
            return false;
        }
        for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++)
            if (bounds[k].id == id && !within(o->given[i].value, bounds[k].least, bounds[k].most)) {
                snprintf(room, 200, "--%s is a whole number from %lld to %lld, not '%.40s'",
                         table[id].name, (long long)bounds[k].least, (long long)bounds[k].most,
                         o->given[i].value);
                return false;
            }
    }
    return true;
}

const char *options_nth(const struct options *o, enum option_id id, uint32_t n)
{
    for (uint32_t i = 0; i < o->given_count; i++)
        if (o->given[i].id == id && n-- == 0)
            return o->given[i].value;
    return NULL;
}

const char *options_value(const struct options *o, enum option_id id)
{
    const char *value = NULL;
    for (uint32_t i = 0; i < o->given_count; i++)
        if (o->given[i].id == id)
            value = o->given[i].value;
    return value;
}

bool options_has(const struct options *o, enum option_id id)
{
    return options_value(o, id) != NULL;
}

int64_t options_number(const struct options *o, enum option_id id, int64_t otherwise)
{
    const char *value = options_value(o, id);
    char *end;
    if (!value)
        return otherwise;
    long long n = strtoll(value, &end, 10);
    return *value && !*end && n >= 0 ? n : -1;
}

void options_print(const char *command)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        char left[60], letter[5] = "    ";
        bool named = !command && *table[i].commands;
        if (command && !known_to(table[i].commands, command))
            continue;
        if (table[i].letter)
            snprintf(letter, sizeof letter, "-%c, ", table[i].letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, table[i].name, table[i].value ? " " : "",
                 table[i].value ? table[i].value : "");
        printf("  %-28s %s%s%s\n", left, named ? table[i].commands : "", named ? ": " : "",
               table[i].help);
    }
}
