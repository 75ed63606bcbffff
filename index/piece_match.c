#include "index/piece_match.h"

#include <stdlib.h>
#include <string.h>

/*
 * Pieces are sorted; the nodes of one depth are runs of pieces that begin alike. Level by level the
 * children of each node are put where all of them find room: in one of the blocks of 256 places
 * that were opened last. Bases are not shared, so that a child's byte tells whose it is.
 */

enum { BLOCK = 256, WORDS = BLOCK / 64, OPEN_BLOCKS = 16 };

struct sorted {
    const uint8_t *bytes;
    uint8_t len;
    uint16_t number;
};

struct run { /* pieces that share the bytes of a node */
    uint32_t from, to, place;
};

struct block { /* a bit each: places that are full, bases that are taken */
    uint64_t full[WORDS], bases[WORDS];
    uint32_t used;
};

struct maker {
    struct piece_match *match;
    struct sorted *pieces;
    struct run *runs, *next; /* nodes of this depth and of the one below */
    struct block *blocks;
    uint32_t run_count, next_count, block_count, room;
};

static int by_bytes(const void *x, const void *y)
{
    const struct sorted *a = x, *b = y;
    int c = memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);
    return c ? c : (int)a->len - (int)b->len;
}

static bool open_block(struct maker *k)
{
    struct piece_match *m = k->match;
    if (k->block_count == k->room) {
        uint32_t room = k->room ? k->room * 2 : 64;
        uint32_t *links = realloc(m->links, (size_t)room * BLOCK * sizeof *links);
        m->links = links ? links : m->links;
        uint16_t *numbers = realloc(m->numbers, (size_t)room * BLOCK * sizeof *numbers);
        m->numbers = numbers ? numbers : m->numbers;
        struct block *blocks = realloc(k->blocks, room * sizeof *blocks);
        k->blocks = blocks ? blocks : k->blocks;
        if (!links || !numbers || !blocks || room * BLOCK > PIECE_MATCH_NODE)
            return false;
        k->room = room;
    }
    memset(m->links + (size_t)k->block_count * BLOCK, 0, BLOCK * sizeof *m->links);
    memset(m->numbers + (size_t)k->block_count * BLOCK, 0, BLOCK * sizeof *m->numbers);
    k->blocks[k->block_count++] = (struct block){0};
    return true;
}

/* Bit i of a word goes to bit i ^ by. */
static uint64_t moved(uint64_t w, uint32_t by)
{
    static const uint64_t low[6] = {UINT64_C(0x5555555555555555), UINT64_C(0x3333333333333333),
                                    UINT64_C(0x0f0f0f0f0f0f0f0f), UINT64_C(0x00ff00ff00ff00ff),
                                    UINT64_C(0x0000ffff0000ffff), UINT64_C(0x00000000ffffffff)};
    for (uint32_t i = 0; i < 6; i++)
        if (by >> i & 1)
            w = (w >> (1 << i) & low[i]) | (w & low[i]) << (1 << i);
    return w;
}

/* The first base of a block from which all children find an empty place; BLOCK when none does. */
static uint32_t base_in(const struct block *b, const uint8_t *labels, uint32_t count)
{
    for (uint32_t w = 0; w < WORDS; w++) {
        uint64_t good = ~b->bases[w];
        for (uint32_t i = 0; i < count && good; i++)
            good &= ~moved(b->full[w ^ labels[i] >> 6], labels[i] & 63);
        if (good)
            return w * 64 + (uint32_t)__builtin_ctzll(good);
    }
    return BLOCK;
}

/* A base with room for children by these bytes; 0 without memory. */
static uint32_t find_base(struct maker *k, const uint8_t *labels, uint32_t count)
{
    uint32_t from = k->block_count > OPEN_BLOCKS + 2 ? k->block_count - OPEN_BLOCKS : 2;
    for (uint32_t i = from; i < k->block_count; i++) {
        uint32_t in =
            BLOCK - k->blocks[i].used < count ? BLOCK : base_in(&k->blocks[i], labels, count);
        if (in < BLOCK)
            return i * BLOCK + in;
    }
    return open_block(k) ? (k->block_count - 1) * BLOCK : 0;
}

