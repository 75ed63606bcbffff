#include "index/match_private.h"

#include <string.h>

/*
 * Any word, where few documents fall into a window: blocks of the lists meet directly. From a
 * document on, each list has a block that reaches furthest; up to the end of the one that ends
 * first, the documents of all stand in these blocks alone. What two blocks hold both is added up in
 * the first of them and nothing in the second, what does not reach `least` is dropped, and the rest
 * put in order.
 */

/* The documents of one block that take part. */
struct part {
    uint32_t *docs, *scores;
    uint32_t count;
};

uint32_t match_meet_end(struct list **lists, uint32_t count, uint32_t from, uint32_t *bound)
{
    uint32_t end = DOC_NONE;
    *bound = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct list *l = lists[i];
        l->cur = postings_seek_block(&l->p, l->cur, from);
        if (l->cur >= l->p.block_count)
            continue;
        end = l->p.last[l->cur] < end ? l->p.last[l->cur] : end;
        *bound += list_block_bound(l, l->cur);
    }
    return end;
}

static enum status load(struct list **lists, uint32_t count, uint32_t from, uint32_t *end)
{
    for (uint32_t i = 0; i < count; i++) {
        struct list *l = lists[i];
        if (l->cur >= l->p.block_count)
            continue;
        enum status st = list_load(l, l->cur);
        if (st)
            return st;
        list_score(l);
        if (l->at < l->block.count && l->block.docs[l->at] < from)
            l->at += kernels_best()->upto(l->block.docs + l->at, l->block.count - l->at, from - 1);
        /* the last of a list of one block is known only now */
        uint32_t last = l->block.docs[l->block.count - 1];
        *end = last < *end && last >= from ? last : *end;
    }
    return STATUS_OK;
}

/* Numbers of a part are looked up in the other block, of which more may follow: those of the
 * smaller. */
static void add_common(const struct part *a, const struct part *b)
{
    uint16_t ia[POSTINGS_BLOCK + KERNEL_SLACK], ib[POSTINGS_BLOCK + KERNEL_SLACK];
    bool swap = b->count < a->count;
    uint32_t n = swap ? kernels_best()->common(b->docs, b->count, a->docs, ib, ia)
                      : kernels_best()->common(a->docs, a->count, b->docs, ia, ib);
    for (uint32_t k = 0; k < n; k++) {
        a->scores[ia[k]] += b->scores[ib[k]];
        b->scores[ib[k]] = 0;
    }
}

/* Merges into `n` ascending documents those of a part that reach `least`; returns how many are
 * there then. */
static uint32_t merge(const struct part *p, uint32_t least, uint32_t *docs, uint32_t *scores,
                      uint32_t n)
{
    uint32_t room[2][POSTINGS_BLOCK + KERNEL_SLACK], *d = n ? room[0] : docs,
                                                     *s = n ? room[1] : scores;
    memcpy(d, p->docs, p->count * sizeof *d);
    memcpy(s, p->scores, p->count * sizeof *s);
    uint32_t more = kernels_best()->keep(d, s, p->count, least), all = n + more;
    for (uint32_t at = all; n && more;) { /* from behind */
        bool old = docs[n - 1] > d[more - 1];
        uint32_t doc = old ? docs[n - 1] : d[more - 1], score = old ? scores[n - 1] : s[more - 1];
        docs[--at] = doc;
        scores[at] = score;
        n -= old;
        more -= !old;
    }
    if (more && d != docs) {
        memcpy(docs, d, more * sizeof *d);
        memcpy(scores, s, more * sizeof *s);
    }
    return all;
}

enum status match_meet(struct list **lists, uint32_t count, uint32_t from, uint32_t *end,
                       uint32_t least, uint32_t *docs, uint32_t *scores, uint32_t *taken)
{
    struct part parts[PLAN_WORDS_MAX];
    uint32_t n = 0;
    enum status st = load(lists, count, from, end);
    *taken = 0;
    for (uint32_t i = 0; !st && i < count; i++) {
        struct list *l = lists[i];
        if (l->cur >= l->p.block_count)
            continue;
        uint32_t left = l->block.count - l->at;
        struct part *p = &parts[n++];
        *p = (struct part){l->block.docs + l->at, l->scores + l->at,
                           kernels_best()->upto(l->block.docs + l->at, left, *end)};
        l->at += p->count;
        for (uint32_t k = 0; k + 1 < n; k++)
            add_common(&parts[k], p);
    }
    for (uint32_t i = 0; !st && i < n; i++)
        *taken = merge(&parts[i], least, docs, scores, *taken);
    return st;
}
