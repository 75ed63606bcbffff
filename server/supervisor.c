#include "server/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/admin_http.h"
#include "protocol/key_file.h"
#include "server/data_dir.h"
#include "server/listen.h"
#include "server/loop.h"
#include "server/process_title.h"
#include "server/promoted.h"
#include "server/role.h"
#include "server/say.h"
#include "server/tls_files.h"
#include "server/urgency.h"

enum {
    BEAT_LIMIT_MS = 2000,
    WRITER_LIMIT_MS = 10000, /* a sync of a busy disk takes its seconds */
    WATCH_MS = 50,
    PAUSE_MS = 1000,
    BACKOFF_MS = 1000,
    QUICK_DEATHS = 3,
    HEAD_START_MS =
        60, /* fronts answer from the map alone: the others would only take their cores */
    ASIDE_MS = 400,
    CHILD_MAX = 68,
    FILES_BESIDE = 64
};

struct child {
    enum role role;
    uint32_t number;
    pid_t pid;
    int fds[3]; /* listening sockets, -1 = none */
    int64_t started_ms, again_ms;
    bool unborn; /* the system gives no process for it */
    bool parked; /* and its sockets take no connections, so that those of the others get them */
    bool aside;  /* it starts when nobody else wants the processor, for ASIDE_MS at most */
    uint32_t quick_deaths;
};

struct supervisor {
    struct config *config;
    const char *config_file;
    struct shared *shared;
    struct loop *loop; /* NULL: the children are not started yet */
    struct process_title title;
    struct admin_http *http; /* NULL: not wanted, or its address is taken */
    int shared_fd, config_fd, tls_fd, unix_fd, admin_fd, lock_fd; /* tls_fd: -1 = no TLS */
    struct child children[CHILD_MAX];
    uint32_t child_count;
    bool draining;
    int64_t kill_ms, watched_ms;
    pid_t pid;
    char why[320]; /* it does not start */
};

static void tell(const char *level, const char *msg, const char *what, long number)
{
    const char *form = isatty(2) ? "soukd: %s: %s %s %ld\n"
                                 : "{\"level\":\"%s\",\"component\":\"supervisor\",\"msg\":\"%s\","
                                   "\"what\":\"%s\",\"number\":%ld}\n";
    char line[1024], quoted[640];
    say_quoted(quoted, sizeof quoted, what);
    int n = snprintf(line, sizeof line, form, level, msg, isatty(2) ? what : quoted, number);
    if (n > 0 && write(2, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0)
        return;
}

static bool write_config(struct supervisor *s)
{
    struct buf text = BUF_INIT;
    config_encode(s->config, &text);
    bool ok = !text.failed && !ftruncate(s->config_fd, 0) &&
              pwrite(s->config_fd, text.ptr, text.len, 0) == (ssize_t)text.len;
    buf_fini(&text);
    return ok;
}

/* --- children -----------------------------------------------------------------------------------
 */

/* Behind fork: descriptors to their places. They are lifted first, so that none is overwritten
 * before it was moved. */
static void child_settle(const struct supervisor *s, const struct child *c)
{
    const int from[] = {s->shared_fd,
                        s->config_fd,
                        c->fds[0],
                        c->fds[1],
                        c->fds[2],
                        -1,
                        c->role == ROLE_FRONT ? s->tls_fd : -1};
    enum { PLACES = sizeof from / sizeof *from };
    _Static_assert(ROLE_FD_SHARED + (int)PLACES == (int)ROLE_FD_END, "every place is filled");
    int lifted[PLACES];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Nobody is left over when the supervisor is killed: two writers would share the directory. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != s->pid)
        _exit(127);
    for (int i = 0; i < PLACES; i++)
        lifted[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD_CLOEXEC, ROLE_FD_END);
    for (int i = 0; i < PLACES; i++)
        if (lifted[i] >= 0)
            dup2(lifted[i], ROLE_FD_SHARED + i);
        else
            close(ROLE_FD_SHARED + i); /* whatever of the supervisor's has this number */
}

/* The first of their slots go on in the image that is loaded already: executing and linking it
 * again for each takes longer than all else of a start. */
