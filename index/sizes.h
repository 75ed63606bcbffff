/*
 * sizes - how many documents of a segment hold a word, with its forms and beginnings, remembered
 * between the queries of one thread.
 *
 * Of one list that is its length; of several, those that stand in more than one must be told apart,
 * which takes reading them all. Segments never change, so neither do such numbers. There is room
 * for SIZES_ROOM of them, found by a hash of what they are of; a newer one takes the place of an
 * older one with the same place.
 */
#ifndef SOUK_INDEX_SIZES_H
#define SOUK_INDEX_SIZES_H

#include "index/edition.h"

enum { SIZES_ROOM = 4096 };

/* What a number is of: the edition, the number of the segment there, and what tells the lists put
 * together from others of it, which is mixed by sizes_mix() from their names one by one. */
struct size_name {
    uint64_t lists;
    struct edition edition;
    uint32_t segment;
};

static inline bool size_name_same(const struct size_name *a, const struct size_name *b)
{
    return a->lists == b->lists && a->segment == b->segment && edition_same(a->edition, b->edition);
}

struct size_slot {
    struct size_name name; /* lists == 0: empty */
    uint32_t count;
};

struct sizes {
    struct size_slot slots[SIZES_ROOM];
};

bool sizes_get(const struct sizes *s, const struct size_name *name, uint32_t *count);
void sizes_put(struct sizes *s, const struct size_name *name, uint32_t count);

/* One more list. Never 0. */
static inline uint64_t sizes_mix(uint64_t lists, uint64_t name)
{
    uint64_t x = (lists ^ (name + UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 29) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 32;
    return x ? x : 1;
}

/* Where a name is looked for: names of one place are told apart by size_name_same(). */
static inline uint64_t size_name_place(const struct size_name *name)
{
    return sizes_mix(name->lists, name->edition.first << 32 | name->segment);
}

#endif
