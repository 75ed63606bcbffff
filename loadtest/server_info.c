#include "loadtest/server_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void copy_text(char *out, size_t cap, struct slice s)
{
    size_t n = s.len < cap - 1 ? s.len : cap - 1;
    if (n)
        memcpy(out, s.ptr, n);
    out[n] = '\0';
}

/* A pid of another machine may live here too, under another name. */
static bool is_soukd(int pid)
{
    char path[64], target[512];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    const char *name = strrchr(target, '/');
    return name && strncmp(name + 1, "soukd", 5) == 0;
}

static void take_pid(struct server_info *info, const struct server_row *row)
{
    size_t n = strlen(row->name);
    if (strncmp(row->name, "process.", 8) != 0 || n < 4 || strcmp(row->name + n - 4, ".pid") != 0)
        return;
    int pid = (int)strtol(row->value, NULL, 10);
    if (pid > 0 && info->pid_count < SERVER_PROCESSES)
        info->pids[info->pid_count++] = pid;
}

enum status server_info_read(struct souk *s, struct server_info *out, struct fault *fault)
{
    struct souk_reply reply;
    struct stats_row *rows;
    uint32_t count;
    *out = (struct server_info){0};
    souk_reply_init(&reply);
    enum status st = souk_stats(s, &reply, &rows, &count);
    if (st && fault)
        *fault = reply.fault;
    if (!st && !(out->rows = calloc(count + 1, sizeof *out->rows)))
        st = STATUS_NO_MEMORY;
    for (uint32_t i = 0; !st && i < count; i++) {
        struct server_row *row = &out->rows[out->row_count++];
        copy_text(row->name, sizeof row->name, rows[i].name);
        copy_text(row->value, sizeof row->value, rows[i].value);
        take_pid(out, row);
    }
    out->local = out->pid_count > 0;
    for (uint32_t i = 0; i < out->pid_count; i++)
        out->local &= is_soukd(out->pids[i]);
    souk_reply_fini(&reply);
    return st;
}

void server_info_fini(struct server_info *info)
{
    free(info->rows);
    *info = (struct server_info){0};
}

double server_info_number(const struct server_info *info, const char *name, double otherwise)
{
    for (uint32_t i = 0; i < info->row_count; i++)
        if (strcmp(info->rows[i].name, name) == 0)
            return strtod(info->rows[i].value, NULL);
    return otherwise;
}

bool server_info_sample(const struct server_info *info, struct server_sample *out)
{
    double tick = (double)sysconf(_SC_CLK_TCK), page = (double)sysconf(_SC_PAGESIZE);
    *out = (struct server_sample){0};
    for (uint32_t i = 0; info->local && i < info->pid_count; i++) {
        char path[64], line[1024];
        unsigned long long user, kernel;
        long resident;
        snprintf(path, sizeof path, "/proc/%d/stat", info->pids[i]);
        FILE *f = fopen(path, "r");
        if (!f)
            continue;
        size_t n = fread(line, 1, sizeof line - 1, f);
        fclose(f);
        line[n] = '\0';
        const char *at = strrchr(line, ')');
        /* behind the name: state and ten numbers, then the two times; memory in pages at 24 */
        if (at && sscanf(at + 1,
                         " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d "
                         "%*d %*d %*u %*u %ld",
                         &user, &kernel, &resident) == 3) {
            out->cpu_s += (double)(user + kernel) / tick;
            out->rss_mb += (double)resident * page / 1e6;
        }
    }
    return info->local && info->pid_count > 0;
}
