/*
 * process_title - what `ps` and /proc/PID/cmdline show of a process that was forked, not executed.
 *
 * They show the bytes where the arguments of the program lie. A child that goes on as something
 * else writes its own there, over the arguments and, where these are short, over the environment
 * behind them, which moves to the heap.
 */
#ifndef SOUK_SERVER_PROCESS_TITLE_H
#define SOUK_SERVER_PROCESS_TITLE_H

#include <stddef.h>

struct process_title {
    char *at;
    size_t room; /* 0 = unknown: the title stays as it is */
};

/* The place, from main's argv, before anybody moved the environment. */
struct process_title process_title_find(char **argv);
/* Shows `text`, cut to the room. Strings that argv or getenv() gave before are gone. */
void process_title_set(const struct process_title *t, const char *text);

#endif
