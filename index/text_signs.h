/*
 * text_signs - what is read where one sign stands for letters or digits: "5㎏" as "5kg", "1½" as
 * "1 1/2", full-width and half-width forms, digits of all scripts, apostrophes of all shapes. Used
 * by text only.
 *
 * The text is rewritten before words are looked for, since ICU sees no letters in such signs. What
 * is written out is NFKC's, but stands apart from its neighbours where it is a word of its own, or
 * is joined to them by a hyphen where it may be either (docs/decisions/0230 says which sign is
 * read how, and why). Every unit keeps the offset of the first byte of the sign it came from.
 */
#ifndef SOUK_INDEX_TEXT_SIGNS_H
#define SOUK_INDEX_TEXT_SIGNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unicode/unorm2.h>

#include "protocol/status.h"

/* UTF-16 with the byte each unit came from; behind the last one the length of the text. */
struct text_units {
    UChar *units;
    uint32_t *offsets;
    size_t cap;
    int32_t count;
};

void text_units_fini(struct text_units *u);
/* Room for `len` units and the end. */
enum status text_units_reserve(struct text_units *u, size_t len);

struct text_signs {
    const UNormalizer2 *nfkc;
    uint64_t here[0x10000 / 64]; /* which letters of the first plane are to be looked at */
};

/* INTERNAL: ICU has no data. */
enum status text_signs_open(struct text_signs *s);
/* May it be read otherwise than it stands? */
bool text_signs_beyond(UChar32 c);

static inline bool text_signs_have(const struct text_signs *s, UChar32 c)
{
    return c < 0x10000 ? s->here[c >> 6] >> (c & 63) & 1 : text_signs_beyond(c);
}

/* Writes `in` to `out` (another one) with its signs written out. */
enum status text_signs_read(const struct text_signs *s, const struct text_units *in,
                            struct text_units *out);

#endif
