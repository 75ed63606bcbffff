#include "server/role.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

void role_writer_path(const struct role *role, char *out, size_t cap)
{
    snprintf(out, cap, "%s/writer.sock", role->data_dir);
}

void log_line(const char *level, const char *part, const char *fmt, ...)
{
    char text[512], escaped[1100];
    struct timespec t;
    struct tm tm;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t n = 0;
    for (const char *p = text; *p && n < sizeof escaped - 8; p++) {
        if (*p == '"' || *p == '\\')
            escaped[n++] = '\\';
        escaped[n++] = (unsigned char)*p < 0x20 ? ' ' : *p;
    }
    escaped[n] = '\0';
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    fprintf(stderr,
            "{\"ts\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ\",\"level\":\"%s\",\"component\":\"%"
            "s\",\"pid\":%d,\"msg\":\"%s\"}\n",
            tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
            t.tv_nsec / 1000000, level, part, (int)getpid(), escaped);
}
