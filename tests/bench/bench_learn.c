/*
 * bench_learn - what words learnt from the catalog (index/learn.h) cost.
 *
 *   bench_learn DIR QUERIES [ROUNDS]
 *       QUERIES: one a line, its text behind the last tab; those of three words and more
 *
 * Each query by the default profile and without learning, in turn, by one searcher: processor time
 * of the thread, microseconds. `learnt` queries found other products or another number of them.
 */
#include "bench_corpus.h"
#include "bench_must.h"

#include "index/index.h"
#include "index/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUERIES_MAX = 20000, LINE = 1024 };

static struct {
    struct index *ix;
    struct snapshot *snap;
    struct searcher *searcher;
    struct arena arena;
    char *texts[QUERIES_MAX];
    uint32_t count;
} run;

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static uint32_t words_of(const char *text)
{
    uint32_t n = 0;
    for (const char *c = text; *c; c++)
        n += *c != ' ' && (c == text || c[-1] == ' ');
    return n;
}

static void read_queries(const char *path)
{
    char line[LINE];
    FILE *f = fopen(path, "r");
    must(f ? STATUS_OK : STATUS_NOT_FOUND, path, NULL);
    while (run.count < QUERIES_MAX && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        char *tab = strrchr(line, '\t'), *text = tab ? tab + 1 : line;
        if (words_of(text) >= 3)
            run.texts[run.count++] = strdup(text);
    }
    fclose(f);
}

static double search(const char *text, bool learns, uint64_t *answer)
{
    struct query q = {.text = slice_str(text),
                      .match = QUERY_RELAXED,
                      .prefix = true,
                      .typos = QUERY_TYPOS_AUTO,
                      .k = 10,
                      .count_to = 10000,
                      .max_stale_ms = -1};
    struct query_result r;
    struct fault fault = {0};
    if (!learns)
        q.profile_text = SLICE_LIT("learn_below 0; learn_order 0");
    arena_reset(&run.arena);
    must(snapshot_begin(run.snap), "snapshot", NULL);
    double start = cpu_us();
    must(search_run(run.searcher, run.snap, &q, &run.arena, &r, &fault), text, &fault);
    double took = cpu_us() - start;
    *answer = r.found;
    for (uint32_t i = 0; i < r.hit_count; i++)
        *answer = *answer * 31 + r.hits[i].docid;
    snapshot_end(run.snap);
    return took;
}

static void tell(const char *what, float *us, size_t count, size_t learnt)
{
    struct bench_times t = bench_times_of(us, count);
    printf("{\"bench\":\"learn\",\"profile\":\"%s\",\"queries\":%u,\"n\":%zu,\"learnt\":%zu,"
           "\"mean_us\":%.1f,\"median_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
           what, run.count, count, learnt, t.mean_us, t.median_us, t.p99_us, us[count - 1]);
}

int main(int argc, char **argv)
{
    struct index_options o = {.read_only = true};
    struct fault fault = {0};
    bool stale;
    if (argc < 3) {
        fprintf(stderr, "usage: bench_learn DIR QUERIES [ROUNDS]\n");
        return 2;
    }
    size_t rounds = argc > 3 ? (size_t)atol(argv[3]) : 3, n = 0, learnt = 0;
    read_queries(argv[2]);
    must(index_open(argv[1], &o, &run.ix, &stale, &fault), "open", &fault);
    must(snapshot_create(run.ix, &run.snap), "snapshot", NULL);
    must(searcher_create(&run.searcher), "searcher", NULL);
    arena_init(&run.arena, 0);
    float *with = calloc(run.count * rounds + 1, sizeof *with),
          *without = calloc(run.count * rounds + 1, sizeof *without);
    for (size_t round = 0; with && without && run.count && round < rounds + 1; round++)
        for (uint32_t i = 0; i < run.count; i++) {
            uint64_t a, b;
            double first = search(run.texts[i], round % 2, round % 2 ? &a : &b),
                   second = search(run.texts[i], !(round % 2), round % 2 ? &b : &a);
            if (!round) /* the first one warms */
                continue;
            with[n] = (float)(round % 2 ? first : second);
            without[n++] = (float)(round % 2 ? second : first);
            learnt += a != b;
        }
    if (n) {
        tell("learn_below 0; learn_order 0", without, n, 0);
        tell("default", with, n, learnt);
    }
    searcher_destroy(&run.searcher);
    snapshot_destroy(&run.snap);
    index_close(&run.ix);
    return n ? 0 : 1;
}
