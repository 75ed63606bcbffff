#include "loadtest/server_info.h"
#include "loadtest/process_cost.h"

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

/* The process a row is about, 0 = it is not about one. */
static int pid_of(const struct server_row *row)
{
    size_t n = strlen(row->name);
    if (strncmp(row->name, "process.", 8) != 0 || n < 4 || strcmp(row->name + n - 4, ".pid") != 0)
        return 0;
    return (int)strtol(row->value, NULL, 10);
}

/* All processes of a server are children of its supervisor. */
static int supervisor_of(const struct server_info *info)
{
    int supervisor = 0;
    for (uint32_t i = 0; info->rows && i < info->row_count; i++) {
        int pid = pid_of(&info->rows[i]);
        if (pid <= 0)
            continue;
        if (!is_soukd(pid) || (supervisor && process_parent(pid) != supervisor))
            return 0;
        supervisor = process_parent(pid);
    }
    return supervisor;
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
    }
    out->supervisor = supervisor_of(out);
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
