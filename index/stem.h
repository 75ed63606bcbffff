/*
 * stem - a word's stem in one language, by Snowball.
 *
 * A word is expanded at query time to the words of the dictionary that share its stem; the index
 * itself keeps words as they stand. A stemmer belongs to one thread.
 *
 * Words come in folded by analyse (no diacritics), so German and French stems are those of the
 * folded words, the same on both sides. Words with a digit, of fewer than three letters, or of
 * scripts that the language does not write, are their own stem.
 */
#ifndef SOUK_INDEX_STEM_H
#define SOUK_INDEX_STEM_H

#include "protocol/slice.h"
#include "protocol/status.h"

enum { STEM_LANGUAGES = 28 };

struct stemmer;

/* `language`: ISO 639-1 code ("en", "de"). UNSUPPORTED for one without a stemmer. */
enum status stemmer_open(struct slice language, struct stemmer **out);
void stemmer_close(struct stemmer **s);
/* Lives until the next call; the word itself when there is nothing to cut. */
struct slice stemmer_stem(struct stemmer *s, struct slice word);
/* The stems of the query at hand are noted, since its forms are asked for more than once and by
 * segment; another one begins. */
void stemmer_forget(struct stemmer *s);
/* The languages that have one, STEM_LANGUAGES of them, ended by NULL. */
const char *const *stemmer_languages(void);
/* The place of a language among them; STEM_LANGUAGES for one without a stemmer. */
uint32_t stemmer_language(struct slice language);

#endif
