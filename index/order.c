#include "index/order.h"

#include <assert.h>
#include <string.h>

enum { ITEM_MAX = 128, FEW = 24 };

struct sorting {
    char *items;
    size_t size;
    int (*compare)(const void *, const void *);
};

static char *at(const struct sorting *s, size_t i)
{
    return s->items + i * s->size;
}

static void insertion(const struct sorting *s, size_t count)
{
    char item[ITEM_MAX];
    for (size_t i = 1; i < count; i++) {
        size_t k = i;
        while (k > 0 && s->compare(at(s, k - 1), at(s, i)) > 0)
            k--;
        if (k == i)
            continue;
        memcpy(item, at(s, i), s->size);
        memmove(at(s, k + 1), at(s, k), (i - k) * s->size);
        memcpy(at(s, k), item, s->size);
    }
}

/* Lets the item of place `i` sink in a heap of `count`. */
static void sink(const struct sorting *s, size_t i, size_t count)
{
    char item[ITEM_MAX];
    memcpy(item, at(s, i), s->size);
    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && s->compare(at(s, child), at(s, child + 1)) < 0)
            child++;
        if (s->compare(item, at(s, child)) >= 0)
            break;
        memcpy(at(s, i), at(s, child), s->size);
    }
    memcpy(at(s, i), item, s->size);
}

static void heap(const struct sorting *s, size_t count)
{
    char item[ITEM_MAX];
    for (size_t i = count / 2; i-- > 0;)
        sink(s, i, count);
    for (size_t end = count; end-- > 1;) {
        memcpy(item, at(s, 0), s->size);
        memcpy(at(s, 0), at(s, end), s->size);
        memcpy(at(s, end), item, s->size);
        sink(s, 0, end);
    }
}

void order_items(void *items, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    const struct sorting s = {items, size, compare};
    assert(size <= ITEM_MAX);
    if (count <= FEW)
        insertion(&s, count);
    else
        heap(&s, count);
}