static void child_run(const struct supervisor *s, const struct child *c, uint32_t slot)
{
    char title[64];
    child_settle(s, c);
    close_range(ROLE_FD_END, ~0U, 0);
    snprintf(title, sizeof title, "soukd --role %s --number %u --slot %u", role_name(c->role),
             c->number, slot);
    process_title_set(&s->title, title);
    if (c->role != ROLE_FRONT)
        nanosleep(&(struct timespec){.tv_nsec = HEAD_START_MS * 1000000L}, NULL);
    exit(role_run(role_name(c->role), c->number, slot));
}

/* Later ones start clean of what the supervisor has opened since. That takes as long as many
 * searches; a fetcher, which none of them waits for, steps aside until it has started. */
static void child_exec(const struct supervisor *s, const struct child *c, uint32_t slot)
{
    char number[16], place[16];
    child_settle(s, c);
    snprintf(number, sizeof number, "%u", c->number);
    snprintf(place, sizeof place, "%u", slot);
    if (c->role == ROLE_FETCHER) {
        urgency_patient(URGENCY_NICE);
        urgency_idle(URGENCY_NICE);
    }
    execl("/proc/self/exe", "soukd", "--role", role_name(c->role), "--number", number, "--slot",
          place, (char *)NULL);
    _exit(127);
}

static bool another_front(const struct supervisor *s, const struct child *c)
{
    bool found = false;
    for (uint32_t i = 0; i < s->child_count; i++)
        found |= &s->children[i] != c && s->children[i].role == ROLE_FRONT && s->children[i].pid;
    return found && c->role == ROLE_FRONT;
}

/* Its own sockets; the one in the data directory is that of all fronts. True when one is parked. */
static bool any_parked(const struct child *c)
{
    bool plain = listen_park(c->fds[0]);
    return (c->fds[ROLE_LISTEN_TLS] >= 0 && listen_park(c->fds[ROLE_LISTEN_TLS])) || plain;
}

static bool all_listen(const struct child *c)
{
    bool plain = listen_again(c->fds[0]);
    return (c->fds[ROLE_LISTEN_TLS] < 0 || listen_again(c->fds[ROLE_LISTEN_TLS])) && plain;
}

/* The system gives no process: a limit of processes or of memory. What comes for a front that
 * cannot be started would wait in its sockets for as long as that lasts: with the second try in
 * vain they listen no more, and connections go to the sockets of the other fronts. */
static void child_unborn(struct supervisor *s, struct child *c, int why)
{
    if (!c->unborn)
        tell("error", "no process can be started, it is tried again every second:", strerror(why),
             why);
    else if (!c->parked && another_front(s, c))
        c->parked = any_parked(c);
    c->unborn = true;
    c->again_ms = clock_mono_ms() + BACKOFF_MS;
}

static void child_born(struct child *c)
{
    if (c->unborn)
        tell("info", "processes can be started again:", role_name(c->role), (long)c->number);
    c->unborn = false;
}

static void child_start(struct supervisor *s, uint32_t slot)
{
    struct child *c = &s->children[slot];
    struct shared_process *p = &s->shared->processes[slot];
    atomic_store(&p->role, c->role);
    atomic_store(&p->connections, 0);
    atomic_store(&p->draining, 0);
    shared_beat(p);
    if (c->parked)
        c->parked = !all_listen(c);
    pid_t pid = fork();
    int why = errno;
    if (pid == 0 && !s->loop)
        child_run(s, c, slot);
    if (pid == 0)
        child_exec(s, c, slot);
    c->started_ms = clock_mono_ms();
    c->aside = s->loop && c->role == ROLE_FETCHER;
    c->again_ms = 0;
    c->pid = pid < 0 ? 0 : pid;
    atomic_store(&p->pid, (uint32_t)c->pid);
    if (pid < 0) {
        child_unborn(s, c, why);
        return;
    }
    child_born(c);
    atomic_fetch_add(&p->starts, 1);
}

static bool all_gone(const struct supervisor *s)
{
    for (uint32_t i = 0; i < s->child_count; i++)
        if (s->children[i].pid)
            return false;
    return true;
}

