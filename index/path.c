#include "index/path.h"

#include <string.h>

struct path_walk path_walk_of(const struct value *v)
{
    bool list = v->type == VALUE_LIST;
    return (struct path_walk){.items = wire_reader_of(v->bytes),
                              .left = list ? v->count : 0,
                              .rest = list ? SLICE_NULL : v->bytes};
}

bool path_walk_next(struct path_walk *w, struct slice *node)
{
    const size_t joint = sizeof PATH_JOINT - 1;
    while (w->rest.len || w->left) {
        if (!w->rest.len) {
            w->rest = value_next_item(&w->items);
            w->left--;
            continue;
        }
        const char *at = memmem(w->rest.ptr, w->rest.len, PATH_JOINT, joint);
        *node = slice_make(w->rest.ptr, at ? (size_t)(at - w->rest.ptr) : w->rest.len);
        size_t used = at ? node->len + joint : node->len;
        w->rest = slice_make(w->rest.ptr + used, w->rest.len - used);
        if (node->len)
            return true;
    }
    return false;
}
