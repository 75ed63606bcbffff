/* Which kind of sign a letter is, for text_signs. */
#ifndef SOUK_INDEX_TEXT_SIGNS_PRIVATE_H
#define SOUK_INDEX_TEXT_SIGNS_PRIVATE_H

#include "index/text_signs.h"

enum sign {
    SIGN_PLAIN,   /* stays */
    SIGN_DROPPED, /* joiners, soft hyphens, marks of direction, selectors of shape */
    SIGN_BLANK,   /* blanks, and marks that are no part of a name: (tm) */
    SIGN_DIGIT,   /* of any script */
    SIGN_SPELT, /* its letters, as if they stood there: forms, ligatures, widths, phonetic signs */
    SIGN_APART, /* a word of its own: 1 in a circle, No, Tel, (a) */
    SIGN_CIRCLED,  /* a letter in a circle or square: one word with its like */
    SIGN_UNIT,     /* kg in one sign: one word with the number before it */
    SIGN_ROMAN,    /* joined to its neighbours by a hyphen */
    SIGN_FRACTION, /* apart from the number before it */
    SIGN_RAISED,  /* a small digit above: one word with a unit of length, else joined by a hyphen */
    SIGN_LOWERED, /* a small digit below: one word with the letter before it */
    SIGN_ORDINAL, /* the small a and o of Romance languages, and what is taken for a degree */
    SIGN_QUOTE,   /* apostrophes, marks of feet and inches */
    SIGN_COMMA,   /* a full-width or Arabic one */
    SIGN_DOT,     /* in the middle of the line */
    SIGN_JOINER,  /* hyphens, slashes of fractions, full-width ones */
    SIGN_MICRO,   /* u before a Latin letter */
    SIGN_TIMES,   /* x beside a number */
    SIGN_THAI     /* vowels that look the same typed otherwise */
};

enum sign sign_of(UChar32 c);
/* Digits and letters in circles and squares that are white on black have no other form: the last
 * digit or the letter, 0 for all others. */
UChar32 sign_white_on_black(UChar32 c, UChar32 *tens);

#endif