static void child_ended(struct supervisor *s, uint32_t slot, int status)
{
    struct child *c = &s->children[slot];
    int64_t now = clock_mono_ms();
    c->pid = 0;
    atomic_store(&s->shared->processes[slot].pid, 0);
    atomic_store(&s->shared->processes[slot].connections, 0);
    atomic_fetch_add(&s->shared->readers_to_free, 1);
    if (c->role == ROLE_WRITER)
        atomic_store(&s->shared->writer_ready, 0);
    if (s->draining)
        return;
    tell("warning",
         WIFSIGNALED(status) ? "a process was killed:" : "a process ended:", role_name(c->role),
         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    c->quick_deaths = now - c->started_ms < 1000 ? c->quick_deaths + 1 : 0;
    if (c->quick_deaths >= QUICK_DEATHS)
        c->again_ms = now + BACKOFF_MS;
    else
        child_start(s, slot);
}

static void on_child(void *ctx)
{
    struct supervisor *s = ctx;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (uint32_t i = 0; i < s->child_count; i++)
            if (s->children[i].pid == pid)
                child_ended(s, i, status);
    if (s->draining && all_gone(s))
        loop_stop(s->loop);
}

static void signal_all(struct supervisor *s, int signo, bool writer)
{
    for (uint32_t i = 0; i < s->child_count; i++)
        if (s->children[i].pid && (s->children[i].role == ROLE_WRITER) == writer)
            kill(s->children[i].pid, signo);
}

static bool fronts_gone(const struct supervisor *s)
{
    for (uint32_t i = 0; i < s->child_count; i++)
        if (s->children[i].pid && s->children[i].role != ROLE_WRITER)
            return false;
    return true;
}

/* A stopped machine stops us all: who did not beat while we did not look is not to blame. */
static void look_at_time(struct supervisor *s, int64_t now)
{
    if (s->watched_ms && now - s->watched_ms > PAUSE_MS) {
        tell("warning", "we were stopped for", "ms", (long)(now - s->watched_ms));
        for (uint32_t i = 0; i < s->child_count; i++)
            shared_beat(&s->shared->processes[i]);
    }
    s->watched_ms = now;
    int64_t step = shared_clock_look(s->shared);
    if (step)
        tell("warning", "the machine's clock jumped, ours goes on by monotonic time:", "ms",
             (long)step);
}

static void on_watch(void *ctx)
{
    struct supervisor *s = ctx;
    int64_t now = clock_mono_ms();
    on_child(s);
    if (s->draining) {
        if (fronts_gone(s)) /* the writer last: it answers what the fronts still wait for */
            signal_all(s, SIGTERM, true);
        if (now > s->kill_ms) {
            signal_all(s, SIGKILL, false);
            signal_all(s, SIGKILL, true);
        }
        return;
    }
    look_at_time(s, now);
    for (uint32_t i = 0; i < s->child_count; i++) {
        struct child *c = &s->children[i];
        int64_t beat = (int64_t)atomic_load(&s->shared->processes[i].beat);
        if (c->pid && c->aside && now - c->started_ms >= ASIDE_MS) {
            urgency_lift(c->pid, true);
            c->aside = false;
        }
        if (!c->pid && c->again_ms && now >= c->again_ms)
            child_start(s, i);
        else if (c->pid &&
                 now - beat > (c->role == ROLE_WRITER ? WRITER_LIMIT_MS : BEAT_LIMIT_MS)) {
            tell("error", "no sign of life, killing", role_name(c->role), c->pid);
            kill(c->pid, SIGKILL);
            shared_beat(&s->shared->processes[i]);
        }
    }
}

static void on_term(void *ctx)
{
    struct supervisor *s = ctx;
    if (s->draining) {
        s->kill_ms = 0;
        return;
    }
    s->draining = true;
    atomic_store(&s->shared->draining, 1);
    s->kill_ms = clock_mono_ms() + (int64_t)config_number(s->config, OPTION_DRAIN) + 2000;
    signal_all(s, SIGTERM, false);
    if (all_gone(s))
        loop_stop(s->loop);
}

/* The options that a reload leaves though `next` has them otherwise, by name. */
static void name_left(const struct config *now, const struct config *next, struct buf *out)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        if (now->values[i].origin != ORIGIN_FLAG &&
            strcmp(now->values[i].text, next->values[i].text) != 0)
            buf_printf(out, "%s%s", out->len ? ", " : "", config_path((enum config_option)i));
    buf_put_u8(out, '\0');
}

