#include "index/topk.h"
#include "index/order.h"

#include <string.h>

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

static void insertion(struct candidate *items, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct candidate c = items[i];
        uint32_t k = i;
        for (; k && candidate_before(&c, &items[k - 1]); k--)
            items[k] = items[k - 1];
        items[k] = c;
    }
}

static void merge(const struct candidate *a, uint32_t a_count, const struct candidate *b,
                  uint32_t b_count, struct candidate *out)
{
    const struct candidate *a_end = a + a_count, *b_end = b + b_count;
    while (a < a_end && b < b_end)
        *out++ = candidate_before(b, a) ? *b++ : *a++;
    while (a < a_end)
        *out++ = *a++;
    while (b < b_end)
        *out++ = *b++;
}

/* Short runs by insertion, then merged two by two, to and fro between `items` and a room beside. */
void candidates_sort(struct candidate *items, uint32_t count)
{
    enum { RUN = 8, ROOM = 256 };
    struct candidate room[ROOM], *from = items, *to = room;
    if (count > ROOM) {
        order_items(items, count, sizeof *items, by_rank);
        return;
    }
    for (uint32_t i = 0; i < count; i += RUN)
        insertion(items + i, count - i < RUN ? count - i : RUN);
    for (uint32_t run = RUN; run < count; run *= 2) {
        for (uint32_t i = 0; i < count; i += 2 * run) {
            uint32_t left = count - i, a = left < run ? left : run;
            uint32_t b = left - a < run ? left - a : run;
            merge(from + i, a, from + i + a, b, to + i);
        }
        struct candidate *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, count * sizeof *items);
}

void topk_sort(struct topk *t)
{
    candidates_sort(t->items, t->count);
}
