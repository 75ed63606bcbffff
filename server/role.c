#include "server/map_fault.h"
#include "server/role.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

bool role_writer_socket(const struct role_context *r, char *path, size_t cap)
{
    int n = snprintf(path, cap, "%s/writer.sock", r->data_dir);
    return n > 0 && (size_t)n < cap;
}

bool role_fetcher_socket(const struct role_context *r, char *path, size_t cap)
{
    int n = snprintf(path, cap, "%s/fetcher.sock", r->data_dir);
    return n > 0 && (size_t)n < cap;
}

bool role_replica_socket(const struct role_context *r, char *path, size_t cap)
{
    int n = snprintf(path, cap, "%s/replica.sock", r->data_dir);
    return n > 0 && (size_t)n < cap;
}

static enum status read_all(int fd, struct buf *out)
{
    for (off_t at = 0;;) {
        if (!buf_reserve(out, 4096))
            return STATUS_NO_MEMORY;
        ssize_t n = pread(fd, out->ptr + out->len, 4096, at);
        if (n < 0)
            return STATUS_IO;
        if (n == 0)
            return STATUS_OK;
        out->len += (size_t)n;
        at += n;
    }
}

static bool role_parse(const char *name, enum role *out)
{
    for (int i = 0; i < ROLE_COUNT; i++)
        if (!strcmp(name, role_name((enum role)i))) {
            *out = (enum role)i;
            return true;
        }
    return false;
}

static enum status config_read(struct config *c)
{
    struct buf text = BUF_INIT;
    enum status s = read_all(ROLE_FD_CONFIG, &text);
    if (!s)
        s = config_decode(c, buf_slice(&text));
    buf_fini(&text);
    return s;
}

void role_reload(struct role_context *r)
{
    struct config *next = calloc(1, sizeof *next);
    uint32_t ignored;
    if (next && !config_read(next))
        config_reload(r->config, next, &ignored);
    free(next);
}

/* As many descriptors as the system lets us have. */
static void raise_descriptors(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int role_run(const char *name, uint32_t number, uint32_t slot)
{
    struct role_context r = {.number = number};
    struct config *config = calloc(1, sizeof *config);
    if (!config || slot >= SHARED_PROCESSES || !role_parse(name, &r.role) ||
        shared_open(ROLE_FD_SHARED, &r.shared) || config_read(config)) {
        fprintf(stderr, "soukd: --role is for the supervisor's use\n");
        free(config);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    raise_descriptors();
    map_fault_watch(r.shared, role_name(r.role));
    r.self = &r.shared->processes[slot];
    r.config = config;
    r.data_dir = config_text(config, OPTION_DATA_DIR);
    uint32_t listeners = *config_text(config, OPTION_TLS_LISTEN) ? ROLE_LISTEN_TLS + 1 : 2;
    if (r.role == ROLE_FRONT || r.role == ROLE_ADMIN)
        for (; r.listen_count < (r.role == ROLE_FRONT ? listeners : 1u); r.listen_count++)
            r.listen[r.listen_count] = ROLE_FD_LISTEN + (int)r.listen_count;
    shared_beat(r.self);
    int code = r.role == ROLE_WRITER    ? writer_main(&r)
               : r.role == ROLE_FETCHER ? fetcher_main(&r)
               : r.role == ROLE_REPLICA ? replica_main(&r)
                                        : front_main(&r);
    free(config);
    return code;
}
