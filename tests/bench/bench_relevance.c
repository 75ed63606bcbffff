/*
 * bench_relevance - judged sets against many ranking profiles, in one process.
 *
 *   bench_relevance EDITION:QUERIES:QRELS ... < PROFILES
 *
 * Each line of standard input is a profile's text (';' between its lines); for each set comes one
 * line of ndcg@10, ndcg@10 of judged hits, recall@100, mrr, microseconds a query. "-v" before the
 * sets also prints ndcg@10 of every query. Searches as `souk eval` does: relaxed, prefix, k = 100.
 */
#include "bench_must.h"
#include "cli/metrics.h"
#include "index/index.h"
#include "index/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SETS_MAX = 16, JUDGED_MAX = 600, K = 100 };

struct item {
    char *id;
    int grade;
};

struct judged {
    char *qid, *text;
    struct item *items;
    uint32_t count;
};

struct set {
    struct index *ix;
    struct snapshot *snap;
    struct judged *queries;
    uint32_t count;
};

static void read_queries(struct set *set, const char *path)
{
    char line[4096];
    FILE *f = fopen(path, "r");
    must(f ? STATUS_OK : STATUS_IO, path, NULL);
    set->queries = calloc(20000, sizeof *set->queries);
    while (fgets(line, sizeof line, f) && set->count < 20000) {
        char *tab = strchr(line, '\t'), *end = strchr(line, '\n');
        if (!tab)
            continue;
        *tab = 0;
        if (end)
            *end = 0;
        set->queries[set->count++] =
            (struct judged){.qid = strdup(line),
                            .text = strdup(tab + 1),
                            .items = calloc(JUDGED_MAX, sizeof(struct item))};
    }
    fclose(f);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->id, ((const struct item *)b)->id);
}

static int by_qid(const void *a, const void *b)
{
    return strcmp(((const struct judged *)a)->qid, ((const struct judged *)b)->qid);
}

static void read_judgments(struct set *set, const char *path)
{
    char line[4096];
    FILE *f = fopen(path, "r");
    must(f ? STATUS_OK : STATUS_IO, path, NULL);
    qsort(set->queries, set->count, sizeof *set->queries, by_qid);
    while (fgets(line, sizeof line, f)) {
        char *id = strchr(line, '\t'), *grade = id ? strchr(id + 1, '\t') : NULL;
        if (!grade)
            continue;
        *id = *grade = 0;
        struct judged key = {.qid = line};
        struct judged *q = bsearch(&key, set->queries, set->count, sizeof key, by_qid);
        if (q && q->count < JUDGED_MAX)
            q->items[q->count++] = (struct item){strdup(id + 1), atoi(grade + 1)};
    }
    fclose(f);
    for (uint32_t i = 0; i < set->count; i++)
        qsort(set->queries[i].items, set->queries[i].count, sizeof(struct item), by_id);
}

static void open_set(struct set *set, char *text)
{
    struct fault fault = {0};
    char *queries = strchr(text, ':'), *qrels = queries ? strchr(queries + 1, ':') : NULL;
    must(qrels ? STATUS_OK : STATUS_INVALID, text, NULL);
    *queries = *qrels = 0;
    bool stale;
    must(index_open(text, &(struct index_options){.read_only = true}, &set->ix, &stale, &fault),
         text, &fault);
    must(snapshot_create(set->ix, &set->snap), "snapshot", NULL);
    must(snapshot_begin(set->snap), "snapshot", NULL);
    read_queries(set, queries + 1);
    read_judgments(set, qrels + 1);
}

static bool one_query(struct set *set, struct searcher *sr, struct judged *j, struct query *q,
                      struct arena *arena, struct metrics *m)
{
    struct query_result r;
    struct fault fault = {0};
    int ranked[K], grades[JUDGED_MAX];
    char id[512];
    for (uint32_t i = 0; i < j->count; i++)
        grades[i] = j->items[i].grade;
    if (!metrics_of(NULL, 0, grades, j->count, m))
        return false;
    q->text = slice_str(j->text);
    must(search_run(sr, set->snap, q, arena, &r, &fault), j->text, &fault);
    for (uint32_t i = 0; i < r.hit_count; i++) {
        snprintf(id, sizeof id, "%.*s", (int)r.hits[i].id.len, r.hits[i].id.ptr);
        struct item key = {id, 0};
        const struct item *hit = bsearch(&key, j->items, j->count, sizeof key, by_id);
        ranked[i] = hit ? hit->grade : METRICS_UNJUDGED;
    }
    arena_reset(arena);
    return metrics_of(ranked, r.hit_count, grades, j->count, m);
}

static void run_set(struct set *set, struct searcher *sr, char *profile, bool verbose)
{
    static struct arena arena;
    struct metrics m, sum = {0};
    struct timespec from, to;
    uint32_t n = 0, recalls = 0;
    struct query q = {.match = QUERY_RELAXED,
                      .prefix = true,
                      .typos = QUERY_TYPOS_AUTO,
                      .k = K,
                      .count_to = 10000,
                      .max_stale_ms = -1,
                      .profile = SLICE_LIT("bm25"),
                      .profile_text = slice_str(profile)};
    if (strcmp(profile, "bm25") == 0)
        q.profile_text = SLICE_NULL;
    else
        q.profile = SLICE_NULL;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (uint32_t i = 0; i < set->count; i++) {
        if (!one_query(set, sr, &set->queries[i], &q, &arena, &m))
            continue;
        n++;
        recalls += m.has_recall;
        sum.ndcg10 += m.ndcg10;
        sum.ndcg10_judged += m.ndcg10_judged;
        sum.recall100 += m.recall100;
        sum.rr += m.rr;
        if (verbose)
            printf("  %.4f %.4f %.4f %s\n", m.ndcg10, m.ndcg10_judged, m.recall100,
                   set->queries[i].text);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double us = (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
    n = n ? n : 1;
    printf("%.4f %.4f %.4f %.4f %.0f\n", sum.ndcg10 / n, sum.ndcg10_judged / n,
           sum.recall100 / (recalls ? recalls : 1), sum.rr / n, us / n);
}

int main(int argc, char **argv)
{
    static struct set sets[SETS_MAX];
    static char line[65536];
    int count = 0, first = 1;
    bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    struct searcher *sr;
    must(searcher_create(&sr), "searcher", NULL);
    for (first += verbose; first < argc && count < SETS_MAX; first++)
        open_set(&sets[count++], argv[first]);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!line[0])
            strcpy(line, "#");
        for (int i = 0; i < count; i++)
            run_set(&sets[i], sr, line, verbose);
        fflush(stdout);
    }
    searcher_destroy(&sr);
    return 0;
}
