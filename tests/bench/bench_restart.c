/*
 * bench_restart - from starting soukd to the first answer of a search, over the wire.
 *
 *   bench_restart SOUKD DATA ADDRESS CATALOG WORDS [ROUNDS] [cold]
 *
 * Each round starts SOUKD on DATA, as a client that runs already connects again and again until
 * somebody accepts, searches once with the settings of a client that sets none, once more, and
 * stops the server. `cold` has the system forget the pages of the catalog's files before each
 * round. One JSON line: medians, least and most of the time to the connection, to the first answer,
 * of the second search, and the server's own time of the first.
 */
#include "bench_corpus.h"

#include "protocol/souk.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ROUNDS = 1000, LIMIT_US = 60000000, PAUSE_NS = 100000 };

struct times {
    float connected[MAX_ROUNDS], first[MAX_ROUNDS], second[MAX_ROUNDS], server[MAX_ROUNDS];
};

static int forget(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    int fd = type == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    fdatasync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
    return 0;
}

static pid_t start(char **argv)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        dup2(null, 2);
        execl(argv[1], "soukd", "--data", argv[2], "--listen", argv[3], (char *)NULL);
        _exit(127);
    }
    return pid;
}

static struct souk *connect_until(const char *address, double limit)
{
    struct souk_options o;
    struct fault fault = {0};
    struct souk *s = NULL;
    souk_options_init(&o);
    o.no_throttle = true;
    while (souk_open(address, &o, &s, &fault) && bench_now_us() < limit)
        nanosleep(&(struct timespec){0, PAUSE_NS}, NULL);
    return s;
}

static double search(struct souk *s, char **argv, struct souk_reply *reply)
{
    struct search_request q;
    struct search_reply found;
    search_request_init(&q);
    q.catalog = slice_str(argv[4]);
    q.text = slice_str(argv[5]);
    q.no_cache = true;
    double from = bench_now_us();
    if (souk_search(s, &q, reply, &found)) {
        fprintf(stderr, "search: %s\n", reply->fault.text);
        exit(1);
    }
    return bench_now_us() - from;
}

static void round_of(char **argv, bool cold, struct times *t, int i)
{
    struct souk_reply reply;
    if (cold)
        nftw(argv[2], forget, 16, FTW_PHYS);
    double from = bench_now_us();
    pid_t pid = start(argv);
    struct souk *s = connect_until(argv[3], from + LIMIT_US);
    if (pid < 0 || !s) {
        fprintf(stderr, "%s does not answer\n", argv[1]);
        exit(1);
    }
    souk_reply_init(&reply);
    t->connected[i] = (float)(bench_now_us() - from);
    search(s, argv, &reply);
    t->first[i] = (float)(bench_now_us() - from);
    t->server[i] = (float)reply.server_us;
    t->second[i] = (float)search(s, argv, &reply);
    souk_reply_fini(&reply);
    souk_close(s);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

static void tell(const char *name, float *us, int n)
{
    struct bench_times t = bench_times_of(us, (size_t)n);
    printf(",\"%s_us\":%.0f,\"%s_least_us\":%.0f,\"%s_most_us\":%.0f", name, t.median_us, name,
           us[0], name, us[n - 1]);
}

int main(int argc, char **argv)
{
    static struct times t;
    int rounds = argc > 6 ? atoi(argv[6]) : 9;
    bool cold = argc > 7 && !strcmp(argv[7], "cold");
    if (argc < 6 || rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: bench_restart SOUKD DATA ADDRESS CATALOG WORDS [ROUNDS] [cold]\n");
        return 2;
    }
    for (int i = 0; i < rounds; i++)
        round_of(argv, cold, &t, i);
    printf("{\"bench\":\"restart\",\"catalog\":\"%s\",\"cold\":%s,\"rounds\":%d", argv[4],
           cold ? "true" : "false", rounds);
    tell("connected", t.connected, rounds);
    tell("first_answer", t.first, rounds);
    tell("second", t.second, rounds);
    tell("server", t.server, rounds);
    puts("}");
    return 0;
}
