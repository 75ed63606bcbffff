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
    uint32_t *heads, *next; /* chains of ordinals + 1 by their tail, ascending; 0 ends one */
    uint32_t mask;          /* of `heads` */
    uint64_t used;          /* tick of the last use, 0 = free */
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
        free((*t)->lists[i].heads);
    free(*t);
    *t = NULL;
}

static uint32_t *chain_of(const struct tail_list *l, struct slice term)
{
    uint32_t v;
    memcpy(&v, term.ptr + term.len - TAIL_BYTES, TAIL_BYTES);
    v *= UINT32_C(0x9e3779b1);
    return &l->heads[(v ^ v >> 15) & l->mask];
}

static bool same(const struct key *a, const struct key *b)
{
    return a->number == b->number && a->base == b->base && a->docs == b->docs &&
           a->terms == b->terms && a->postings == b->postings;
}

static enum status fill(struct tail_list *l, const struct segment *s)
{
    uint32_t slots = 64;
    while (slots < l->key.terms)
        slots *= 2;
    free(l->heads);
    l->heads = calloc((size_t)slots + l->key.terms, sizeof *l->heads);
    if (!l->heads)
        return STATUS_NO_MEMORY;
    l->next = l->heads + slots;
    l->mask = slots - 1;
    for (uint32_t o = l->key.terms; o-- > 0;) { /* the first comes last, to the front */
        struct slice term;
        enum status st = segment_term(s, o, &term);
        if (st)
            return st;
        if (term.len < TAIL_BYTES)
            continue;
        uint32_t *head = chain_of(l, term);
        l->next[o] = *head;
        *head = o + 1;
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

enum status tails_find(struct tails *t, const struct segment *s, struct slice word,
                       enum status (*found)(void *ctx, struct slice term), void *ctx)
{
    struct tail_list *l;
    if (word.len < TAIL_BYTES)
        return STATUS_OK;
    enum status st = list_of(t, s, &l);
    for (uint32_t at = st ? 0 : *chain_of(l, word); !st && at; at = l->next[at - 1]) {
        struct slice term;
        st = segment_term(s, at - 1, &term);
        if (!st && term.len > word.len &&
            memcmp(term.ptr + term.len - word.len, word.ptr, word.len) == 0)
            st = found(ctx, term);
    }
    return st == STATUS_END ? STATUS_OK : st;
}
