#include "index/term_ahead.h"
#include "index/segment_private.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Each step of a look-up waits for what the one before read: the slot, the numbers of the term, its
 * string and list. Words take each step together. */

enum { MOST = 16, LIST_LINES = 2 * 64 };

static void fetch(const struct segment *s, uint64_t off)
{
    uint64_t e = off >> EXTENT_SHIFT;
    if (e < s->extent_count)
        __builtin_prefetch(s->extents[e] + (off & EXTENT_MASK));
}

static void fetch_number(const struct segment *s, uint32_t at, uint32_t bits, uint32_t i)
{
    fetch(s, at + ((uint64_t)i * bits >> 3));
}

void term_ahead(const struct segment *s, const struct slice *terms, uint32_t count)
{
    const struct segment_head *h = &s->head;
    uint32_t slots[MOST], n = 0, bits = h->bits[ARRAY_HASH];
    if (!h->hash_count || h->format <= SEGMENT_FORMAT_STREAMS)
        return;
    count = count < MOST ? count : MOST;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = XXH3_64bits(terms[i].ptr, terms[i].len);
        slots[i] = segment_hash_slot((uint32_t)hash, h->hash_count);
        fetch_number(s, h->hash, bits, slots[i]);
    }
    for (uint32_t i = 0; i < count; i++) { /* the first slot is the one, mostly */
        uint32_t slot = segment_packed(s, h->hash, bits, slots[i]),
                 term = slot & ((1u << (bits - SEGMENT_HASH_CHECK)) - 1);
        if (!term || term > h->term_count)
            continue;
        slots[n++] = --term;
        fetch_number(s, h->str_off, h->bits[ARRAY_STR_OFF], term);
        fetch_number(s, h->df, h->bits[ARRAY_DF], term);
        fetch_number(s, h->ptr, h->bits[ARRAY_PTR], term);
    }
    for (uint32_t i = 0; i < n; i++) {
        uint64_t list = segment_packed(s, h->ptr, h->bits[ARRAY_PTR], slots[i]);
        fetch(s, (uint64_t)h->strings +
                     segment_packed(s, h->str_off, h->bits[ARRAY_STR_OFF], slots[i]));
        for (uint32_t line = 0; line < LIST_LINES; line += 64)
            fetch(s, list + line);
    }
}
