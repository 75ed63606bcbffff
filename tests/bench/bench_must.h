/* bench_must - what a bench program does with a failure: it tells and ends. */
#ifndef SOUK_TESTS_BENCH_MUST_H
#define SOUK_TESTS_BENCH_MUST_H

#include "protocol/status.h"

#include <stdio.h>
#include <stdlib.h>

/* `f` may be NULL. */
static inline void must(enum status s, const char *what, const struct fault *f)
{
    if (s == STATUS_OK)
        return;
    fprintf(stderr, "%s: %s%s%s\n", what, status_name(s), f && f->text[0] ? ": " : "",
            f ? f->text : "");
    exit(1);
}

#endif
