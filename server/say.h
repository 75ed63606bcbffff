/*
 * say - a line of soukd's own log, on standard error.
 *
 * On a terminal it is plain text, else one JSON object a line: level, component, catalog (where
 * there is one), trace_id and span_id (likewise), msg. A line is one write(2), so those of several
 * processes do not mix; what is longer than a line may be is cut. Quotes and control characters are
 * escaped, whoever sent them.
 */
#ifndef SOUK_SERVER_SAY_H
#define SOUK_SERVER_SAY_H

#include <stddef.h>

struct trace_context;

/* `level`: "info", "warning" or "error". `catalog`: its name, or NULL. */
void say(const char *level, const char *component, const char *catalog, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same with the ids of a trace: trace_id, span_id. */
void say_traced(const char *level, const char *component, const char *catalog,
                const struct trace_context *trace, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The text as it stands between the quotes of JSON; cut, but never inside an escape. */
void say_quoted(char *out, size_t size, const char *text);

#endif
