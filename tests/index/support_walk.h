/*
 * support_walk - random catalogs and a second evaluator that knows no index: it walks the products
 * as they were given. What a search answers is held against it.
 */
#ifndef SOUK_TESTS_INDEX_SUPPORT_WALK_H
#define SOUK_TESTS_INDEX_SUPPORT_WALK_H

#include "index/index.h"
#include "index/query.h"

enum { PRODUCTS = 3000, WORDS = 60, TITLE = 6, TAGS = 3, PAGE = 10000 };

struct item {
    bool live;
    uint32_t words[TITLE], word_count;
    int brand, path; /* -1 = none */
    int64_t stock;   /* -1 = none */
    double price;
    uint32_t tags; /* bitmap of 8 */
};

struct world {
    char dir[64];
    struct item items[PRODUCTS];
    struct index *ix;
    struct snapshot *snap;
    struct searcher *searcher;
    struct arena arena;
    uint64_t sequence, seed;
};

/* A random filter and its meaning side by side. */
struct test {
    int kind; /* 0 price below, 1 brand, 2 tag, 3 path, 4 stock range, 5 exists stock, 6 brand set
               */
    double number;
    int which, other;
    bool negated;
};

/* Three tests joined as (a and b) or c, or fewer. */
struct filter_case {
    struct test tests[3];
    uint32_t count;
    char text[640];
};

struct words_case {
    char words[3][8];
    uint32_t count;
    bool prefix, any;
    char text[64];
};

extern const char *const walk_brands[4], *const walk_paths[5];

uint32_t roll(uint64_t *seed, uint32_t below);
/* Five letters; the words w and w + 30 are one edit apart. */
void word_text(uint32_t w, char out[8]);
uint32_t some_word(uint64_t *seed);

/* Several batches with updates and deletions in them, so that there are segments and dead products.
 */
struct world *make_world(uint64_t seed);
/* The same products in one batch and in another order. */
struct world *same_in_one_batch(const struct world *from);
/* Changes or removes some products and shows the new state; changed[n] is set for each of them. */
void change_world(struct world *w, uint32_t count, bool changed[PRODUCTS]);
void close_world(struct world *w);
uint32_t number_of(struct slice id);

struct filter_case random_filter(uint64_t *seed);
struct words_case random_words(uint64_t *seed);
bool path_under(int path, int top);
bool has_word(const struct item *it, const char *word, bool prefix);
/* What the words and the filter mean. */
bool holds(const struct words_case *c, const struct item *it);
bool passes(const struct filter_case *f, const struct item *it);

/* All matches on one page, counted, without forms or typos. */
struct query query_of(const struct words_case *c, const struct filter_case *f);
/* Fails the test when the search does. */
void run(struct world *w, const struct query *q, struct query_result *r);

#endif
