/*
 * path - the nodes of a path value, however it was written: ["Shoes", "Running"], "Shoes >
 * Running", or both mixed.
 */
#ifndef SOUK_INDEX_PATH_H
#define SOUK_INDEX_PATH_H

#include "protocol/document.h"

#define PATH_JOINT " > "
enum { PATH_MAX_NODES = 64 };

struct path_walk {
    struct wire_reader items;
    uint32_t left;     /* items not yet taken */
    struct slice rest; /* of the item at hand */
};

/* Of a VALUE_TEXT or a VALUE_LIST. */
struct path_walk path_walk_of(const struct value *v);
/* The next node that has a name; false at the end. Slices point into the value. */
bool path_walk_next(struct path_walk *w, struct slice *node);

#endif
