/* role - what a process of soukd is started with, and the entry points of the kinds. */
#ifndef SOUK_SERVER_ROLE_H
#define SOUK_SERVER_ROLE_H

#include "server/shared.h"

enum { ROLE_LISTENERS = 4 };

struct role {
    struct shared *shared;
    struct shared_process *self;
    const char *data_dir;
    int listeners[ROLE_LISTENERS]; /* inherited listening sockets */
    uint32_t listener_count;
    uint32_t max_connections;
};

/* Each runs until SIGTERM and returns the exit code. */
int front_main(struct role *role);
int writer_main(struct role *role);
int fetcher_main(struct role *role);

/* "DIR/writer.sock": where fronts reach the writer. */
void role_writer_path(const struct role *role, char *out, size_t cap);

/* One JSON line on stderr: level, process, message and printf text. */
void log_line(const char *level, const char *part, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
