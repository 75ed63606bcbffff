#include "protocol/pairs.h"

#include <stdlib.h>
#include <string.h>

/* One value; its bytes go to where those of the next begin. */
struct pair {
    struct slice path;
    size_t at, len;
    uint32_t place, first; /* its place, and that of the first one of the same path */
};

static struct pair *pairs_of(const struct pairs *p, uint32_t *count)
{
    *count = (uint32_t)(p->items.len / sizeof(struct pair));
    return (struct pair *)(void *)p->items.ptr;
}

struct buf *pairs_add(struct pairs *p, struct slice path)
{
    struct pair pair = {.path = path, .at = p->values.len};
    pairs_of(p, &pair.place);
    pair.first = pair.place;
    buf_put(&p->items, &pair, sizeof pair);
    return &p->values;
}

static int by_path(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = slice_compare(x->path, y->path);
    return order ? order : x->place < y->place ? -1 : x->place > y->place;
}

static int by_first(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static void bring_together(struct pair *items, uint32_t count)
{
    qsort(items, count, sizeof *items, by_path);
    for (uint32_t i = 1; i < count; i++)
        if (slice_equal(items[i].path, items[i - 1].path))
            items[i].first = items[i - 1].first;
    qsort(items, count, sizeof *items, by_first);
}

enum status pairs_end(struct pairs *p, struct buf *out)
{
    bool failed = p->values.failed || p->items.failed;
    uint32_t count;
    struct pair *items = pairs_of(p, &count);
    for (uint32_t i = 0; i < count && !failed; i++)
        items[i].len = (i + 1 < count ? items[i + 1].at : p->values.len) - items[i].at;
    if (p->apart && count && !failed)
        bring_together(items, count);
    value_put_pairs(out, count);
    for (uint32_t i = 0; i < count && !failed; i++) {
        wire_put_bytes(out, items[i].path);
        buf_put(out, p->values.ptr + items[i].at, items[i].len);
    }
    buf_fini(&p->values);
    buf_fini(&p->items);
    out->failed |= failed;
    return out->failed ? STATUS_NO_MEMORY : STATUS_OK;
}
