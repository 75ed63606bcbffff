#include "index/piece_set.h"

#include <stdlib.h>
#include <string.h>

/*
 * A trie whose edges lie in one hash table: (node, byte) -> node. Node 0 is the root and never a
 * child, so a key of 0 with a child of 0 is an empty slot. What is walked most stays in the second
 * level cache.
 */

struct edge {
    uint32_t key; /* node << 8 | byte */
    uint32_t child;
};

struct piece_set {
    struct edge *edges;
    uint32_t mask, nodes, count, most;
    uint16_t *piece;     /* by node, + 1; 0 = none ends there */
    uint32_t first[256]; /* children of the root */
};

enum { NODES_MAX = 1 << 24 };

static uint32_t slot_of(const struct piece_set *s, uint32_t key)
{
    return (key * UINT32_C(0x9e3779b1)) >> 7 & s->mask;
}

struct piece_set *piece_set_create(uint32_t most)
{
    struct piece_set *s = calloc(1, sizeof *s);
    if (!s || most >= PIECE_NONE)
        goto fail;
    s->mask = 1023;
    s->nodes = 1;
    s->most = most;
    s->edges = calloc((size_t)s->mask + 1, sizeof *s->edges);
    s->piece = calloc((size_t)s->mask + 1, sizeof *s->piece);
    if (s->edges && s->piece)
        return s;
fail:
    piece_set_destroy(&s);
    return NULL;
}

void piece_set_destroy(struct piece_set **s)
{
    if (!*s)
        return;
    free((*s)->edges);
    free((*s)->piece);
    free(*s);
    *s = NULL;
}

uint32_t piece_set_count(const struct piece_set *s)
{
    return s->count;
}

static uint32_t child_of(const struct piece_set *s, uint32_t node, uint8_t byte)
{
    if (!node)
        return s->first[byte];
    uint32_t key = node << 8 | byte, at = slot_of(s, key);
    for (; s->edges[at].child; at = (at + 1) & s->mask)
        if (s->edges[at].key == key)
            return s->edges[at].child;
    return 0;
}

/* Twice the room; false without memory. */
static bool grow(struct piece_set *s)
{
    uint32_t mask = s->mask * 2 + 1;
    struct edge *edges = calloc((size_t)mask + 1, sizeof *edges);
    uint16_t *piece = realloc(s->piece, ((size_t)mask + 1) * sizeof *piece);
    if (piece)
        s->piece = piece;
    if (!edges || !piece || mask >= NODES_MAX) {
        free(edges);
        return false;
    }
    memset(piece + s->mask + 1, 0, ((size_t)mask - s->mask) * sizeof *piece);
    struct edge *old = s->edges;
    uint32_t count = s->mask + 1;
    s->edges = edges;
    s->mask = mask;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = slot_of(s, old[i].key);
        if (!old[i].child)
            continue;
        while (edges[at].child)
            at = (at + 1) & mask;
        edges[at] = old[i];
    }
    free(old);
    return true;
}

static uint32_t add_child(struct piece_set *s, uint32_t node, uint8_t byte)
{
    if (s->nodes * 2 > s->mask && !grow(s))
        return 0;
    uint32_t child = s->nodes++;
    if (!node) {
        s->first[byte] = child;
        return child;
    }
    uint32_t key = node << 8 | byte, at = slot_of(s, key);
    while (s->edges[at].child)
        at = (at + 1) & s->mask;
    s->edges[at] = (struct edge){key, child};
    return child;
}

uint32_t piece_set_add(struct piece_set *s, const uint8_t *bytes, size_t len)
{
    uint32_t node = 0;
    if (s->count == s->most)
        return PIECE_NONE;
    for (size_t i = 0; i < len; i++) {
        uint32_t child = child_of(s, node, bytes[i]);
        node = child ? child : add_child(s, node, bytes[i]);
        if (!node)
            return PIECE_NONE;
    }
    if (!s->piece[node])
        s->piece[node] = (uint16_t)++s->count;
    return s->piece[node] - 1u;
}

uint32_t piece_set_longest(const struct piece_set *s, const uint8_t *bytes, size_t len,
                           size_t *matched)
{
    uint32_t found = PIECE_NONE, node = 0;
    *matched = 0;
    for (size_t i = 0; i < len && i < PIECE_MAX; i++) {
        node = child_of(s, node, bytes[i]);
        if (!node)
            break;
        if (s->piece[node]) {
            found = s->piece[node] - 1u;
            *matched = i + 1;
        }
    }
    return found;
}
