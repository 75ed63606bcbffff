/*
 * options - the command line: one table of options for all commands, and the words between them.
 */
#ifndef SOUK_CLI_OPTIONS_H
#define SOUK_CLI_OPTIONS_H

#include "protocol/slice.h"

enum option_id {
#define OPTION(id, name, letter, value, commands, help) OPT_##id,
#include "cli/options.def"
#undef OPTION
    OPTION_COUNT
};

enum { OPTIONS_MAX = 64, WORDS_MAX = 1024 };
/* A window of freshness is at most 100 years. */
#define WINDOW_MOST 3153600000000

struct options {
    const char *words[WORDS_MAX]; /* the command first */
    uint32_t word_count;
    struct {
        enum option_id id;
        const char *value;
    } given[OPTIONS_MAX];
    uint32_t given_count;
};

/* false: a sentence in `room` says why. */
bool options_parse(int argc, char **argv, struct options *o, char room[200]);
/* Are all options that were given known to this command, and numbers within their bounds? */
bool options_fit(const struct options *o, const char *command, char room[200]);
bool options_has(const struct options *o, enum option_id id);
/* The last value given; NULL when none. */
const char *options_value(const struct options *o, enum option_id id);
/* The n-th value of a repeated option; NULL behind the last. */
const char *options_nth(const struct options *o, enum option_id id, uint32_t n);
/* A whole number >= 0, or `otherwise` when the option is missing; -1 when it is no number, which
   options_fit finds before for those with a BOUND. */
int64_t options_number(const struct options *o, enum option_id id, int64_t otherwise);
/* One line per option: those a command knows, all for NULL. */
void options_print(const char *command);

#endif
