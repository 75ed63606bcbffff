/* script - which letters are of scripts that put no blanks between words; of folded UTF-8. */
#ifndef SOUK_INDEX_SCRIPT_H
#define SOUK_INDEX_SCRIPT_H

#include "protocol/slice.h"

#include <stdbool.h>

/* A Han letter of three bytes. */
static inline bool script_han(const char *p)
{
    unsigned char c = (unsigned char)p[0], d = (unsigned char)p[1];
    return (c >= 0xe5 && c <= 0xe9) || (c == 0xe4 && d >= 0xb8) || (c == 0xe3 && d >= 0x90);
}

/* Thai and Lao, Burmese, Khmer, kana, Han: words are found by a dictionary. */
static inline bool script_unspaced(struct slice text)
{
    if (text.len < 3)
        return false;
    unsigned char c = (unsigned char)text.ptr[0], d = (unsigned char)text.ptr[1];
    if (c == 0xe0)
        return d >= 0xb8 && d < 0xbc;
    if (c == 0xe1)
        return d < 0x82 || d == 0x9e || d == 0x9f;
    return c >= 0xe3 && c <= 0xe9;
}

#endif
