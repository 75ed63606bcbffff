/*
 * server_info - what the server says of itself (STATS), and what its processes cost.
 *
 * CPU time is read from /proc by the pids that STATS tells, so only for a server on this machine.
 */
#ifndef SOUK_LOADTEST_SERVER_INFO_H
#define SOUK_LOADTEST_SERVER_INFO_H

#include "protocol/souk.h"

enum { SERVER_PROCESSES = 72 };

struct server_row {
    char name[96], value[96];
};

struct server_info {
    struct server_row *rows;
    uint32_t row_count;
    int pids[SERVER_PROCESSES];
    uint32_t pid_count;
    bool local; /* the pids are processes of this machine */
};

struct server_sample {
    double at_s;   /* from the start of the run */
    double cpu_s;  /* all processes, since they started */
    double rss_mb; /* resident, all processes (shared pages counted once each) */
};

enum status server_info_read(struct souk *s, struct server_info *out, struct fault *fault);
void server_info_fini(struct server_info *info);
/* Figure of a row; `otherwise` when it is missing. */
double server_info_number(const struct server_info *info, const char *name, double otherwise);
/* CPU and memory now; false for a server elsewhere. */
bool server_info_sample(const struct server_info *info, struct server_sample *out);

#endif
