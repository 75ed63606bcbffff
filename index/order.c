#include "index/order.h"
#include "index/kernels_private.h"

#include <assert.h>
#include <stdbool.h>
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

static void swap(const struct sorting *s, size_t a, size_t b)
{
    char item[ITEM_MAX];
    memcpy(item, at(s, a), s->size);
    memcpy(at(s, a), at(s, b), s->size);
    memcpy(at(s, b), item, s->size);
}

/* Puts the middle one of first, middle and last in front and parts the rest around it; returns its
 * place. */
static size_t part(const struct sorting *s, size_t count)
{
    size_t mid = count / 2, last = count - 1, low = 1;
    if (s->compare(at(s, mid), at(s, last)) > 0)
        swap(s, mid, last);
    if (s->compare(at(s, 0), at(s, last)) > 0)
        swap(s, 0, last);
    if (s->compare(at(s, 0), at(s, mid)) < 0)
        swap(s, 0, mid);
    for (size_t high = last;;) {
        while (low <= high && s->compare(at(s, low), at(s, 0)) < 0)
            low++;
        while (high >= low && s->compare(at(s, high), at(s, 0)) > 0)
            high--;
        if (low >= high)
            break;
        swap(s, low++, high--);
    }
    swap(s, 0, low - 1);
    return low - 1;
}

/* Parts until few are left; when that goes badly, by the heap. */
static void quick(struct sorting s, size_t count, unsigned depth)
{
    while (count > FEW) {
        if (depth-- == 0) {
            heap(&s, count);
            return;
        }
        size_t place = part(&s, count);
        quick(s, place, depth);
        s.items = at(&s, place + 1);
        count -= place + 1;
    }
    insertion(&s, count);
}

void order_items(void *items, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    const struct sorting s = {items, size, compare};
    assert(size <= ITEM_MAX);
    unsigned depth = 4;
    for (size_t n = count; n > 1; n /= 2)
        depth += 2;
    quick(s, count, depth);
}

static void merge_numbers(const uint64_t *a, const uint64_t *a_end, const uint64_t *b,
                          const uint64_t *b_end, uint64_t *out)
{
    while (a < a_end && b < b_end) {
        bool second = *b < *a;
        *out++ = second ? *b : *a;
        b += second;
        a += !second;
    }
    while (a < a_end)
        *out++ = *a++;
    while (b < b_end)
        *out++ = *b++;
}

/* Short runs by insertion, then merged two by two, to and fro. */
void order_runs(uint64_t *numbers, uint64_t *room, uint32_t count)
{
    enum { RUN = 8 };
    uint64_t *from = numbers, *to = room;
    for (size_t first = 0; first < count; first += RUN)
        for (size_t i = first + 1; i < count && i < first + RUN; i++) {
            uint64_t n = numbers[i];
            size_t k = i;
            for (; k > first && numbers[k - 1] > n; k--)
                numbers[k] = numbers[k - 1];
            numbers[k] = n;
        }
    for (size_t run = RUN; run < count; run *= 2) {
        for (size_t a = 0; a < count; a += 2 * run) {
            size_t b = a + run < count ? a + run : count, end = b + run < count ? b + run : count;
            merge_numbers(from + a, from + b, from + b, from + end, to + a);
        }
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != numbers)
        memcpy(numbers, from, count * sizeof *numbers);
}

void order_numbers(uint64_t *numbers, uint64_t *room, size_t count)
{
    if (count <= 128)
        kernels_best()->order(numbers, room, (uint32_t)count);
    else
        order_runs(numbers, room, (uint32_t)count);
}
