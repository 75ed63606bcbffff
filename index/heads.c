#include "index/heads.h"

#include <stdlib.h>

enum { SETS = HEADS_ROOM / HEADS_BESIDE };

struct heads {
    uint8_t next[SETS]; /* which goes next */
    struct head heads[SETS][HEADS_BESIDE];
};

enum status heads_create(struct heads **out)
{
    *out = calloc(1, sizeof **out); /* touched as far as there are words */
    return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

void heads_destroy(struct heads **h)
{
    free(*h);
    *h = NULL;
}

struct head *heads_get(struct heads *h, const struct size_name *name, const struct head *beside,
                       bool *again)
{
    uint64_t mixed = sizes_mix(name->lists, (uint64_t)name->edition << 32 | name->segment);
    struct head *set = h->heads[mixed % SETS];
    for (uint32_t i = 0; i < HEADS_BESIDE; i++)
        if (set[i].name.lists == name->lists && set[i].name.edition == name->edition &&
            set[i].name.segment == name->segment) {
            *again = true;
            return &set[i];
        }
    struct head *x = &set[h->next[mixed % SETS]++ % HEADS_BESIDE];
    if (x == beside)
        x = &set[h->next[mixed % SETS]++ % HEADS_BESIDE];
    x->name = *name;
    x->count = HEAD_UNKNOWN;
    *again = false;
    return x;
}
