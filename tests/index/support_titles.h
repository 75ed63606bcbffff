/*
 * support_titles - catalogs for properties that hold for every query: random titles of few letters,
 * Latin and Cyrillic, and those of the sample catalog. One catalog at a time.
 */
#ifndef SOUK_TESTS_INDEX_SUPPORT_TITLES_H
#define SOUK_TESTS_INDEX_SUPPORT_TITLES_H

#include "index/analyse.h"
#include "tests/index/support_find.h"

enum { TITLES_MAX = 4000, TITLE_BYTES = 512, TITLE_WORD_LETTERS = 20 };

struct title_words {
    char bytes[TITLE_BYTES * 4];
    struct slice items[ANALYSE_TOKENS_MAX];
    uint32_t count;
};

/* 0 .. below - 1, from a seed of its own. */
uint32_t titles_roll(uint32_t below);
void titles_random(void);
void titles_sample(void);
uint32_t titles_count(void);
/* Opens the catalog in several segments; some products were put twice, the first time with other
 * titles: words that only those held are in the dictionary, but no longer in a product. */
void titles_open(struct find *f, const char *language);
/* The same catalog, the other way round, in a single piece and every product once. */
void titles_open_backwards(struct find *f, const char *language);
/* The terms of a product, as the index was given them. */
void titles_words(struct find *f, uint32_t product, struct title_words *w);
/* A word of the catalog of letters only, NUL-terminated UTF-8; false when the draw was none. */
bool titles_word(struct find *f, char out[TITLE_WORD_LETTERS * 4 + 1]);
/* Searches; found[product] = 1 for each hit. All that is found must be among the hits. */
void titles_find(struct find *f, const struct query *q, uint8_t found[TITLES_MAX]);

#endif
