/*
 * bench_start - what surrounds a search: start to the first answer, products of a page, memory.
 *
 *   bench_start DIR QUERIES [default]        one JSON line
 *
 * Start: opening the edition, a snapshot, a searcher and the first query of the file, in a process
 * that just began (the file's pages may be cached by the system; drop them to see a cold machine).
 * Page: the ten products of a hit list put together as documents, search apart. Memory: anonymous
 * pages of the process after the first query and after all of them. `default`: as a client asks
 * that sets nothing, instead of the plain sum.
 */
#include "bench_corpus.h"
#include "bench_must.h"

#include "index/index.h"
#include "index/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    struct index *ix;
    struct snapshot *snap;
    struct searcher *searcher;
    struct arena arena;
    struct buf page;
    bool as_shops_ask;
};

static long anonymous_kb(void)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Anonymous: %ld", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb;
}

static void open_all(struct bench *b, const char *dir)
{
    struct index_options o = {.read_only = true};
    struct fault fault = {0};
    bool stale;
    must(index_open(dir, &o, &b->ix, &stale, &fault), "open", NULL);
    must(snapshot_create(b->ix, &b->snap), "snapshot", NULL);
    must(searcher_create(&b->searcher), "searcher", NULL);
    arena_init(&b->arena, 0);
}

/* Searches and returns the microseconds that its products took. */
static double page(struct bench *b, const struct bench_query *q, uint32_t *hits)
{
    struct fault fault = {0};
    struct query_result r;
    struct query query = {.text = slice_str(q->text),
                          .k = 10,
                          .count_to = 1000,
                          .profile = SLICE_LIT("bm25"),
                          .max_stale_ms = -1};
    if (b->as_shops_ask) {
        query.profile = SLICE_NULL;
        query.match = QUERY_RELAXED;
        query.prefix = true;
        query.typos = QUERY_TYPOS_AUTO;
        query.count_to = 10000;
    }
    arena_reset(&b->arena);
    must(snapshot_begin(b->snap), "snapshot", NULL);
    must(search_run(b->searcher, b->snap, &query, &b->arena, &r, &fault), "search", NULL);
    double start = bench_now_us();
    buf_clear(&b->page);
    for (uint32_t i = 0; i < r.hit_count; i++)
        must(snapshot_product(b->snap, r.hits[i].docid, NULL, &b->page), "product", NULL);
    double us = bench_now_us() - start;
    snapshot_end(b->snap);
    *hits = r.hit_count;
    return us;
}

int main(int argc, char **argv)
{
    static struct bench b;
    uint32_t hits;
    if (argc < 3) {
        fprintf(stderr, "usage: bench_start DIR QUERIES [default]\n");
        return 2;
    }
    struct bench_queries all = bench_queries_load(argv[2], 3);
    float *us = malloc((all.count + 1) * sizeof *us);
    if (!us || !all.count) {
        free(us);
        return 1;
    }
    b.as_shops_ask = argc > 3 && !strcmp(argv[3], "default");
    double start = bench_now_us();
    open_all(&b, argv[1]);
    double opened = bench_now_us();
    page(&b, &all.items[0], &hits);
    double first = bench_now_us();
    long begun = anonymous_kb();
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0, k = n = 0; i < all.count; i++, k = n) {
            if (all.items[i].kind != CLASS_AND)
                continue;
            us[k] = (float)page(&b, &all.items[i], &hits);
            n += hits == 10;
        }
    struct bench_times t = bench_times_of(us, n);
    printf("{\"bench\":\"page\",\"open_us\":%.0f,\"first_answer_us\":%.0f,\"page_mean_us\":%.2f,"
           "\"page_median_us\":%.2f,\"page_p99_us\":%.1f,\"pages\":%zu,\"anonymous_kb_begun\":%ld,"
           "\"anonymous_kb\":%ld}\n",
           opened - start, first - start, t.mean_us, t.median_us, t.p99_us, n, begun,
           anonymous_kb());
    searcher_destroy(&b.searcher);
    snapshot_destroy(&b.snap);
    index_close(&b.ix);
    arena_fini(&b.arena);
    buf_fini(&b.page);
    free(us);
    return 0;
}