/* With the rights the fronts will have. NULL: it can be taken, or none is wanted. */
static const char *wrong_keys(const struct config *c, struct fault *fault)
{
    const char *path = config_text(c, OPTION_KEYS_FILE);
    struct key_file keys;
    if (!*path || !key_file_read(path, &keys, fault)) {
        if (*path)
            key_file_fini(&keys);
        return NULL;
    }
    return fault->text;
}

static void on_hup(void *ctx)
{
    struct supervisor *s = ctx;
    struct config *next = calloc(1, sizeof *next);
    struct fault fault = {0};
    struct buf left = BUF_INIT;
    uint32_t ignored;
    if (!next)
        return;
    config_init(next);
    if ((s->config_file && config_load_file(next, s->config_file, &fault)) ||
        config_load_env(next, environ, &fault)) {
        tell("error", "the configuration is kept, the new one is wrong:", fault.text, fault.line);
    } else if (wrong_keys(next, &fault)) {
        tell("error", "the configuration is kept, keys.file is wrong:", fault.text, fault.line);
    } else {
        config_reload(s->config, next, &ignored);
        write_config(s);
        if (s->tls_fd >= 0 && tls_files_take(s->config, s->tls_fd, true, &fault))
            tell("error", "the certificate is kept, the new one is wrong:", fault.text, 0);
        else if (s->tls_fd >= 0)
            tell("info", "certificate loaded:", config_text(s->config, OPTION_TLS_CERTIFICATE), 0);
        signal_all(s, SIGHUP, false);
        signal_all(s, SIGHUP, true);
        name_left(s->config, next, &left);
        tell("info",
             "configuration loaded; options that need a restart:", left.failed ? "" : left.ptr,
             ignored);
        buf_fini(&left);
    }
    free(next);
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void add_child(struct supervisor *s, enum role role, uint32_t number, int fd0, int fd1,
                      int fd2)
{
    s->children[s->child_count++] =
        (struct child){.role = role, .number = number, .fds = {fd0, fd1, fd2}};
}

/* Beside the connections each front has files of catalogs, the writer five of each catalog. */
static void look_at_limits(const struct supervisor *s)
{
    struct rlimit files;
    uint64_t want = config_number(s->config, OPTION_CONNECTIONS) + FILES_BESIDE;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max < want)
        tell("warning", "fewer connections and catalogs than configured fit into the limit of",
             "open files", (long)files.rlim_max);
}

static const char *because(struct supervisor *s, const char *what, const char *which)
{
    snprintf(s->why, sizeof s->why, "%s: %.200s: %s", what, which,
             errno ? strerror(errno) : "not HOST:PORT");
    return s->why;
}

