#include "index/tails.h"
#include "index/segment_private.h"

#include <stdlib.h>

enum { TAILS_MAX = 64 };

/* What tells a segment from others, also of other catalogs. */
struct key {
    uint32_t number, base, docs, terms;
    uint64_t postings;
};

struct tail_list {
    struct key key;
    uint32_t *tails;
    uint64_t used; /* tick of the last use, 0 = free */
};

struct tails {
    struct tail_list lists[TAILS_MAX];
    uint64_t tick;
};

enum status tails_create(struct tails **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

void tails_destroy(struct tails **t)
{
    if (!*t)
        return;
    for (uint32_t i = 0; i < TAILS_MAX; i++)
        free((*t)->lists[i].tails);
    free(*t);
    *t = NULL;
}

static uint32_t tail_of(struct slice term)
{
    uint32_t v = 0;
    if (term.len >= TAIL_BYTES)
        memcpy(&v, term.ptr + term.len - TAIL_BYTES, TAIL_BYTES);
    return v;
}

static bool same(const struct key *a, const struct key *b)
{
    return a->number == b->number && a->base == b->base && a->docs == b->docs &&
           a->terms == b->terms && a->postings == b->postings;
}

static enum status fill(struct tail_list *l, const struct segment *s)
{
    uint32_t *tails = realloc(l->tails, ((size_t)l->key.terms + 1) * sizeof *tails);
    if (!tails)
        return STATUS_NO_MEMORY;
    l->tails = tails;
    for (uint32_t o = 0; o < l->key.terms; o++) {
        struct slice term;
        enum status st = segment_term(s, o, &term);
        if (st)
            return st;
        tails[o] = tail_of(term);
    }
    return STATUS_OK;
}

static enum status list_of(struct tails *t, const struct segment *s, struct tail_list **out)
{
    struct key key = {segment_number(s), segment_base(s), segment_doc_count(s),
                      segment_term_count(s), s->head.posting_count};
    struct tail_list *oldest = &t->lists[0];
    for (uint32_t i = 0; i < TAILS_MAX; i++) {
        struct tail_list *l = *out = &t->lists[i];
        if (l->used && same(&l->key, &key)) {
            l->used = ++t->tick;
            return STATUS_OK;
        }
        oldest = l->used < oldest->used ? l : oldest;
    }
    *out = oldest;
    oldest->key = key;
    enum status st = fill(oldest, s);
    oldest->used = st ? 0 : ++t->tick;
    return st;
}

/* The first place from `at` on that holds `want`; pieces of 32 are compared without a branch. */
static uint32_t next_tail(const uint32_t *tails, uint32_t at, uint32_t n, uint32_t want)
{
    for (; at + 32 <= n; at += 32) {
        uint32_t any = 0;
        for (uint32_t k = 0; k < 32; k++)
            any |= tails[at + k] == want;
        if (any)
            break;
    }
    while (at < n && tails[at] != want)
        at++;
    return at;
}

enum status tails_find(struct tails *t, const struct segment *s, struct slice word,
                       enum status (*found)(void *ctx, struct slice term), void *ctx)
{
    struct tail_list *l;
    uint32_t want = tail_of(word);
    if (word.len < TAIL_BYTES)
        return STATUS_OK;
    enum status st = list_of(t, s, &l);
    uint32_t n = st ? 0 : l->key.terms, at = 0;
    while (!st && (at = next_tail(l->tails, at, n, want)) < n) {
        struct slice term;
        st = segment_term(s, at++, &term);
        if (!st && term.len > word.len &&
            memcmp(term.ptr + term.len - word.len, word.ptr, word.len) == 0)
            st = found(ctx, term);
    }
    return st == STATUS_END ? STATUS_OK : st;
}
