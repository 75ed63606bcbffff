/* support_log - a directory for one event log, with small files. */
#ifndef SOUK_TESTS_SERVER_SUPPORT_LOG_H
#define SOUK_TESTS_SERVER_SUPPORT_LOG_H

#include <stdio.h>
#include <stdlib.h>

#include "server/event_log.h"

static char dir[64];
static const struct event_log_options small = {.segment_bytes = 4096, .small_bytes = 4096};

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/souk-log-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

#endif
