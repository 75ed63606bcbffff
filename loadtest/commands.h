/* commands - what souk-load can do: each takes parsed options and returns an exit code. */
#ifndef SOUK_LOADTEST_COMMANDS_H
#define SOUK_LOADTEST_COMMANDS_H

#include "loadtest/setup.h"

int command_run(struct setup *s);
int command_curve(struct setup *s);
int command_find_max(struct setup *s);
int command_compare(struct setup *s);

#endif
