/*
 * crowd - whether more threads want to run on this machine than it has processors.
 *
 * What the kernel counts (the fourth figure of /proc/loadavg): whoever runs or could, whatever its
 * policy and whosever it is, the caller included. A look of a moment, so it is for decisions that
 * are taken again soon: it is kept for CROWD_US. One thread.
 */
#ifndef SOUK_SERVER_CROWD_H
#define SOUK_SERVER_CROWD_H

#include <stdbool.h>
#include <stdint.h>

enum { CROWD_US = 1000 };

struct crowd {
    int fd;
    uint32_t processors;
    int64_t looked_us; /* 0 = not yet */
    bool over;
};

void crowd_init(struct crowd *c);
void crowd_fini(struct crowd *c);
/* True when more want to run than can, or it cannot be told. */
bool crowd_over(struct crowd *c, int64_t now_us);
/* The same of the text of that file. */
bool crowd_read(const char *text, uint32_t processors);

#endif
