/*
 * bench_corpus - what every bench program needs: the corpus and query files, a clock, percentiles.
 *
 * Files are made by corpus.py. Lines are split in place; all memory lives until the process ends.
 */
#ifndef SOUK_TESTS_BENCH_CORPUS_H
#define SOUK_TESTS_BENCH_CORPUS_H

#include <stddef.h>
#include <stdint.h>

struct corpus_row {
    char *id, *title, *text, *category;
    int64_t price, popularity;
};

/* Calls `each` for every row; the strings end with the call. Exits with a message on failure. */
void corpus_each(const char *path, void (*each)(void *ctx, const struct corpus_row *row),
                 void *ctx);

enum bench_class {
    CLASS_AND,
    CLASS_OR,
    CLASS_PREFIX,
    CLASS_FUZZY,
    CLASS_RANGE,
    CLASS_FACET,
    CLASS_SHOP,
    CLASS_COUNT
};

struct bench_query {
    enum bench_class kind;
    char *words[8]; /* folded, split at blanks */
    uint32_t word_count;
    char *text; /* the words as one string */
    int64_t low, high;
};

extern const char *const bench_class_name[CLASS_COUNT];

struct bench_queries {
    struct bench_query *items;
    size_t count;
};
/* Shuffled by the seed, so that equal neighbours do not warm each other. */
struct bench_queries bench_queries_load(const char *path, unsigned seed);

double bench_now_us(void);
/* Time of this process on a processor: what others on the machine take is not in it. */
double bench_cpu_us(void);

struct bench_times {
    double mean_us, median_us, p99_us;
    size_t count;
};
/* Sorts the samples. */
struct bench_times bench_times_of(float *us, size_t count);

#endif
