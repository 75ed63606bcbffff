/*
 * lev - edit distance for typos: insert, delete, replace, swap of neighbours (optimal string
 * alignment, Damerau 1964), on code points; an edit of the first letter counts two.
 *
 * lev_walk compares one word with the terms of a sorted dictionary one after the other; rows are
 * kept for the beginning that neighbours share, and a beginning from which no term can come within
 * reach is named, so that the caller steps over everything that starts so.
 */
#ifndef SOUK_INDEX_LEV_H
#define SOUK_INDEX_LEV_H

#include "protocol/slice.h"

enum { LEV_MAX_LEN = 64, LEV_MAX_EDITS = 3 };

struct lev_walk {
    uint32_t word[LEV_MAX_LEN];
    uint32_t word_len, max;
    /* rows[i]: distances after i code points of the term; only |i - j| <= max is filled, the cells
     * beside are out of reach. least[i]: the smallest of row i. */
    uint8_t rows[LEV_MAX_LEN + 1][LEV_MAX_LEN + 2];
    uint8_t least[LEV_MAX_LEN + 1];
    uint32_t term[LEV_MAX_LEN];
    uint32_t bytes[LEV_MAX_LEN + 1]; /* bytes[i]: length in bytes of the first i code points */
    uint32_t depth;                  /* rows that are valid for the last term */
    char last[LEV_MAX_LEN * 4];
};

/* Words longer than LEV_MAX_LEN code points match nothing. */
void lev_walk_init(struct lev_walk *w, struct slice word, uint32_t max);
/*
 * True when the term is within reach; *distance then. Otherwise *skip is the shortest beginning of
 * the term that rules out every term starting so (empty when only this term is ruled out).
 */
bool lev_walk_term(struct lev_walk *w, struct slice term, uint32_t *distance, struct slice *skip);
/* The same for one pair; max + 1 when further apart. */
uint32_t lev_distance(struct slice a, struct slice b, uint32_t max);

/* The code point at *at of UTF-8 that was checked before; *at comes behind it. */
static inline uint32_t lev_next_point(struct slice s, uint32_t *at)
{
    unsigned char c = (unsigned char)s.ptr[*at];
    if (c < 0x80) {
        ++*at;
        return c;
    }
    uint32_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4, v = c & (0xffu >> (n + 1));
    for (uint32_t i = 1; i < n && *at + i < s.len; i++)
        v = v << 6 | ((unsigned char)s.ptr[*at + i] & 0x3f);
    *at = *at + n < s.len ? *at + n : (uint32_t)s.len;
    return v;
}

#endif
