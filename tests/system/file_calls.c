/*
 * Preloaded into soukd by tests: the nth call that changes a file fails, or the process dies before
 * it. SOUK_TEST_CALLS names a file of struct calls, which the test writes and reads while the
 * server runs: so a test goes through a rebuild, a drop or a start call by call.
 *
 * Counted are calls with a path below SOUK_TEST_CALLS_DIR and calls with a descriptor of a file.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct calls {
    _Atomic int64_t pid;   /* the process whose calls count; 0 = every one */
    _Atomic int64_t left;  /* calls until then; it goes on below 0 */
    int64_t error;         /* errno of that call; 0 = the process is killed */
    int64_t kinds;         /* bits of enum kind that count */
    _Atomic int64_t fired; /* 1 + the kind of the call it was */
};

/* libc's own. */
/* libc's own. */
#define REAL(name) (__extension__(__typeof__(&(name))) dlsym(RTLD_NEXT, #name))

enum kind { OPEN, RENAME, REMOVE, MKDIR, WRITE, SYNC, TRUNCATE };

static struct calls *state(void)
{
    static struct calls *_Atomic at;
    static struct calls none;
    struct calls *p = at;
    if (p)
        return p;
    const char *path = getenv("SOUK_TEST_CALLS");
    int fd = path ? REAL(open)(path, O_RDWR | O_CLOEXEC) : -1;
    void *m =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    p = m == MAP_FAILED ? &none : m;
    at = p;
    return p;
}

/* Whether this call fails; errno is set. Does not return when it is the end of the process. */
static bool fails(enum kind kind)
{
    struct calls *s = state();
    int64_t pid = s->pid;
    if (!(s->kinds >> kind & 1) || (pid && pid != getpid()))
        return false;
    if (atomic_fetch_sub(&s->left, 1) != 1)
        return false;
    s->fired = 1 + kind;
    if (!s->error)
        kill(getpid(), SIGKILL);
    errno = (int)s->error;
    return true;
}

static bool fails_path(enum kind kind, const char *path)
{
    const char *dir = getenv("SOUK_TEST_CALLS_DIR");
    return dir && strncmp(path, dir, strlen(dir)) == 0 && fails(kind);
}

static bool fails_file(enum kind kind, int fd)
{
    struct stat st;
    return fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fails(kind);
}

/* They take the place of libc's: the names of their parameters are our own. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name, bugprone-macro-parentheses) */
#define OPENS(name)                                                                                \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;                  \
        va_end(rest);                                                                              \
        return fails_path(OPEN, path) ? -1 : REAL(name)(path, flags, mode);                        \
    }
OPENS(open)
OPENS(open64)

#define CALL(kind, result, name, parameters, arguments, test, first)                               \
    result name parameters                                                                         \
    {                                                                                              \
        return test(kind, first) ? -1 : REAL(name) arguments;                                      \
    }
CALL(RENAME, int, rename, (const char *a, const char *b), (a, b), fails_path, a)
CALL(RENAME, int, renameat2, (int ad, const char *a, int bd, const char *b, unsigned how),
     (ad, a, bd, b, how), fails_path, a)
CALL(REMOVE, int, unlink, (const char *a), (a), fails_path, a)
CALL(REMOVE, int, remove, (const char *a), (a), fails_path, a)
CALL(MKDIR, int, mkdir, (const char *a, mode_t m), (a, m), fails_path, a)
CALL(WRITE, ssize_t, pwrite, (int fd, const void *p, size_t n, off_t o), (fd, p, n, o), fails_file,
     fd)
CALL(WRITE, ssize_t, pwrite64, (int fd, const void *p, size_t n, off64_t o), (fd, p, n, o),
     fails_file, fd)
CALL(WRITE, ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), fails_file, fd)
CALL(WRITE, ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), fails_file, fd)
CALL(SYNC, int, fdatasync, (int fd), (fd), fails_file, fd)
CALL(SYNC, int, fsync, (int fd), (fd), fails_file, fd)
CALL(TRUNCATE, int, ftruncate, (int fd, off_t n), (fd, n), fails_file, fd)
CALL(TRUNCATE, int, ftruncate64, (int fd, off64_t n), (fd, n), fails_file, fd)
/* NOLINTEND(readability-inconsistent-declaration-parameter-name, bugprone-macro-parentheses) */
