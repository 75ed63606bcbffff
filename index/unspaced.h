/*
 * unspaced - the last word of a query in a script without blanks, while it is typed.
 *
 * Thai, Chinese and Japanese are cut into words by a dictionary, and what is not finished yet is
 * cut otherwise than the whole will be: "desktop" in kana is two words where its first five letters
 * are one that no product holds. So the last word is also looked for as a word and the beginning
 * of the next, side by side, wherever it may be cut; and the last words of the query as one
 * (plan.h, `same`), which begins what products hold.
 */
#ifndef SOUK_INDEX_UNSPACED_H
#define SOUK_INDEX_UNSPACED_H

#include "index/expand.h"

/* Adds to the last group, and to those it is written as one word with, the products that hold it
 * cut in two. */
enum status unspaced_apart(struct plan *plan, const struct expansion_request *r);

#endif
