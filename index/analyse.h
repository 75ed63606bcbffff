/*
 * analyse - text to tokens: the one place that decides what a word is, for products and for
 * queries.
 *
 * Folding: signs that stand for letters or digits are written out ("5㎏" as "5kg", "½" as "1/2",
 * full-width and half-width forms, digits of all scripts; text_signs.h), letters and marks that
 * come apart are composed, NFKC case folding, diacritics stripped, Turkish dotless i as i, Greek
 * final sigma as sigma, Persian and Arabic letter forms unified, German ss for sharp s. Words:
 * ICU's word boundaries with its dictionaries (Thai, Chinese, Japanese); plain ASCII takes a fast
 * path that gives the same tokens.
 *
 * ASCII rules (both paths): a word is a run of letters and digits. Inside it an apostrophe before a
 * letter is dropped with what stays joined ("men's" -> "mens"); a point or comma between digits
 * stays out of the word border: "4.5" is one token "4.5", "1,000" is "1000". Words joined by - / .
 * _ or + make parts at successive positions and, at the first part's position, the joined form
 * ("xps-15" -> "xps", "15", "xps15"). A digit run next to letters stays whole ("55in") and also
 * gives its parts at the same position when the letters are a unit ("55", "in"); a number followed
 * by a unit word or an inch mark gives the joined form at the number's position ("55 inch", 55" ->
 * "55in"; a foot mark "ft"). Measures apart ("4 ft. x 8 ft.", "4 by 8") give them as one word at
 * the first ("4x8"), unless a number is a fraction or a decimal. A dictionary word of three or more
 * Han letters also gives its pairs of neighbours; one of Han letters and katakana also gives the
 * runs of each.
 *
 * Offsets are bytes of the original text; words of one sign have all of it. One analyser per
 * thread; no allocation after warm-up.
 */
#ifndef SOUK_INDEX_ANALYSE_H
#define SOUK_INDEX_ANALYSE_H

#include "protocol/slice.h"
#include "protocol/status.h"

enum { ANALYSE_TERM_MAX = 64, ANALYSE_TOKENS_MAX = 4000 };

enum token_kind {
    TOKEN_WORD,
    TOKEN_NUMBER, /* holds a digit: no typos, no stems */
    TOKEN_EXTRA   /* joined or split form beside the words as they stand */
};

struct token {
    struct slice term; /* folded, in the analyser's buffer until its next run */
    uint32_t position; /* counts words as they stand; extras share one */
    uint32_t start, end;
    uint32_t from, to; /* bytes of the text as it was read */
    enum token_kind kind;
};

struct token_list {
    struct token *items;
    uint32_t count, cap;
    uint32_t cut;      /* tokens beyond ANALYSE_TOKENS_MAX */
    struct slice read; /* the text as it was read: signs written out, words folded */
};

struct analyser;

enum status analyser_create(struct analyser **out);
void analyser_destroy(struct analyser **a);
/* Opens ICU; else the first text beyond ASCII does. */
enum status analyser_open(struct analyser *a);
/* Tokens of one text, in order. BAD_UTF8 when it is not valid UTF-8. `out` is the analyser's own.
 */
enum status analyser_run(struct analyser *a, struct slice text, const struct token_list **out);
/* The same without the fast path: what tests compare it with. */
enum status analyser_run_slow(struct analyser *a, struct slice text, const struct token_list **out);

/* Names ICU, Unicode and rule versions: an index made with another one is to be rebuilt. */
const char *analyse_version(void);

#endif
