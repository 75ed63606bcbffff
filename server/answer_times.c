#include "server/answer_times.h"

#include <stdlib.h>
#include <string.h>

void answer_times_add(struct answer_times *l, int64_t ms)
{
    l->ms[l->count % ANSWER_TIMES_KEPT] = ms < 0 ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
    l->count++;
    if (l->count == 2 * ANSWER_TIMES_KEPT) /* the place stays the same, and it never wraps */
        l->count = ANSWER_TIMES_KEPT;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int64_t answer_times_p95_ms(const struct answer_times *l)
{
    uint32_t sorted[ANSWER_TIMES_KEPT],
        n = l->count < ANSWER_TIMES_KEPT ? l->count : ANSWER_TIMES_KEPT;
    if (n < ANSWER_TIMES_LEAST)
        return -1;
    memcpy(sorted, l->ms, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_size);
    return sorted[(n * 95 + 99) / 100 - 1];
}
