#include "index/letters.h"
#include "index/kernels.h"
#include "index/lev.h"
#include "index/segment_private.h"

#include <stdlib.h>

uint32_t letters_of(struct slice term)
{
    uint32_t set = 0, len = 0, at = 0;
    for (; at < term.len; len++)
        set |= UINT32_C(1) << lev_next_point(term, &at) % KERNEL_SET_BITS;
    return set | (len < LETTERS_LONG ? len : LETTERS_LONG) << KERNEL_SET_BITS;
}

static struct letters *make(const struct segment *s, unsigned char first)
{
    const char letter = (char)first;
    uint32_t lo, hi;
    if (segment_prefix_range(s, slice_make(&letter, 1), &lo, &hi) || hi - lo > LETTERS_MOST)
        return NULL;
    struct letters *l = malloc(sizeof *l + (size_t)(hi - lo) * sizeof *l->sets);
    if (!l)
        return NULL;
    l->first = lo;
    l->count = hi - lo;
    for (uint32_t i = 0; i < l->count; i++) {
        struct slice term;
        /* damaged, or the search ends: the walk over the terms tells */
        if (pulse_beat(s->pulse, 1) || segment_term(s, lo + i, &term)) {
            free(l);
            return NULL;
        }
        l->sets[i] = letters_of(term);
    }
    return l;
}

const struct letters *letters_beginning(const struct segment *s, unsigned char first)
{
    if (!s->letters[first])
        s->letters[first] = make(s, first);
    return s->letters[first];
}
