/* piece_match - finds the longest of a fixed set of pieces at a place; for pieces*.c only. */
#ifndef SOUK_INDEX_PIECE_MATCH_H
#define SOUK_INDEX_PIECE_MATCH_H

#include "index/pieces.h"

/*
 * A trie in two arrays. The child of a node by a byte stands at the node's base ^ byte, so a step
 * is one load; all children of a node lie within 256 places, and nodes near the root were placed
 * first, so what is walked most shares few cache lines.
 *
 *   links[]    bit 31: a node stands here | its base << 8, 0 = it has no children | its byte
 *   numbers[]  of the piece that ends at the node + 1; 0 = none ends there
 */
struct piece_match {
    uint32_t *links;
    uint16_t *numbers;
};

/* `count` pieces of `lens[i]` bytes, 1 to PIECE_MAX, lying back to back; fewer than 65,535.
 * CORRUPT when one is there twice, NO_MEMORY. */
enum status piece_match_init(struct piece_match *m, const uint8_t *lens, const uint8_t *bytes,
                             uint32_t count);
void piece_match_fini(struct piece_match *m);

enum { PIECE_MATCH_ROOT = 256, PIECE_MATCH_NODE = 1 << 23 }; /* _NODE: of links, shifted by 8 */

/* Goes through the pieces that a place begins with, the shortest first. */
struct piece_walk {
    const uint8_t *at;
    uint32_t base; /* 0: no longer ones */
};

static inline struct piece_walk piece_walk_from(const uint8_t *at)
{
    return (struct piece_walk){at, PIECE_MATCH_ROOT};
}

/* The number + 1 of the next, which ends at w->at; 0 behind the last. */
static inline uint32_t piece_walk_next(const struct piece_match *m, struct piece_walk *w,
                                       const uint8_t *end)
{
    while (w->at < end && w->base) {
        uint32_t place = w->base ^ *w->at, link = m->links[place];
        if ((link & (UINT32_C(1) << 31 | 0xff)) != (UINT32_C(1) << 31 | *w->at))
            break;
        w->at++;
        w->base = link >> 8 & (PIECE_MATCH_NODE - 1);
        if (m->numbers[place])
            return m->numbers[place];
    }
    w->base = 0;
    return 0;
}

/* The number + 1 of the longest piece that `at` begins with, and its length; 0 when there is none.
 */
static inline uint32_t piece_match_longest(const struct piece_match *m, const uint8_t *at,
                                           const uint8_t *end, size_t *matched)
{
    uint32_t base = PIECE_MATCH_ROOT, found = 0;
    const uint8_t *from = at, *last = at;
    while (at < end) {
        uint32_t place = base ^ *at, link = m->links[place];
        if ((link & (UINT32_C(1) << 31 | 0xff)) != (UINT32_C(1) << 31 | *at))
            break;
        uint32_t number = m->numbers[place];
        at++;
        last = number ? at : last;
        found = number ? number : found;
        base = link >> 8 & (PIECE_MATCH_NODE - 1);
        if (!base)
            break;
    }
    *matched = (size_t)(last - from);
    return found;
}

#endif
