#include "server/floor.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/urgency.h"

enum { PATH_ROOM = 64, TEXT_ROOM = 4096 };

/* A file of a thread below /proc as text; false when the thread is gone. */
static bool read_file(pid_t pid, pid_t tid, const char *name, char text[TEXT_ROOM])
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)pid, (int)tid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, TEXT_ROOM - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* How often it slept, whether it wants to run now, and how long it ever ran. */
static bool look_at(pid_t pid, struct floor_thread *t, bool *wants)
{
    static const char SLEPT[] = "\nvoluntary_ctxt_switches:", STATE[] = "\nState:\t";
    char text[TEXT_ROOM];
    if (!read_file(pid, t->tid, "status", text))
        return false;
    const char *slept = strstr(text, SLEPT), *state = strstr(text, STATE);
    if (!slept || !state)
        return false;
    t->slept = strtoull(slept + sizeof SLEPT - 1, NULL, 10);
    *wants = state[sizeof STATE - 1] == 'R';
    if (!read_file(pid, t->tid, "schedstat", text))
        return false;
    t->ran_ns = strtoull(text, NULL, 10);
    return true;
}

static struct floor_thread *find(struct floor_watch *w, pid_t tid)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (w->threads[i].tid == tid)
            return &w->threads[i];
    return NULL;
}

/* A thread that is idle is taken in; one that never was is none of ours. */
static void look(struct floor_watch *w, pid_t tid, int64_t window_us)
{
    struct floor_thread *t = find(w, tid), was = {0};
    bool wants, known = t;
    if (!known && (w->count == FLOOR_THREADS || !urgency_idle(tid)))
        return;
    if (!known) {
        t = &w->threads[w->count++];
        *t = (struct floor_thread){.tid = tid};
    }
    was = *t;
    t->seen = look_at(w->pid, t, &wants);
    bool starved = known && t->seen && wants && t->slept == was.slept &&
                   (t->ran_ns - was.ran_ns) / 10 < (uint64_t)window_us * FLOOR_PERCENT;
    if (starved != was.lifted)
        urgency_lift(tid, starved);
    t->lifted = starved;
}

static void forget_ended(struct floor_watch *w)
{
    for (uint32_t i = 0; i < w->count;)
        if (w->threads[i].seen)
            w->threads[i++].seen = false;
        else
            w->threads[i] = w->threads[--w->count];
}

void floor_look(struct floor_watch *w, pid_t pid, int64_t now_us)
{
    char path[PATH_ROOM];
    struct dirent *e;
    int64_t window = now_us - w->looked_us;
    if (pid != w->pid)
        *w = (struct floor_watch){.pid = pid};
    else if (window < (int64_t)FLOOR_MS * 1000)
        return;
    w->looked_us = now_us;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *d = opendir(path);
    while (d && (e = readdir(d)))
        if (*e->d_name != '.')
            look(w, (pid_t)atoi(e->d_name), window);
    if (d)
        closedir(d);
    forget_ended(w);
}
