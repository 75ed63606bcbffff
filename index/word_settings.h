/*
 * word_settings - what a catalog says about words: synonyms, stop words, and rules of queries.
 *
 * Settings of kind `synonyms` hold lines
 *
 *     sofa, couch, settee            each means the others
 *     tv => television, flat screen  the left means the right, not back
 *
 * with sides of up to three words; settings of kind `stopwords` hold words between blanks, commas
 * or ends of lines. All settings of a kind count together. They are read when a query comes and
 * kept, per thread, until a setting changes: a change holds from the next query on, nothing is
 * reindexed.
 */
#ifndef SOUK_INDEX_WORD_SETTINGS_H
#define SOUK_INDEX_WORD_SETTINGS_H

#include "index/analyse.h"
#include "index/rules.h"
#include "index/snapshot.h"

enum {
    SYNONYM_WORDS = 3,     /* of a side */
    SYNONYMS_OF_TERM = 50, /* right sides that one left side has */
    SYNONYMS_MAX = 10000   /* pairs of a catalog */
};

struct synonym {
    uint32_t count; /* words */
    struct slice words[SYNONYM_WORDS];
};

struct word_settings; /* those of one catalog as they stood at one sequence */
struct word_cache;    /* of one thread */

enum status word_cache_create(struct word_cache **out);
void word_cache_destroy(struct word_cache **c);
/* The settings of the snapshot's catalog; NULL when it has none. Lives until the next call. */
enum status word_settings_of(struct word_cache *c, struct snapshot *snap, struct analyser *a,
                             const struct word_settings **out);

/* The rules, NULL when there are none. */
const struct rule_book *word_settings_rules(const struct word_settings *w);
bool word_settings_stop(const struct word_settings *w, struct slice word);
/* Most words that a left side has: 0 without synonyms. */
uint32_t word_settings_longest(const struct word_settings *w);
/* What the words (folded, joined by one blank) also mean; NULL when nothing. */
const struct synonym *word_settings_synonyms(const struct word_settings *w, struct slice words,
                                             uint32_t *count);

/* What the texts of a catalog hold together, for the limits above. */
struct synonym_sum;
enum status synonym_sum_create(struct synonym_sum **out);
void synonym_sum_destroy(struct synonym_sum **sum);
/* What is wrong with a text of synonyms beside those in the sum, to which it is added: INVALID,
 * TOO_LARGE or BAD_UTF8 with the line. */
enum status word_settings_check_synonyms(struct analyser *a, struct slice text,
                                         struct synonym_sum *sum, struct fault *fault);
enum status word_settings_check_stops(struct analyser *a, struct slice text, struct fault *fault);

#endif
