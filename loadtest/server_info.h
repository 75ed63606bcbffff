/*
 * server_info - what the server says of itself (STATS).
 */
#ifndef SOUK_LOADTEST_SERVER_INFO_H
#define SOUK_LOADTEST_SERVER_INFO_H

#include "protocol/souk.h"

struct server_row {
    char name[96], value[96];
};

struct server_info {
    struct server_row *rows;
    uint32_t row_count;
    int supervisor; /* its pid; 0 = not a process of this machine */
};

enum status server_info_read(struct souk *s, struct server_info *out, struct fault *fault);
void server_info_fini(struct server_info *info);
/* Figure of a row; `otherwise` when it is missing. */
double server_info_number(const struct server_info *info, const char *name, double otherwise);

#endif
