#include "server/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/traceparent.h"

enum { TEXT_MAX = 512, QUOTED_MAX = 1024, LINE_MAX_BYTES = 1280 };

void say_quoted(char *out, size_t size, const char *text)
{
    size_t n = 0;
    for (; *text; text++) {
        char room[8];
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            snprintf(room, sizeof room, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            snprintf(room, sizeof room, "\\u%04x", c);
        else
            snprintf(room, sizeof room, "%c", c);
        size_t len = strlen(room);
        if (n + len >= size)
            break;
        memcpy(out + n, room, len);
        n += len;
    }
    out[n] = '\0';
}

static void say_line(const char *level, const char *component, const char *catalog,
                     const char *trace, const char *fmt, va_list args)
{
    char text[TEXT_MAX], quoted[QUOTED_MAX], line[LINE_MAX_BYTES];
    vsnprintf(text, sizeof text, fmt, args);
    say_quoted(quoted, sizeof quoted, text);
    const char *name = catalog ? catalog : "";
    int n = isatty(2) ? snprintf(line, sizeof line, "%s: %s%s%s%s\n", component,
                                 catalog ? "catalog " : "", name, catalog ? ": " : "", quoted)
                      : snprintf(line, sizeof line,
                                 "{\"level\":\"%s\",\"component\":\"%s\"%s%s%s%s,\"msg\":\"%s\"}\n",
                                 level, component, catalog ? ",\"catalog\":\"" : "", name,
                                 catalog ? "\"" : "", trace, quoted);
    if (n > 0 && write(2, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0)
        return; /* nobody listens */
}

void say(const char *level, const char *component, const char *catalog, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say_line(level, component, catalog, "", fmt, args);
    va_end(args);
}

void say_traced(const char *level, const char *component, const char *catalog,
                const struct trace_context *trace, const char *fmt, ...)
{
    char trace_id[2 * TRACE_ID_LEN + 1], span_id[2 * TRACE_SPAN_LEN + 1], ids[128];
    va_list args;
    trace_hex(trace->trace_id, TRACE_ID_LEN, trace_id);
    trace_hex(trace->span_id, TRACE_SPAN_LEN, span_id);
    snprintf(ids, sizeof ids, ",\"trace_id\":\"%s\",\"span_id\":\"%s\"", trace_id, span_id);
    va_start(args, fmt);
    say_line(level, component, catalog, ids, fmt, args);
    va_end(args);
}
