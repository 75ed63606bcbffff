#include "server/lease.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct entry {
    uint64_t id, sequence; /* sequence 0 = free */
};

struct lease_table {
    uint32_t cap, count; /* slots; half of them are used at most */
    uint64_t floor;      /* changes up to it are not remembered */
    struct entry *slots;
};

enum status lease_create(uint32_t cap, uint64_t sequence, struct lease_table **out)
{
    struct lease_table *t = calloc(1, sizeof *t);
    *out = t;
    if (t && (t->slots = calloc((size_t)cap * 2, sizeof *t->slots))) {
        t->cap = cap * 2;
        t->floor = sequence;
        return STATUS_OK;
    }
    lease_destroy(out);
    return STATUS_NO_MEMORY;
}

void lease_destroy(struct lease_table **t)
{
    if (!*t)
        return;
    free((*t)->slots);
    free(*t);
    *t = NULL;
}

static struct entry *slot_of(struct entry *slots, uint32_t cap, uint64_t id)
{
    uint32_t i = (uint32_t)id & (cap - 1);
    while (slots[i].sequence && slots[i].id != id)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

/* Keeps what is above the middle between floor and `newest`. */
static void forget_half(struct lease_table *t, uint64_t newest)
{
    uint64_t floor = t->floor + (newest - t->floor) / 2;
    struct entry *slots = calloc(t->cap, sizeof *slots);
    t->count = 0;
    for (uint32_t i = 0; slots && i < t->cap; i++)
        if (t->slots[i].sequence > floor) {
            *slot_of(slots, t->cap, t->slots[i].id) = t->slots[i];
            t->count++;
        }
    if (slots && t->count < t->cap / 2) {
        free(t->slots);
        t->slots = slots;
        t->floor = floor;
        return;
    }
    free(slots);
    memset(t->slots, 0, t->cap * sizeof *t->slots);
    t->count = 0;
    t->floor = newest;
}

void lease_note(struct lease_table *t, struct slice id, uint64_t sequence)
{
    if (t->count >= t->cap / 2)
        forget_half(t, sequence - 1);
    uint64_t hash = XXH3_64bits(id.ptr, id.len);
    struct entry *e = slot_of(t->slots, t->cap, hash);
    t->count += !e->sequence;
    *e = (struct entry){hash, sequence};
}

bool lease_holds(const struct lease_table *t, struct slice id, uint64_t sequence)
{
    if (sequence < t->floor)
        return false;
    const struct entry *e = slot_of(t->slots, t->cap, XXH3_64bits(id.ptr, id.len));
    return e->sequence <= sequence;
}
