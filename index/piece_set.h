/* piece_set - a growing set of pieces that finds the longest at a place; for pieces*.c only. */
#ifndef SOUK_INDEX_PIECE_SET_H
#define SOUK_INDEX_PIECE_SET_H

#include "index/pieces.h"

enum { PIECE_NONE = 0xffff };

struct piece_set;
/* At most `most` pieces, below PIECE_NONE; NULL without memory. */
struct piece_set *piece_set_create(uint32_t most);
void piece_set_destroy(struct piece_set **s);
/* Its number: the next one, or the one it has already; PIECE_NONE when the set is full. `len` is 1
 * to PIECE_MAX. */
uint32_t piece_set_add(struct piece_set *s, const uint8_t *bytes, size_t len);
uint32_t piece_set_count(const struct piece_set *s);
/* The longest piece that `bytes` begin with, and its length; PIECE_NONE when there is none. */
uint32_t piece_set_longest(const struct piece_set *s, const uint8_t *bytes, size_t len,
                           size_t *matched);

#endif
