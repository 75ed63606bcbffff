#include "server/map_fault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* Of the process, for a signal handler is given nothing else. */
static struct shared *shared_pages_of_process;
static const char *process_name;

/* --- what may be done in a signal handler: no malloc, no stdio -------------------------------- */

struct text {
    char at[1024];
    size_t len;
};

static void add(struct text *t, const char *s, size_t len)
{
    size_t room = sizeof t->at - t->len;
    memcpy(t->at + t->len, s, len < room ? len : room);
    t->len += len < room ? len : room;
}

static void add_word(struct text *t, const char *s)
{
    add(t, s, strlen(s));
}

static void add_number(struct text *t, uint64_t v)
{
    char digits[20];
    size_t n = 0;
    do
        digits[n++] = (char)('0' + v % 10);
    while ((v /= 10));
    while (n)
        add(t, &digits[--n], 1);
}

static uint64_t number_at(const char **at, const char *end, unsigned base)
{
    uint64_t v = 0;
    for (; *at < end; ++*at) {
        char c = **at;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                                                : 16;
        if (digit >= base)
            break;
        v = v * base + digit;
    }
    return v;
}

/* --- which file ------------------------------------------------------------------------------- */

struct place {
    char path[512];
    size_t path_len;
    uint64_t at; /* byte of the file */
};

/* "7f00-7f10 r--s 00000000 08:01 42    /path" of /proc/self/maps: does it hold the address? */
static bool line_holds(const char *line, const char *end, uint64_t address, struct place *p)
{
    const char *at = line;
    uint64_t from = number_at(&at, end, 16);
    at += at < end;
    uint64_t to = number_at(&at, end, 16);
    if (address < from || address >= to)
        return false;
    at = at + strlen(" r--s ") < end ? at + strlen(" r--s ") : end;
    p->at = number_at(&at, end, 16) + (address - from);
    const char *path = memchr(at, '/', (size_t)(end - at));
    p->path_len = path ? (size_t)(end - path) : 0;
    if (p->path_len > sizeof p->path)
        p->path_len = 0;
    memcpy(p->path, path ? path : "", p->path_len);
    return p->path_len > 0;
}

static bool place_find(uint64_t address, struct place *p)
{
    char room[4096];
    size_t len = 0;
    bool found = false;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    for (ssize_t n; fd >= 0 && !found && (n = read(fd, room + len, sizeof room - len)) > 0;) {
        len += (size_t)n;
        char *line = room, *end;
        while (!found && (end = memchr(line, '\n', len - (size_t)(line - room)))) {
            found = line_holds(line, end, address, p);
            line = end + 1;
        }
        len -= (size_t)(line - room);
        memmove(room, line, len);
        if (len == sizeof room)
            len = 0; /* a path longer than the room is none of ours */
    }
    if (fd >= 0)
        close(fd);
    return found;
}

/* What would have to be escaped in JSON is not told. */
static void add_path(struct text *t, const struct place *p)
{
    for (size_t i = 0; i < p->path_len; i++) {
        char c = p->path[i];
        add(t, c == '"' || c == '\\' || (unsigned char)c < ' ' ? "?" : &c, 1);
    }
}

/* --- which edition ---------------------------------------------------------------------------- */

/* ".../catalogs/NAME/e-000001/data.mdb" */
static bool edition_of(const struct place *p, struct slice *name, uint64_t *edition)
{
    static const char folder[] = "/catalogs/", mark[] = "/e-";
    const char *end = p->path + p->path_len;
    const char *at = memmem(p->path, p->path_len, folder, sizeof folder - 1);
    for (const char *next = at; next;
         next = memmem(at + 1, (size_t)(end - at - 1), folder, sizeof folder - 1))
        at = next; /* the last: the data directory may be called so, too */
    if (!at)
        return false;
    at += sizeof folder - 1;
    const char *slash = memmem(at, (size_t)(end - at), mark, sizeof mark - 1);
    if (!slash || slash - at > SHARED_NAME)
        return false;
    *name = slice_make(at, (size_t)(slash - at));
    at = slash + sizeof mark - 1;
    *edition = number_at(&at, end, 10);
    return *edition > 0;
}

static bool is_of(const struct shared_map_fault *f, struct slice name, uint64_t edition)
{
    return atomic_load_explicit(&f->state, memory_order_acquire) == 2 && f->edition == edition &&
           f->name_len == name.len && !memcmp(f->name, name.ptr, name.len);
}

static void count(struct shared *s, struct slice name, uint64_t edition)
{
    for (int i = 0; i < SHARED_MAP_FAULTS; i++) {
        struct shared_map_fault *f = &s->map_faults[i];
        uint32_t unused = 0;
        if (is_of(f, name, edition)) {
            atomic_fetch_add(&f->count, 1);
            return;
        }
        if (!atomic_compare_exchange_strong(&f->state, &unused, 1))
            continue;
        memcpy(f->name, name.ptr, name.len);
        f->name_len = (uint32_t)name.len;
        f->edition = edition;
        atomic_store(&f->count, 1);
        atomic_store_explicit(&f->state, 2, memory_order_release);
        return;
    }
}

enum status map_fault_lost(const struct shared *s, struct slice catalog, uint64_t edition,
                           struct fault *fault)
{
    uint32_t faults = 0; /* two processes that failed at once may have made a row each */
    for (int i = 0; i < SHARED_MAP_FAULTS; i++)
        if (is_of(&s->map_faults[i], catalog, edition))
            faults += atomic_load(&s->map_faults[i].count);
    return faults < MAP_FAULT_MOST
               ? STATUS_OK
               : fault_set(fault, STATUS_CORRUPT, NULL,
                           "a file of the index cannot be read: it was cut off or its disk fails, "
                           "the log of soukd says where");
}

/* --- the signal ------------------------------------------------------------------------------- */

static void on_bus(int signo, siginfo_t *info, void *context)
{
    (void)context;
    struct place p;
    struct slice name;
    uint64_t edition;
    struct text t = {.len = 0};
    if (!place_find((uint64_t)(uintptr_t)info->si_addr, &p)) {
        signal(signo, SIG_DFL); /* none of a file: it strikes again and ends the process */
        return;
    }
    if (edition_of(&p, &name, &edition)) {
        count(shared_pages_of_process, name, edition);
        atomic_fetch_add(&shared_pages_of_process->catalog_epoch, 1); /* fronts look again */
    }
    /* as say() has it, which is not for signal handlers */
    add_word(&t, "{\"level\":\"error\",\"component\":\"");
    add_word(&t, process_name);
    add_word(&t, "\",\"msg\":\"");
    add_path(&t, &p);
    add_word(&t, " cannot be read at byte ");
    add_number(&t, p.at);
    add_word(&t, ": it was cut off, or its disk fails there\"}\n");
    ssize_t told = write(STDERR_FILENO, t.at, t.len);
    (void)told;
    _exit(MAP_FAULT_EXIT);
}

void map_fault_watch(struct shared *s, const char *process)
{
    struct sigaction a = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
    shared_pages_of_process = s;
    process_name = process;
    sigemptyset(&a.sa_mask);
    sigaction(SIGBUS, &a, NULL);
}
