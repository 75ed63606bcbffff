/*
 * config - the options of soukd: one table (options.def), four origins, checked before use.
 *
 * A value comes from the default, the file, the environment (SOUK_SECTION__KEY) or a flag; later
 * ones win. The supervisor loads; the others get the outcome as text and do not look at files.
 * Immutable once loaded.
 */
#ifndef SOUK_SERVER_CONFIG_H
#define SOUK_SERVER_CONFIG_H

#include <stdio.h>

#include "protocol/buf.h"
#include "protocol/status.h"

enum config_option {
#define OPTION(id, path, type, fallback, min, max, reload, help) OPTION_##id,
#include "server/options.def"
#undef OPTION
    OPTION_COUNT
};

enum option_type {
    OPTION_TEXT,
    OPTION_NUMBER,
    OPTION_BYTES,
    OPTION_TIME /* ms */,
    OPTION_SWITCH,
    OPTION_ADDRESS,
    OPTION_ACCOUNT, /* a user of this system; empty = none */
    OPTION_CLASS,   /* of requests, by name */
    OPTION_RATIO,   /* millionths; written from 0 to 1 */
    OPTION_PEER     /* HOST:PORT or unix:PATH; empty = none */
};
enum option_origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENV, ORIGIN_FLAG };

struct option_value {
    enum option_origin origin;
    uint64_t number;
    char text[512]; /* as written */
};

struct config {
    struct option_value values[OPTION_COUNT];
};

void config_init(struct config *c);
/* fault: line and column of the file, field = path of the option, text = sentence. */
enum status config_load_file(struct config *c, const char *path, struct fault *fault);
enum status config_load_text(struct config *c, struct slice text, struct fault *fault);
enum status config_load_env(struct config *c, char *const *env, struct fault *fault);
/* "server.listen" = text; UNKNOWN_FIELD with a suggestion, INVALID with bounds. */
enum status config_set(struct config *c, const char *path, const char *text,
                       enum option_origin origin, struct fault *fault);

static inline uint64_t config_number(const struct config *c, enum config_option o)
{
    return c->values[o].number;
}

static inline const char *config_text(const struct config *c, enum config_option o)
{
    return c->values[o].text;
}

/* The path of an option ("server.fronts"). */
const char *config_path(enum config_option o);
/* path: value  # origin, unit, bounds; one line each. */
void config_print(const struct config *c, FILE *out);
/* The table for --help and the man page. */
void config_describe(FILE *out);
/* The form handed to other processes, and back. */
void config_encode(const struct config *c, struct buf *out);
enum status config_decode(struct config *c, struct slice bytes);
/* Takes over from `next` what may change while running; *ignored counts the rest that differs. */
void config_reload(struct config *c, const struct config *next, uint32_t *ignored);

#endif
