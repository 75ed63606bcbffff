/*
 * lines - text files for the tester, whole in memory: plain, .gz or .zst, split into lines.
 *
 * A query log is one query a line, or tab-separated:
 *   - first line a header with a column "query": that column, and "weight" or "count" if there is
 *     one;
 *   - second column a number on every line: query TAB weight;
 *   - else: id TAB query [TAB weight].
 * Empty lines and lines that begin with # are skipped.
 */
#ifndef SOUK_LOADTEST_LINES_H
#define SOUK_LOADTEST_LINES_H

#include "protocol/arena.h"
#include "protocol/status.h"

struct query_log {
    struct slice *texts;
    double *weights;
    uint32_t count;
    bool weighted; /* weights differ */
};

/* The whole file, unpacked, in the arena; a NUL stands behind it. */
enum status lines_read(const char *path, struct arena *a, struct slice *out, struct fault *fault);
/* The next line of `text` without its end, text moves on; false at the end. */
bool lines_next(struct slice *text, struct slice *line);
enum status query_log_parse(struct slice text, struct arena *a, struct query_log *out,
                            struct fault *fault);
enum status query_log_read(const char *path, struct arena *a, struct query_log *out,
                           struct fault *fault);

#endif
