/*
 * supervisor - starts, watches, restarts and drains the other processes; owns no data.
 */
#ifndef SOUK_SERVER_SUPERVISOR_H
#define SOUK_SERVER_SUPERVISOR_H

#include "server/config.h"

/* Until a signal ends it; the exit code. `config_file` may be NULL; HUP reads it again. `argv` is
 * main's: a child that is forked shows its role there. */
int supervisor_run(struct config *config, const char *config_file, char **argv);

#endif
