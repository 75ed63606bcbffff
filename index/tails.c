#include "index/tails.h"
#include "index/segment_private.h"

int tails_compare(struct slice a, struct slice b)
{
    size_t most = a.len < b.len ? a.len : b.len;
    for (size_t i = 1; i <= most; i++) {
        unsigned char x = (unsigned char)a.ptr[a.len - i], y = (unsigned char)b.ptr[b.len - i];
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool tails_ordered(const struct segment *s)
{
    return s->head.tails != 0;
}

static bool ends(struct slice term, struct slice word)
{
    return term.len > word.len && memcmp(term.ptr + term.len - word.len, word.ptr, word.len) == 0;
}

static enum status term_at(const struct segment *s, uint32_t place, struct slice *term)
{
    return segment_term(s, segment_packed(s, s->head.tails, s->head.bits[ARRAY_TAILS], place),
                        term);
}

/* The first place behind all terms that are no longer than `word` or before it, read backwards. */
static enum status first_behind(const struct segment *s, struct slice word, uint32_t *place)
{
    uint32_t low = 0, high = s->head.tail_count;
    struct slice term;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        enum status st = term_at(s, middle, &term);
        if (st)
            return st;
        if (tails_compare(term, word) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    *place = low;
    return STATUS_OK;
}

static enum status walk_all(const struct segment *s, struct slice word,
                            enum status (*found)(void *ctx, struct slice term), void *ctx)
{
    enum status st = STATUS_OK;
    struct slice term;
    for (uint32_t o = 0; !st && o < s->head.term_count; o++) {
        st = segment_term(s, o, &term);
        if (!st && ends(term, word))
            st = found(ctx, term);
    }
    return st;
}

enum status tails_find(const struct segment *s, struct slice word,
                       enum status (*found)(void *ctx, struct slice term), void *ctx)
{
    uint32_t place = 0;
    struct slice term;
    if (word.len < TAIL_BYTES)
        return STATUS_OK;
    enum status st = s->head.tails ? first_behind(s, word, &place) : walk_all(s, word, found, ctx);
    for (; !st && place < s->head.tail_count; place++) {
        st = term_at(s, place, &term);
        if (!st && !ends(term, word))
            break;
        if (!st)
            st = found(ctx, term);
    }
    return st == STATUS_END ? STATUS_OK : st;
}
