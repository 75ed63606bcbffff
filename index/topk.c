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

static int by_rank(const void *a, const void *b)
{
    return candidate_before(a, b) ? -1 : 1;
}

static void insertion(struct candidate *items, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (!candidate_before(&items[i], &items[i - 1]))
            continue;
        struct candidate c = items[i];
        uint32_t k = i;
        for (; k && candidate_before(&c, &items[k - 1]); k--)
            items[k] = items[k - 1];
        items[k] = c;
    }
}

/* By the first key alone, as numbers with their places; then what is left between equal ones. */
void candidates_sort(struct candidate *items, uint32_t count)
{
    enum { MOST = 256, PLACE_BITS = 8 };
    struct candidate ordered[MOST];
    uint64_t numbers[MOST], room[MOST], all = 0;
    for (uint32_t i = 0; i < count; i++)
        all |= items[i].keys[0];
    if (count > MOST || all >> (64 - PLACE_BITS)) {
        order_items(items, count, sizeof *items, by_rank);
        return;
    }
    for (uint32_t i = 0; i < count; i++) /* the greatest key first */
        numbers[i] = ~items[i].keys[0] << PLACE_BITS | i;
    order_numbers(numbers, room, count);
    for (uint32_t i = 0; i < count; i++)
        ordered[i] = items[numbers[i] & (MOST - 1)];
    memcpy(items, ordered, count * sizeof *items);
    insertion(items, count);
}

void topk_sort(struct topk *t)
{
    candidates_sort(t->items, t->count);
}