static void put_node(struct maker *k, uint32_t place, uint8_t label, uint32_t number)
{
    struct block *b = &k->blocks[place / BLOCK];
    b->full[place % BLOCK / 64] |= UINT64_C(1) << place % 64;
    b->used++;
    k->match->links[place] = UINT32_C(1) << 31 | label;
    k->match->numbers[place] = (uint16_t)number;
}

/* Puts the children of a node, whose pieces share `depth` bytes, behind its base. */
static bool put_children(struct maker *k, struct run node, uint32_t depth)
{
    uint8_t labels[BLOCK];
    uint32_t starts[BLOCK + 1], count = 0, at = node.from;
    at += k->pieces[at].len == depth; /* the piece of the node itself */
    for (uint32_t i = at; i < node.to; i++) {
        uint8_t label = k->pieces[i].bytes[depth];
        if (count && labels[count - 1] == label)
            continue;
        labels[count] = label;
        starts[count++] = i;
    }
    if (!count)
        return true;
    starts[count] = node.to;
    uint32_t base = node.place ? find_base(k, labels, count) : PIECE_MATCH_ROOT;
    if (!base)
        return false;
    k->blocks[base / BLOCK].bases[base % BLOCK / 64] |= UINT64_C(1) << base % 64;
    if (node.place)
        k->match->links[node.place] |= base << 8;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = base ^ labels[i];
        const struct sorted *first = &k->pieces[starts[i]];
        put_node(k, place, labels[i], first->len == depth + 1 ? first->number + 1u : 0);
        k->next[k->next_count++] = (struct run){starts[i], starts[i + 1], place};
    }
    return true;
}

static enum status make(struct maker *k, const uint8_t *lens, const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; bytes += lens[i++])
        k->pieces[i] = (struct sorted){bytes, lens[i], (uint16_t)i};
    qsort(k->pieces, count, sizeof *k->pieces, by_bytes);
    for (uint32_t i = 1; i < count; i++)
        if (by_bytes(&k->pieces[i - 1], &k->pieces[i]) == 0)
            return STATUS_CORRUPT;
    for (uint32_t i = 0; i < 2; i++) /* block 0 stays empty: base 0 is none */
        if (!open_block(k))
            return STATUS_NO_MEMORY;
    k->runs[k->run_count++] = (struct run){0, count, 0};
    for (uint32_t depth = 0; depth < PIECE_MAX && k->run_count && count; depth++) {
        k->next_count = 0;
        for (uint32_t i = 0; i < k->run_count; i++)
            if (!put_children(k, k->runs[i], depth))
                return STATUS_NO_MEMORY;
        struct run *swap = k->runs;
        k->runs = k->next;
        k->next = swap;
        k->run_count = k->next_count;
    }
    return STATUS_OK;
}

enum status piece_match_init(struct piece_match *m, const uint8_t *lens, const uint8_t *bytes,
                             uint32_t count)
{
    struct maker k = {.match = m};
    *m = (struct piece_match){0};
    k.pieces = malloc((count + 1u) * sizeof *k.pieces);
    k.runs = malloc((count + 1u) * sizeof *k.runs);
    k.next = malloc((count + 1u) * sizeof *k.next);
    enum status st = k.pieces && k.runs && k.next ? make(&k, lens, bytes, count) : STATUS_NO_MEMORY;
    free(k.pieces);
    free(k.runs);
    free(k.next);
    free(k.blocks);
    if (st)
        piece_match_fini(m);
    return st;
}

void piece_match_fini(struct piece_match *m)
{
    free(m->links);
    free(m->numbers);
    *m = (struct piece_match){0};
}
