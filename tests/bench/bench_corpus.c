#include "bench_corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const bench_class_name[CLASS_COUNT] = {"and",   "or",    "prefix", "fuzzy",
                                                   "range", "facet", "shop"};

static FILE *open_or_exit(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        exit(1);
    }
    return f;
}

void corpus_each(const char *path, void (*each)(void *ctx, const struct corpus_row *row), void *ctx)
{
    FILE *f = open_or_exit(path);
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, f) > 0) {
        char *rest = line, *c[6];
        for (int i = 0; i < 6; i++)
            c[i] = strsep(&rest, "\t\n");
        if (!c[5])
            continue;
        struct corpus_row row = {c[0], c[1], c[2], c[3], atoll(c[4]), atoll(c[5])};
        each(ctx, &row);
    }
    free(line);
    fclose(f);
}

static void parse_query(struct bench_query *q, char *line)
{
    char *rest = line, *kind = strsep(&rest, "\t"), *words = strsep(&rest, "\t");
    char *low = strsep(&rest, "\t"), *high = strsep(&rest, "\n");
    *q = (struct bench_query){.text = strdup(words), .low = atoll(low), .high = atoll(high)};
    for (int i = 0; i < CLASS_COUNT; i++)
        if (!strcmp(kind, bench_class_name[i]))
            q->kind = (enum bench_class)i;
    char *copy = strdup(words), *w;
    while ((w = strsep(&copy, " ")) && q->word_count < 8)
        q->words[q->word_count++] = w;
}

struct bench_queries bench_queries_load(const char *path, unsigned seed)
{
    struct bench_queries all = {0};
    FILE *f = open_or_exit(path);
    char *line = NULL;
    size_t cap = 0, room = 0;
    while (getline(&line, &cap, f) > 0) {
        if (all.count == room) {
            room = room ? room * 2 : 1024;
            all.items = realloc(all.items, room * sizeof *all.items);
            if (!all.items)
                exit(1);
        }
        parse_query(&all.items[all.count++], line);
    }
    free(line);
    fclose(f);
    for (size_t i = all.count; i > 1; i--) {
        size_t j = (size_t)rand_r(&seed) % i;
        struct bench_query swap = all.items[i - 1];
        all.items[i - 1] = all.items[j];
        all.items[j] = swap;
    }
    return all;
}

double bench_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

double bench_cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare_float(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

struct bench_times bench_times_of(float *us, size_t count)
{
    struct bench_times t = {.count = count};
    if (!count)
        return t;
    qsort(us, count, sizeof *us, compare_float);
    for (size_t i = 0; i < count; i++)
        t.mean_us += us[i];
    t.mean_us /= (double)count;
    t.median_us = us[count / 2];
    t.p99_us = us[(size_t)((double)count * 0.99)];
    return t;
}
