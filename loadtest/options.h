/* options - the command line of souk-load: one table (options.def), checked before use. */
#ifndef SOUK_LOADTEST_OPTIONS_H
#define SOUK_LOADTEST_OPTIONS_H

#include "protocol/status.h"

#include <stdio.h>

enum option_id {
#define OPTION(id, name, letter, value, fallback, help) OPT_##id,
#include "loadtest/options.def"
#undef OPTION
    OPTION_COUNT
};

enum { OPTIONS_MAX = 256, WORDS_MAX = 16 };

struct options {
    const char *words[WORDS_MAX]; /* the command first, when there is one */
    uint32_t word_count;
    struct {
        enum option_id id;
        const char *value;
    } given[OPTIONS_MAX];
    uint32_t given_count;
};

/* INVALID: the fault's text is a sentence for the user. */
enum status options_parse(int argc, char **argv, struct options *o, struct fault *fault);
bool options_has(const struct options *o, enum option_id id);
/* The last value given, else the default, else NULL. */
const char *options_value(const struct options *o, enum option_id id);
/* The n-th value of a repeated option; NULL behind the last. */
const char *options_nth(const struct options *o, enum option_id id, uint32_t n);
/* A number within [low, high]; `otherwise` when there is neither value nor default. */
enum status options_number(const struct options *o, enum option_id id, double low, double high,
                           double otherwise, double *out, struct fault *fault);
/* One line per option. */
void options_print(FILE *f);

#endif
