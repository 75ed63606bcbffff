/*
 * command - what every command of `souk` shares: options, connection, ways to end.
 */
#ifndef SOUK_CLI_COMMAND_H
#define SOUK_CLI_COMMAND_H

#include "cli/options.h"
#include "protocol/schema_spec.h"
#include "protocol/souk.h"

enum exit_code {
    EXIT_OK = 0,
    EXIT_INTERNAL = 1,
    EXIT_USAGE = 2,
    EXIT_CONNECT = 3,
    EXIT_SERVER = 4,
    EXIT_PARTIAL = 5,
    EXIT_DEADLINE = 6,
    EXIT_TLS = 7
};

struct command {
    struct options options;
    struct souk *souk;
    struct souk_reply reply;
    struct buf out; /* text for standard output */
    bool json, terminal;
    uint32_t patience_ms; /* deadline of requests without --timeout; 0 = libsouk's */
};

typedef int command_run(struct command *c);
command_run command_safe_mode, command_ping, command_stats, command_catalog, command_get,
    command_put, command_delete, command_wait, command_search, command_suggest, command_queries,
    command_import, command_export, command_eval, command_info, command_degrade, command_promote,
    command_upstream, command_synonyms, command_stopwords, command_rules, command_profile,
    command_key;

/* Opens the connection unless it is open; EXIT_OK or the exit code, complained already. */
int command_connect(struct command *c);
/* Prints "souk: what: ...", with --json one JSON line, on standard error and returns the exit code
 * that belongs to it. */
int command_fail(struct command *c, enum status s, const struct fault *fault);
int command_usage(const char *what);
/* From here on errors are told as one JSON line each. */
void command_json_errors(void);
/* Complains about the word at `n` and those behind it, when there are any; else EXIT_OK. */
int command_surplus(const struct command *c, uint32_t n);
/* Names and values as one JSON object or as lines, names `width` wide. */
void command_put_rows(struct command *c, const struct stats_row *rows, uint32_t count, int width);
/* Writes c->out and empties it. */
int command_flush(struct command *c);
/* The word at `n` (0 is the command itself) or NULL. */
const char *command_word(const struct command *c, uint32_t n);
/* "A,B,C" into slices; returns how many, at most `max`. */
uint32_t command_split(const char *list, struct slice *out, uint32_t max);
/* The whole of a file ("-" = standard input), unpacked. */
enum status command_read_file(const char *path, struct buf *out, struct fault *fault);
/* An ack level by its word; false when it is none. */
bool command_ack(const struct command *c, enum put_ack *out);
uint64_t command_now_us(void);

/* Parses the schema file of --schema; slices live in `a`. */
enum status command_schema_file(const char *path, struct arena *a, struct schema_spec *out,
                                struct fault *fault);

#endif
