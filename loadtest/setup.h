/*
 * setup - from the command line to what a run needs: the mix, the run_spec, the rules.
 */
#ifndef SOUK_LOADTEST_SETUP_H
#define SOUK_LOADTEST_SETUP_H

#include "loadtest/options.h"
#include "loadtest/report.h"
#include "protocol/api_key.h"

struct setup {
    struct options options;
    struct arena arena;
    struct mix mix;
    struct replay replay;
    struct run_spec spec;
    struct threshold thresholds[THRESHOLDS_MAX];
    uint32_t threshold_count;
    double warmup_s;
    char server_version[64];
    char key[KEY_TEXT + 1];     /* "" = none */
    struct server_info info;    /* what the server said before the run */
    struct souk_options client; /* how it is connected to */
};

/* Exit codes of all programs of Souk. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_INTERNAL = 1,
    EXIT_USAGE = 2,
    EXIT_CONNECT = 3,
    EXIT_SERVER = 4,
    EXIT_TLS = 7,
    EXIT_THRESHOLD = 8,
    EXIT_WRONG = 9
};

/* The server's address by --server, SOUK_SERVER or default. */
const char *setup_address(const struct options *o);
/*
 * Reads everything the options name and asks the server who it is. `rules`: the option the
 * thresholds come from. EXIT_OK, or the exit code, complained already. setup_fini() in any case.
 */
int setup_make(struct setup *s, enum option_id rules);
void setup_fini(struct setup *s);
/* Complains on standard error and returns the exit code that belongs to the status. */
int setup_complain(enum status st, const struct fault *fault);

#endif
