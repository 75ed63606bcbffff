/*
 * closing - which words of a title end a phrase.
 *
 * What ends one names the thing, what stands before it tells which or what for: "notebook" in
 * "HP 530 Notebook, 15 inch" and "Sleeve for Notebook", not in "Notebook Sleeve". A phrase ends
 * before punctuation, a number, a word that joins others ("for", "with") and at the end of the
 * text.
 */
#ifndef SOUK_INDEX_CLOSING_H
#define SOUK_INDEX_CLOSING_H

#include "index/analyse.h"

/* Does the token `at` of what analyser_run() made of `text` end a phrase? Only words do, as they
 * stand. */
bool closing_word(struct slice text, const struct token_list *list, uint32_t at);

#endif
