/*
 * letters - which letters the terms of a segment hold and how long they are, a word of 32 bits
 * each: what is not within an edit or two of a word is mostly ruled out by that alone, sixteen
 * terms a step.
 *
 * Made when terms with some first letter are asked for the first time and kept as long as the
 * segment, four bytes a term; in the thread that owns it.
 */
#ifndef SOUK_INDEX_LETTERS_H
#define SOUK_INDEX_LETTERS_H

#include "index/segment.h"

enum {
    LETTERS_LONG = 31, /* lengths from here on are the same */
    LETTERS_FIRSTS = 128,
    LETTERS_MOST = 1 << 17 /* terms with one first letter; of more nothing is kept */
};

/* The terms that begin with one letter. */
struct letters {
    uint32_t first, count; /* ordinals */
    uint32_t sets[];
};

/* The letters of one term by their numbers modulo KERNEL_SET_BITS, above them its length. An edit
 * adds one and takes one away at most. */
uint32_t letters_of(struct slice term);
/* Of the terms that begin with `first`, below LETTERS_FIRSTS. NULL: too many, or no memory. */
const struct letters *letters_beginning(const struct segment *s, unsigned char first);

#endif
