#include "index/edits.h"

#include <string.h>

static uint64_t *places_of(struct edits *e, uint32_t letter)
{
    if (letter < 128)
        return &e->ascii[letter];
    uint32_t i = 0;
    while (i < e->other_count && e->others[i] != letter)
        i++;
    if (i == e->other_count) {
        e->others[i] = letter;
        e->other_places[i] = 0;
        e->other_count++;
    }
    return &e->other_places[i];
}

static inline uint64_t places(const struct edits *e, uint32_t letter)
{
    if (letter < 128)
        return e->ascii[letter];
    for (uint32_t i = 0; i < e->other_count; i++)
        if (e->others[i] == letter)
            return e->other_places[i];
    return 0;
}

bool edits_init(struct edits *e, struct slice word, uint32_t max)
{
    uint32_t at = 0;
    memset(e->ascii, 0, sizeof e->ascii);
    e->other_count = e->word_len = e->depth = 0;
    e->max = max;
    if (max > EDITS_MAX || word.len == 0)
        return false;
    lev_next_point(word, &at);
    struct edits_state *first = &e->states[0];
    *first = (struct edits_state){.bytes = at};
    memcpy(e->last, word.ptr, at);
    for (; at < word.len; e->word_len++) {
        if (e->word_len == EDITS_WORD)
            return false;
        *places_of(e, lev_next_point(word, &at)) |= UINT64_C(1) << e->word_len;
    }
    for (uint32_t d = 0; d <= max; d++) /* d letters of the word may be left out at once */
        first->within[d] = (UINT64_C(2) << (d < e->word_len ? d : e->word_len)) - 1;
    return true;
}

/* One letter more; returns whether anything is within reach. */
static inline bool step(struct edits *e, uint64_t here)
{
    const struct edits_state *from = &e->states[e->depth];
    struct edits_state *to = &e->states[e->depth + 1];
    uint64_t inside = (UINT64_C(2) << e->word_len) - 1, swapped = 0;
    if (e->depth)
        swapped = from->places >> 1 & here;
    to->places = here;
    uint64_t any = to->within[0] = (from->within[0] & here) << 1;
    for (uint32_t d = 1; d <= e->max; d++) {
        uint64_t fewer = from->within[d - 1];
        uint64_t v = (from->within[d] & here) << 1 /* the same letter */
                     | fewer                       /* one that the word has not */
                     | fewer << 1                  /* another one */
                     | to->within[d - 1] << 1;     /* one of the word left out */
        if (swapped)
            v |= (from[-1].within[d - 1] & swapped) << 2;
        to->within[d] = v & inside;
        any |= to->within[d];
    }
    e->depth++;
    return any != 0;
}

bool edits_term(struct edits *e, struct slice term, uint32_t *distance, struct slice *skip)
{
    uint32_t shared = 0, known = e->states[e->depth].bytes;
    *skip = SLICE_NULL;
    while (shared < known && shared < term.len && term.ptr[shared] == e->last[shared])
        shared++;
    while (e->states[e->depth].bytes > shared)
        e->depth--;
    uint32_t at = e->states[e->depth].bytes;
    while (at < term.len) {
        uint32_t from = at, letter = lev_next_point(term, &at);
        for (uint32_t i = from; i < at; i++)
            e->last[i] = term.ptr[i];
        bool reach = step(e, places(e, letter));
        e->states[e->depth].bytes = at;
        if (!reach) {
            *skip = slice_make(term.ptr, at);
            return false;
        }
    }
    const struct edits_state *end = &e->states[e->depth];
    for (uint32_t d = 0; d <= e->max; d++)
        if (end->within[d] >> e->word_len & 1) {
            *distance = d;
            return true;
        }
    return false;
}
