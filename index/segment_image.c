#include "index/segment_image.h"

#include <stdlib.h>

#include "index/index_private.h"

void segment_image_fini(struct segment_image *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        free((void *)(uintptr_t)m->extents[i].ptr);
    free(m->extents);
    *m = (struct segment_image){0};
}

static bool reserve(struct segment_image *m, uint32_t extent)
{
    if (extent < m->cap)
        return true;
    uint32_t cap = extent * 2 + 4;
    struct slice *p = realloc(m->extents, cap * sizeof *p);
    if (!p)
        return false;
    memset(p + m->cap, 0, (cap - m->cap) * sizeof *p);
    m->extents = p;
    m->cap = cap;
    return true;
}

enum status segment_image_sink(void *ctx, uint32_t extent, struct slice bytes, struct slice sums)
{
    struct segment_image *m = ctx;
    char *copy = malloc(bytes.len + sums.len);
    if (!copy || !reserve(m, extent)) {
        free(copy);
        return STATUS_NO_MEMORY;
    }
    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    memcpy(copy + bytes.len, sums.ptr, sums.len);
    m->extents[extent] = slice_make(copy, bytes.len + sums.len);
    m->count = extent + 1 > m->count ? extent + 1 : m->count;
    m->bytes += bytes.len;
    return STATUS_OK;
}

enum status segment_image_lookup(void *ctx, uint32_t number, uint32_t extent, struct slice *value)
{
    const struct segment_image *m = ctx;
    (void)number;
    if (extent >= m->count || !m->extents[extent].ptr)
        return STATUS_NOT_FOUND;
    *value = m->extents[extent];
    return STATUS_OK;
}

enum status segment_image_write(const struct segment_image *m, struct store_txn *t, uint32_t number)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < m->count && !st; i++) {
        uint8_t key[SEGMENT_KEY_LEN];
        segment_key(key, number, i);
        st = store_put_raw(t, STORE_SEGMENTS, slice_make(key, sizeof key), m->extents[i]);
    }
    return st;
}

enum status segment_remove(struct store_txn *t, uint32_t number)
{
    for (uint32_t i = 0;; i++) {
        uint8_t key[SEGMENT_KEY_LEN];
        segment_key(key, number, i);
        enum status st = store_delete(t, STORE_SEGMENTS, slice_make(key, sizeof key));
        if (st)
            return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    }
}
