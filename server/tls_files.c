#include "server/tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "protocol/buf.h"
#include "protocol/wire.h"

enum { FILES = 3, FILE_MOST = 1 << 20, TAKE_MS = 5000, TRIES = 50, PAUSE_US = 2000, HASH_LEN = 8 };

static const enum config_option options[FILES] = {OPTION_TLS_CERTIFICATE, OPTION_TLS_KEY,
                                                  OPTION_TLS_CLIENT_CA};

/* --- the short-lived process --------------------------------------------------------------------
 */

static enum status read_file(const char *path, struct buf *out, struct fault *fault)
{
    /* not waiting for who would write into a pipe */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = 1;
    struct stat st;
    bool file = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode);
    while (file && n > 0 && out->len < FILE_MOST && buf_reserve(out, 4096)) {
        n = read(fd, out->ptr + out->len, 4096);
        out->len += n > 0 ? (size_t)n : 0;
    }
    const char *why = fd < 0 || n < 0 ? strerror(errno) : !file ? "it is no file" : NULL;
    if (fd >= 0)
        close(fd);
    return why ? fault_set(fault, STATUS_INVALID, NULL, "%.120s: %s", path, why) : STATUS_OK;
}

static struct tls_pems pems_of(struct wire_reader *r)
{
    struct tls_pem p[FILES];
    for (int i = 0; i < FILES; i++) {
        p[i].path = config_path(options[i]);
        p[i].text = wire_bytes(r);
    }
    return (struct tls_pems){p[0], p[1], p[2]};
}

/* A sentence in the fault is a warning when it returns OK. */
static enum status prove(const struct config *c, struct slice all, bool again, struct fault *fault)
{
    struct tls_context *made = NULL;
    struct wire_reader r = wire_reader_of(all);
    struct tls_pems p = pems_of(&r);
    p.certificate.path = config_text(c, OPTION_TLS_CERTIFICATE);
    p.key.path = config_text(c, OPTION_TLS_KEY);
    p.ca.path = config_text(c, OPTION_TLS_CLIENT_CA);
    enum status st = tls_server_create(&p, &made, fault);
    if (st)
        return st;
    time_t now = time(NULL);
    bool over = tls_not_after(made) <= now, early = tls_not_before(made) > now;
    if (over || early)
        fault_set(fault, STATUS_OK, NULL, "%.120s: the certificate %s", p.certificate.path,
                  over ? "has expired" : "is not valid yet");
    tls_context_destroy(&made);
    return again && (over || early) ? STATUS_INVALID : STATUS_OK;
}

static enum status take(const struct config *c, int fd, bool again, struct fault *fault)
{
    struct buf all = BUF_INIT;
    enum status st = STATUS_OK;
    static const char hash_room[HASH_LEN];
    buf_put(&all, hash_room, HASH_LEN);
    for (int i = 0; i < FILES && !st; i++) {
        struct buf one = BUF_INIT;
        const char *path = config_text(c, options[i]);
        if (*path)
            st = read_file(path, &one, fault);
        else if (i < 2)
            st = fault_set(fault, STATUS_INVALID, NULL, "%s must name a file",
                           config_path(options[i]));
        /* no bytes of tls.client_ca would mean that anybody is let in */
        if (!st && *path && !one.len)
            st = fault_set(fault, STATUS_INVALID, NULL, "%.120s: it is empty", path);
        wire_put_bytes(&all, buf_slice(&one));
    }
    if (st)
        return st;
    if (all.failed)
        return fault_set(fault, STATUS_NO_MEMORY, NULL, "out of memory");
    struct slice body = slice_make(all.ptr + HASH_LEN, all.len - HASH_LEN);
    if ((st = prove(c, body, again, fault)))
        return st;
    uint64_t hash = XXH3_64bits(body.ptr, body.len);
    memcpy(all.ptr, &hash, HASH_LEN);
    if (ftruncate(fd, (off_t)all.len) || pwrite(fd, all.ptr, all.len, 0) != (ssize_t)all.len)
        return fault_set(fault, STATUS_NO_MEMORY, NULL, "no memory for the certificate");
    return STATUS_OK;
}

enum status tls_files_take(const struct config *c, int fd, bool again, struct fault *fault)
{
    int ends[2];
    *fault = (struct fault){0};
    if (pipe2(ends, O_CLOEXEC))
        return fault_set(fault, STATUS_NO_MEMORY, NULL, "no descriptor is left");
    pid_t pid = fork();
    if (pid == 0) {
        struct fault told = {0};
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        told.status = take(c, fd, again, &told);
        _exit(write(ends[1], &told, sizeof told) != sizeof told);
    }
    close(ends[1]);
    struct pollfd p = {.fd = ends[0], .events = POLLIN};
    struct fault told;
    bool heard = pid > 0 && poll(&p, 1, TAKE_MS) > 0 &&
                 read(ends[0], &told, sizeof told) == (ssize_t)sizeof told;
    close(ends[0]);
    if (pid > 0 && !heard)
        kill(pid, SIGKILL);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    if (!heard)
        return fault_set(fault, STATUS_UNAVAILABLE, NULL, "the files could not be read in time");
    *fault = told;
    return told.status;
}

enum status tls_files_check(const struct config *c, struct fault *fault)
{
    if (!*config_text(c, OPTION_TLS_LISTEN))
        return STATUS_OK;
    int fd = memfd_create("soukd-tls", MFD_CLOEXEC);
    enum status st = tls_files_take(c, fd, true, fault);
    if (fd >= 0)
        close(fd);
    return st;
}

/* --- fronts -------------------------------------------------------------------------------------
 */

static enum status read_once(int fd, struct buf *out, uint64_t *hash)
{
    struct stat st;
    buf_clear(out);
    if (fstat(fd, &st) || st.st_size < HASH_LEN)
        return STATUS_UNAVAILABLE;
    if (!buf_reserve(out, (size_t)st.st_size))
        return STATUS_NO_MEMORY;
    ssize_t n = pread(fd, out->ptr, (size_t)st.st_size, 0);
    if (n != st.st_size)
        return STATUS_AGAIN;
    out->len = (size_t)n;
    memcpy(hash, out->ptr, HASH_LEN);
    return XXH3_64bits(out->ptr + HASH_LEN, out->len - HASH_LEN) == *hash ? STATUS_OK
                                                                          : STATUS_AGAIN;
}

enum status tls_files_context(int fd, uint64_t *seen, struct tls_context **out, struct fault *fault)
{
    struct buf all = BUF_INIT;
    uint64_t hash = 0;
    *out = NULL;
    enum status st = read_once(fd, &all, &hash);
    for (int i = 0; st == STATUS_AGAIN && i < TRIES; i++) { /* it is just being written */
        usleep(PAUSE_US);
        st = read_once(fd, &all, &hash);
    }
    if (st) {
        fault_set(fault, st, NULL, "%s", status_text(st));
    } else if (hash != *seen) {
        struct wire_reader r = wire_reader_of(slice_make(all.ptr + HASH_LEN, all.len - HASH_LEN));
        struct tls_pems p = pems_of(&r);
        st = tls_server_create(&p, out, fault);
        *seen = st ? *seen : hash;
    }
    if (all.cap)
        explicit_bzero(all.ptr, all.cap);
    buf_fini(&all);
    return st;
}
