#include "index/piece_match.h"
#include "index/piece_set.h"
#include "index/pieces.h"
#include "protocol/wire.h"

#include <stdlib.h>

/*
 * One walk over the sample finds pieces: the longest known one and the next after it are counted
 * as a pair, and a pair seen often enough becomes a piece at once, so that pieces grow while the
 * walk goes on. A second walk counts what is used when the longest always wins; what does not earn
 * its place in the dictionary goes, a third counts again and gives the shortest codes to the most
 * used.
 */

enum {
    GROW_MAX = 48000, /* pieces tried */
    PAIR_BITS = 20,
    PAIR_SLOTS = 1 << PAIR_BITS /* eight megabytes; fewer and pairs are forgotten all the time */
};

struct pair {
    uint32_t key; /* left << 16 | right, + 1 */
    uint32_t count;
};

struct piece {
    uint8_t len, bytes[PIECE_MAX];
    uint32_t uses;
};

struct trainer {
    struct slice samples;
    const size_t *lens;
    uint32_t count;
    struct piece_set *set;
    struct piece *pieces; /* by number in the set; once it is grown, those that are kept */
    uint32_t kept;
    struct pair *pairs;
    uint32_t pair_count, often;
    bool failed;
};

static uint32_t add(struct trainer *t, const uint8_t *bytes, size_t len)
{
    uint32_t n = piece_set_add(t->set, bytes, len);
    if (n == PIECE_NONE)
        return n;
    t->pieces[n].len = (uint8_t)len;
    memcpy(t->pieces[n].bytes, bytes, len);
    t->kept = piece_set_count(t->set);
    return n;
}

/* Pairs seen once make room for new ones; if that is not enough, all do. */
static void forget_pairs(struct trainer *t)
{
    struct pair *fresh = calloc(PAIR_SLOTS, sizeof *fresh);
    if (!fresh) {
        t->failed = true;
        return;
    }
    t->pair_count = 0;
    for (uint32_t i = 0; i < PAIR_SLOTS && t->pair_count < PAIR_SLOTS / 4; i++) {
        uint32_t at = t->pairs[i].key * UINT32_C(0x9e3779b1) >> (32 - PAIR_BITS);
        if (t->pairs[i].count < 2)
            continue;
        while (fresh[at].key)
            at = (at + 1) % PAIR_SLOTS;
        fresh[at] = t->pairs[i];
        t->pair_count++;
    }
    free(t->pairs);
    t->pairs = fresh;
}

static struct pair *pair_of(struct trainer *t, uint32_t left, uint32_t right)
{
    uint32_t key = (left << 16 | right) + 1, at = key * UINT32_C(0x9e3779b1) >> (32 - PAIR_BITS);
    if (t->pair_count > PAIR_SLOTS / 4 * 3)
        forget_pairs(t);
    while (t->pairs[at].key && t->pairs[at].key != key)
        at = (at + 1) % PAIR_SLOTS;
    t->pair_count += !t->pairs[at].key;
    t->pairs[at].key = key;
    return &t->pairs[at];
}

static void grow_from(struct trainer *t, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *left_at = at;
    size_t left_len = 0, len;
    uint32_t left = PIECE_NONE;
    for (; at < end && !t->failed; at += len) {
        uint32_t right = piece_set_longest(t->set, at, (size_t)(end - at), &len);
        if (left != PIECE_NONE && left_len + len <= PIECE_MAX) {
            struct pair *p = pair_of(t, left, right);
            if (++p->count >= t->often) {
                p->count = 0;
                uint32_t both = add(t, left_at, left_len + len);
                if (both != PIECE_NONE) {
                    left = both;
                    left_len += len;
                    continue;
                }
            }
        }
        left = right;
        left_at = at;
        left_len = len;
    }
}

static void grow(struct trainer *t)
{
    const uint8_t *at = (const uint8_t *)t->samples.ptr;
    for (uint32_t i = 0; i < t->count && !t->failed; at += t->lens[i++])
        grow_from(t, at, at + t->lens[i]);
}

