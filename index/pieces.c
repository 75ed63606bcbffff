#include "index/pieces.h"
#include "index/piece_match.h"
#include "protocol/wire.h"

#include <stdlib.h>

/* --- dictionary ------------------------------------------------------------------------------- */

struct parsed {
    uint32_t count, few; /* few: pieces with a code of one byte */
    const uint8_t *lens, *bytes;
};

static enum status parse(struct slice dictionary, struct parsed *p)
{
    const uint8_t *at = (const uint8_t *)dictionary.ptr;
    size_t sum = 0;
    if (dictionary.len < PIECES_HEAD || at[0] != PIECES_VERSION || at[1] >= PIECES_LITERAL)
        return STATUS_CORRUPT;
    p->few = at[1];
    p->count = wire_load16(at + 2);
    p->lens = at + PIECES_HEAD;
    p->bytes = p->lens + p->count;
    if (dictionary.len < PIECES_HEAD + p->count ||
        p->count > p->few + (PIECES_LITERAL - p->few) * 256)
        return STATUS_CORRUPT;
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->lens[i] == 0 || p->lens[i] > PIECE_MAX)
            return STATUS_CORRUPT;
        sum += p->lens[i];
    }
    return PIECES_HEAD + p->count + sum == dictionary.len ? STATUS_OK : STATUS_CORRUPT;
}

/* --- packing ---------------------------------------------------------------------------------- */

struct pieces_encoder {
    struct piece_match match;
    uint32_t few;
};

enum status pieces_encoder_create(struct slice dictionary, struct pieces_encoder **out)
{
    struct parsed p;
    *out = NULL;
    enum status st = parse(dictionary, &p);
    if (st)
        return st;
    struct pieces_encoder *e = calloc(1, sizeof *e);
    if (!e)
        return STATUS_NO_MEMORY;
    e->few = p.few;
    st = piece_match_init(&e->match, p.lens, p.bytes, p.count);
    if (st)
        pieces_encoder_destroy(&e);
    *out = e;
    return st;
}

void pieces_encoder_destroy(struct pieces_encoder **e)
{
    if (!*e)
        return;
    piece_match_fini(&(*e)->match);
    free(*e);
    *e = NULL;
}

/* No branch on the length of a code; the second byte is written over when it is short. */
static inline uint8_t *put_code(uint8_t *to, uint32_t n, uint32_t few)
{
    bool wide = n >= few;
    to[0] = (uint8_t)(wide ? few + ((n - few) >> 8) : n);
    to[1] = (uint8_t)(n - few);
    return to + 1 + wide;
}

static inline uint8_t *put_literal(uint8_t *to, uint8_t byte)
{
    *to++ = PIECES_LITERAL;
    *to++ = byte;
    return to;
}

size_t pieces_encode(const struct pieces_encoder *e, struct slice text, uint8_t *out)
{
    const uint8_t *at = (const uint8_t *)text.ptr, *end = at + text.len;
    uint8_t *to = out;
    while (at < end) {
        size_t matched;
        uint32_t n = piece_match_longest(&e->match, at, end, &matched);
        to = n ? put_code(to, n - 1, e->few) : put_literal(to, *at);
        at += n ? matched : 1;
    }
    return (size_t)(to - out);
}

/* From the end to the beginning: what is the best way on from each byte. */
size_t pieces_encode_least(const struct pieces_encoder *e, struct slice text,
                           struct pieces_work *work, uint8_t *out)
{
    const uint8_t *bytes = (const uint8_t *)text.ptr, *end = bytes + text.len;
    uint8_t *to = out;
    work[text.len].cost = 0;
    for (size_t i = text.len; i-- > 0;) {
        struct piece_walk walk = piece_walk_from(bytes + i);
        struct pieces_work best = {work[i + 1].cost + 2, 0, 1};
        uint32_t n;
        while ((n = piece_walk_next(&e->match, &walk, end))) {
            size_t len = (size_t)(walk.at - (bytes + i));
            uint32_t cost = work[i + len].cost + (n - 1 < e->few ? 1 : 2);
            if (cost <= best.cost) /* the longer of two as good: fewer codes to unpack */
                best = (struct pieces_work){cost, (uint16_t)n, (uint16_t)len};
        }
        work[i] = best;
    }
    for (size_t i = 0; i < text.len; i += work[i].len)
        to = work[i].piece ? put_code(to, work[i].piece - 1u, e->few) : put_literal(to, bytes[i]);
    return (size_t)(to - out);
}

/* --- unpacking -------------------------------------------------------------------------------- */

struct pieces_decoder {
    uint32_t count, few;
    uint8_t *lens;
    char (*bytes)[PIECE_MAX];
};

enum status pieces_decoder_create(struct slice dictionary, struct pieces_decoder **out)
{
    struct parsed p;
    *out = NULL;
    enum status st = parse(dictionary, &p);
    if (st)
        return st;
    struct pieces_decoder *d = calloc(1, sizeof *d);
    if (!d)
        return STATUS_NO_MEMORY;
    d->count = p.count;
    d->few = p.few;
    d->lens = malloc(p.count + 1u);
    d->bytes = calloc(p.count + 1u, sizeof *d->bytes);
    if (!d->lens || !d->bytes) {
        pieces_decoder_destroy(&d);
        return STATUS_NO_MEMORY;
    }
    memcpy(d->lens, p.lens, p.count);
    for (uint32_t i = 0; i < p.count; p.bytes += p.lens[i++])
        memcpy(d->bytes[i], p.bytes, p.lens[i]);
    *out = d;
    return STATUS_OK;
}

void pieces_decoder_destroy(struct pieces_decoder **d)
{
    if (!*d)
        return;
    free((*d)->lens);
    free((*d)->bytes);
    free(*d);
    *d = NULL;
}

enum status pieces_decode(const struct pieces_decoder *d, struct slice packed, char *out,
                          size_t *len)
{
    const uint8_t *at = (const uint8_t *)packed.ptr, *end = at + packed.len;
    uint32_t few = d->few;
    char *to = out;
    while (at < end) {
        /* No branch on the length of a code: it is as good as random. */
        uint32_t first = at[0], behind = end - at > 1 ? at[1] : 0, more = first >= few,
                 wide = few + ((first - few) << 8 | behind), n = more ? wide : first;
        if (first == PIECES_LITERAL && end - at > 1) {
            *to++ = (char)behind;
            at += 2;
            continue;
        }
        at += 1 + more;
        if (n >= d->count || at > end)
            return STATUS_CORRUPT;
        memcpy(to, d->bytes[n], PIECE_MAX); /* always 16: cheaper than asking how many */
        to += d->lens[n];
    }
    *len = (size_t)(to - out);
    return STATUS_OK;
}
