#include "index/heads.h"

#include <stdlib.h>

enum { SETS = HEADS_ROOM / HEADS_BESIDE };

/* Names apart from heads: a word that comes once touches no page of these. */
struct heads {
    struct size_name names[HEADS_ROOM]; /* lists == 0: empty */
    bool found[HEADS_ROOM];
    uint8_t next[SETS]; /* which of a set goes next */
    struct head heads[HEADS_ROOM];
};

enum status heads_create(struct heads **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

void heads_destroy(struct heads **h)
{
    free(*h);
    *h = NULL;
}

struct head *heads_get(struct heads *h, const struct size_name *name, const struct head *beside,
                       enum head_state *state)
{
    uint64_t mixed = size_name_place(name);
    uint32_t set = (uint32_t)(mixed % SETS), first = set * HEADS_BESIDE, at;
    for (at = first; at < first + HEADS_BESIDE; at++)
        if (size_name_same(&h->names[at], name)) {
            *state = h->found[at] ? HEAD_FOUND : HEAD_AGAIN;
            return &h->heads[at];
        }
    at = first + h->next[set]++ % HEADS_BESIDE;
    if (&h->heads[at] == beside)
        at = first + h->next[set]++ % HEADS_BESIDE;
    h->names[at] = *name;
    h->found[at] = false;
    *state = HEAD_NEW;
    return &h->heads[at];
}

void heads_found(struct heads *h, const struct head *x)
{
    h->found[x - h->heads] = true;
}