/* Counts how often each piece is used when the longest always wins. */
static void count_uses(struct trainer *t)
{
    const uint8_t *at = (const uint8_t *)t->samples.ptr, *end;
    uint8_t *lens = malloc((size_t)t->kept * (1 + PIECE_MAX) + 1), *bytes = lens + t->kept;
    struct piece_match match = {0};
    for (uint32_t i = 0; lens && i < t->kept; bytes += lens[i++]) {
        t->pieces[i].uses = 0;
        lens[i] = t->pieces[i].len;
        memcpy(bytes, t->pieces[i].bytes, lens[i]);
    }
    t->failed |= !lens || piece_match_init(&match, lens, lens + t->kept, t->kept);
    for (uint32_t i = 0; i < t->count && !t->failed; i++)
        for (end = at + t->lens[i]; at < end;) {
            size_t len;
            uint32_t n = piece_match_longest(&match, at, end, &len);
            at += n ? len : 1;
            t->pieces[n ? n - 1 : t->kept].uses++; /* the one behind the last counts the rest */
        }
    piece_match_fini(&match);
    free(lens);
}

static int by_uses(const void *x, const void *y)
{
    const struct piece *a = x, *b = y;
    if (a->uses != b->uses)
        return a->uses > b->uses ? -1 : 1;
    return a->len != b->len ? (a->len > b->len ? -1 : 1) : memcmp(a->bytes, b->bytes, a->len);
}

/* Is it used often enough to pay for its place? Without it two shorter ones would stand there. */
static bool earns(const struct piece *p)
{
    return p->len == 1 ? p->uses > 2 : p->uses * 3 > (p->len + 1u) * 2;
}

/* Those that earn their place, the most used first. */
static void keep_best(struct trainer *t)
{
    uint32_t most = t->kept < PIECES_MAX ? t->kept : PIECES_MAX;
    qsort(t->pieces, t->kept, sizeof *t->pieces, by_uses);
    t->kept = 0;
    for (uint32_t i = 0; i < most && t->pieces[i].uses > 1; i++)
        if (earns(&t->pieces[i]))
            t->pieces[t->kept++] = t->pieces[i];
}

/* As many as possible get a code of one byte: so that the rest fits into those of two. */
static uint32_t short_codes(uint32_t count)
{
    uint32_t few = PIECES_LITERAL - 1;
    while (few + (PIECES_LITERAL - few) * 256 < count)
        few--;
    return few < count ? few : count;
}

static void write_out(struct trainer *t, struct buf *out)
{
    uint32_t n = t->kept;
    qsort(t->pieces, n, sizeof *t->pieces, by_uses);
    uint32_t few = short_codes(n), kept = 0;
    for (uint32_t i = 0; i < n; i++) /* a letter with a code of two bytes is no better than plain */
        if (i < few || t->pieces[i].len > 1)
            t->pieces[kept++] = t->pieces[i];
    few = few < kept ? few : kept;
    buf_put_u8(out, PIECES_VERSION);
    buf_put_u8(out, (uint8_t)few);
    wire_put_u16(out, (uint16_t)kept);
    for (uint32_t i = 0; i < kept; i++)
        buf_put_u8(out, t->pieces[i].len);
    for (uint32_t i = 0; i < kept; i++)
        buf_put(out, t->pieces[i].bytes, t->pieces[i].len);
}

static enum status train(struct trainer *t, struct buf *dictionary)
{
    for (uint32_t b = 0; b < 256; b++)
        add(t, &(uint8_t){(uint8_t)b}, 1);
    /* Of 4 MiB ten: fewer and it learns what only the sample has, more and it misses too much. */
    t->often = (uint32_t)(t->samples.len >> 19) + 2;
    t->often = t->often < 3 ? 3 : t->often > 16 ? 16 : t->often;
    grow(t);
    count_uses(t);
    keep_best(t);
    count_uses(t);
    if (t->failed)
        return STATUS_NO_MEMORY;
    if (t->kept < 16)
        return STATUS_INVALID;
    write_out(t, dictionary);
    return dictionary->failed ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status pieces_train(struct slice samples, const size_t *lens, uint32_t count,
                         struct buf *dictionary)
{
    struct trainer t = {.samples = samples, .lens = lens, .count = count};
    t.set = piece_set_create(GROW_MAX);
    t.pieces = calloc(GROW_MAX + 1, sizeof *t.pieces);
    t.pairs = calloc(PAIR_SLOTS, sizeof *t.pairs);
    enum status st = t.set && t.pieces && t.pairs ? train(&t, dictionary) : STATUS_NO_MEMORY;
    piece_set_destroy(&t.set);
    free(t.pieces);
    free(t.pairs);
    return st;
}
