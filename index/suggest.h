/*
 * suggest - completes what a shopper has typed from a list of queries with weights.
 *
 * The list is built once (suggest_add, suggest_build) and asked any number of times. Queries that
 * begin with the typed text come first, heaviest first; then those of which a later word begins so;
 * then, when there are too few, those whose beginning is a few edits away (as for words: one from
 * 4 letters, two from 8, none with digits, the first letter is taken as typed). Everything is
 * compared folded. A range of the sorted list is asked for its heaviest through a tree of maxima,
 * so an answer costs little more from a long list than from a short one.
 */
#ifndef SOUK_INDEX_SUGGEST_H
#define SOUK_INDEX_SUGGEST_H

#include "index/fold.h"
#include "protocol/arena.h"

enum { SUGGEST_DEFAULT = 5, SUGGEST_MAX = 20, SUGGEST_TEXT_MAX = 128 };

struct suggest;

struct suggestion {
    struct slice text; /* as it was added; lives with the list */
    double weight;
    uint32_t distance; /* edits between what was typed and its beginning */
    bool inner;        /* what was typed begins a later word of it */
};

enum status suggest_create(struct suggest **out);
void suggest_destroy(struct suggest **s);
/* Adds to the weight when the folded text is there already. Texts too long or without letters are
 * left out. */
enum status suggest_add(struct suggest *s, struct folder *f, struct slice text, double weight);
/* Lines of "text TAB weight [TAB ...]": a line without a number counts 1. Stops at no line. */
enum status suggest_add_lines(struct suggest *s, struct folder *f, struct slice lines);
/* Ends adding. */
enum status suggest_build(struct suggest *s);
uint32_t suggest_count(const struct suggest *s);
/* Up to `limit` (SUGGEST_MAX) suggestions into `out`; `keep` (may be NULL) refuses some. */
enum status suggest_find(const struct suggest *s, struct folder *f, struct slice typed,
                         uint32_t limit, bool (*keep)(void *ctx, struct slice text), void *ctx,
                         struct suggestion *out, uint32_t *count);

#endif
