#include "index/topk.h"
#include "index/order.h"

#include <stdlib.h>

static void sift_down(struct topk *t, uint32_t at)
{
    struct candidate c = t->items[at];
    for (;;) {
        uint32_t child = at * 2 + 1;
        if (child >= t->count)
            break;
        if (child + 1 < t->count && candidate_before(&t->items[child], &t->items[child + 1]))
            child++;
        if (!candidate_before(&c, &t->items[child]))
            break;
        t->items[at] = t->items[child];
        at = child;
    }
    t->items[at] = c;
}

void topk_push(struct topk *t, const struct candidate *c)
{
    if (t->count == t->cap) {
        if (t->cap == 0 || !candidate_before(c, &t->items[0]))
            return;
        t->items[0] = *c;
        sift_down(t, 0);
        return;
    }
    uint32_t at = t->count++;
    while (at && candidate_before(&t->items[(at - 1) / 2], c)) {
        t->items[at] = t->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    t->items[at] = *c;
}

void topk_push_once(struct topk *t, const struct candidate *c)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->items[i].docid == c->docid) {
            if (candidate_before(c, &t->items[i])) {
                t->items[i] = *c; /* better: away from the front */
                sift_down(t, i);
            }
            return;
        }
    topk_push(t, c);
}

static int by_rank(const void *a, const void *b)
{
    return candidate_before(a, b) ? -1 : 1;
}

void topk_sort(struct topk *t)
{
    if (t->count > 1)
        order_items(t->items, t->count, sizeof *t->items, by_rank);
}
