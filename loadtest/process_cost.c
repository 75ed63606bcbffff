#include "loadtest/process_cost.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct stat_line {
    int parent;
    unsigned long long user, kernel;
    long long waited_user, waited_kernel; /* of children */
    long resident;                        /* pages */
};

static bool read_stat(int pid, struct stat_line *s)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    size_t n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[n] = '\0';
    /* the name before may hold anything */
    const char *at = strrchr(line, ')');
    return at && sscanf(at + 1,
                        " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld %*d %*d "
                        "%*d %*d %*u %*u %ld",
                        &s->parent, &s->user, &s->kernel, &s->waited_user, &s->waited_kernel,
                        &s->resident) == 6;
}

static void add(const struct stat_line *s, struct process_cost *out)
{
    double tick = (double)sysconf(_SC_CLK_TCK), page = (double)sysconf(_SC_PAGESIZE);
    out->cpu_s += (double)(s->user + s->kernel) / tick;
    out->rss_mb += (double)s->resident * page / 1e6;
}

bool process_cost(int pid, struct process_cost *out)
{
    char path[64];
    struct stat_line own, child;
    int each;
    *out = (struct process_cost){0};
    if (!read_stat(pid, &own))
        return false;
    add(&own, out);
    out->cpu_s += (double)(own.waited_user + own.waited_kernel) / (double)sysconf(_SC_CLK_TCK);
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *f = fopen(path, "r");
    while (f && fscanf(f, "%d", &each) == 1)
        if (read_stat(each, &child))
            add(&child, out);
    if (f)
        fclose(f);
    return true;
}

int process_parent(int pid)
{
    struct stat_line s;
    return read_stat(pid, &s) ? s.parent : 0;
}