/* Alone first: another server of the same user could share the address and take our callers. */
static bool listens_alone(const char *where)
{
    int fd = listen_tcp(where, false);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* NULL, or why there can be no TLS. */
static const char *tls_begin(struct supervisor *s)
{
    struct fault fault = {0};
    s->tls_fd = memfd_create("soukd-tls", MFD_CLOEXEC);
    if (s->tls_fd < 0)
        return "no memory for the certificate";
    if (tls_files_take(s->config, s->tls_fd, false, &fault)) {
        snprintf(s->why, sizeof s->why, "no TLS: %s", fault.text);
        return s->why;
    }
    if (*fault.text)
        tell("warning", "TLS:", fault.text, 0);
    return NULL;
}

static const char *prepare(struct supervisor *s)
{
    const char *wrong;
    errno = 0;
    const char *dir = config_text(s->config, OPTION_DATA_DIR);
    if (!data_dir_make(dir))
        return because(s, "the data directory cannot be made", dir);
    if (!data_dir_become_user(dir, config_text(s->config, OPTION_USER)))
        return because(s, "the user cannot be taken on", config_text(s->config, OPTION_USER));
    struct fault fault = {0};
    if (wrong_keys(s->config, &fault)) {
        snprintf(s->why, sizeof s->why, "keys.file %.100s: %s",
                 config_text(s->config, OPTION_KEYS_FILE), fault.text);
        return s->why;
    }
    if (!data_dir_make_catalogs(dir))
        return because(s, "the catalogs of the data directory cannot be written", dir);
    if ((s->lock_fd = data_dir_lock(dir)) < 0)
        return because(s,
                       errno == EAGAIN ? "another soukd uses the data directory"
                                       : "the data directory cannot be written",
                       dir);
    look_at_limits(s);
    if (shared_create(&s->shared, &s->shared_fd))
        return "no shared memory";
    const char *leader = config_text(s->config, OPTION_FOLLOW);
    snprintf(s->shared->follow.leader, sizeof s->shared->follow.leader, "%.*s", SHARED_LEADER,
             leader);
    atomic_store(&s->shared->follow.following, promoted_follows(dir, leader));
    if (shared_follows(s->shared))
        atomic_store(&s->shared->follow.state, FOLLOW_CONNECTING);
    s->config_fd = memfd_create("soukd-config", MFD_CLOEXEC);
    if (s->config_fd < 0 || !write_config(s))
        return "no memory for the configuration";
    if ((s->unix_fd = listen_unix(dir, "souk.sock", 0666)) < 0 ||
        (s->admin_fd = listen_unix(dir, "admin.sock", 0600)) < 0)
        return "the unix sockets cannot be made (is the path too long?)";
    const char *plain = config_text(s->config, OPTION_LISTEN);
    const char *tls = config_text(s->config, OPTION_TLS_LISTEN);
    if (!listens_alone(plain) || (*tls && !strcmp(plain, tls)))
        return because(s, "the address cannot be listened on", plain);
    if (*tls && !listens_alone(tls))
        return because(s, "the address cannot be listened on", tls);
    if (*tls && (wrong = tls_begin(s)))
        return wrong;
    uint32_t fronts = (uint32_t)config_number(s->config, OPTION_FRONTS);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (!fronts)
        fronts = cores < 1 ? 1 : cores > 64 ? 64 : (uint32_t)cores;
    for (uint32_t i = 0; i < fronts; i++) {
        int fd = listen_tcp(plain, true), tls_fd = *tls ? listen_tcp(tls, true) : -1;
        if (fd < 0 || (*tls && tls_fd < 0))
            return because(s, "the address cannot be listened on", fd < 0 ? plain : tls);
        add_child(s, ROLE_FRONT, i, fd, s->unix_fd, tls_fd);
    }
    add_child(s, ROLE_ADMIN, 0, s->admin_fd, -1, -1);
    add_child(s, ROLE_WRITER, 0, -1, -1, -1);
    atomic_store(&s->shared->fetcher, s->child_count);
    add_child(s, ROLE_FETCHER, 0, -1, -1, -1);
    add_child(s, ROLE_REPLICA, 0, -1, -1, -1);
    s->shared->process_count = s->child_count;
    return NULL;
}

/* Searches go on without the pages: an address that is taken is told, not fatal. */
static void start_http(struct supervisor *s)
{
    const char *where = config_text(s->config, OPTION_HTTP);
    if (!*where)
        return;
    int fd = listen_tcp(where, false);
    if (fd < 0 || admin_http_create(s->loop, fd, s->shared, &s->http))
        tell("error", "no pages for operators, the address cannot be listened on:", where, 0);
}

int supervisor_run(struct config *config, const char *config_file, char **argv)
{
    struct supervisor *s = calloc(1, sizeof *s);
    if (!s)
        return 1;
    s->config = config;
    s->tls_fd = -1;
    s->pid = getpid();
    s->config_file = config_file;
    s->title = process_title_find(argv);
    signal(SIGPIPE, SIG_IGN);
    const char *wrong = prepare(s);
    for (uint32_t i = 0; !wrong && i < s->child_count; i++) /* they die with us, whatever follows */
        child_start(s, i);
    if (!wrong && loop_create(&s->loop))
        wrong = "no event loop";
    struct loop_timer *watch =
        wrong ? NULL : loop_timer_create(s->loop, WATCH_MS, WATCH_MS, on_watch, s);
    if (wrong || !watch) {
        fprintf(stderr, "soukd: %s\n", wrong ? wrong : "out of memory");
        free(s);
        return 1;
    }
    loop_signal(s->loop, SIGCHLD, on_child, s);
    loop_signal(s->loop, SIGTERM, on_term, s);
    loop_signal(s->loop, SIGINT, on_term, s);
    loop_signal(s->loop, SIGHUP, on_hup, s);
    start_http(s);
    tell("info", "serving on", config_text(config, OPTION_LISTEN), (long)getpid());
    loop_run(s->loop);
    admin_http_destroy(&s->http);
    loop_timer_destroy(&watch);
    loop_destroy(&s->loop);
    free(s);
    return 0;
}
