/*
 * role - how a process of soukd is started and what it is given.
 *
 * The supervisor forks, at its start, or later runs /proc/self/exe with `--role NAME --number N
 * --slot K`, with these descriptors:
 * 3 the shared pages, 4 the configuration as text, 5.. the listening sockets of a front (its own
 * port, the unix socket, the port for TLS), 9 of a front what TLS needs (tls_files.h). role_run()
 * puts a `struct role_context` together and calls the main function of the role. Such a function
 * returns the exit code; it ends by itself on SIGTERM (finish what is in flight) and should end at
 * once on a second one. It beats (shared_beat) at least every 100 ms from its main loop.
 */
#ifndef SOUK_SERVER_ROLE_H
#define SOUK_SERVER_ROLE_H

#include "server/config.h"
#include "server/shared.h"

enum {
    ROLE_FD_SHARED = 3,
    ROLE_FD_CONFIG = 4,
    ROLE_FD_LISTEN = 5,
    ROLE_MAX_LISTEN = 4,
    ROLE_FD_TLS = ROLE_FD_LISTEN + ROLE_MAX_LISTEN,
    ROLE_FD_END,
    ROLE_LISTEN_TLS = 2 /* of a front's listening sockets */
};

struct role_context {
    enum role role;
    uint32_t number; /* front 0, 1, ... */
    struct shared *shared;
    struct shared_process *self;
    struct config *config; /* what may change while running changes in role_reload() */
    const char *data_dir;
    int listen[ROLE_MAX_LISTEN];
    uint32_t listen_count;
};

int front_main(struct role_context *r); /* fronts and the admin front */
int writer_main(struct role_context *r);
int fetcher_main(struct role_context *r);
int replica_main(struct role_context *r);

/* DIR/writer.sock, where the writer takes requests of fronts and fetcher. False when too long. */
bool role_writer_socket(const struct role_context *r, char *path, size_t cap);

/* On SIGHUP: takes over what the supervisor has loaded anew and may change while running. */
void role_reload(struct role_context *r);

/* DIR/fetcher.sock, where the fetcher takes questions of fronts. */
bool role_fetcher_socket(const struct role_context *r, char *path, size_t cap);

/* DIR/replica.sock, where the replica process takes requests of fronts for other servers. */
bool role_replica_socket(const struct role_context *r, char *path, size_t cap);

/* Runs the role named on the command line. */
int role_run(const char *name, uint32_t number, uint32_t slot);

#endif
