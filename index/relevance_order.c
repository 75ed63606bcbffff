#include "index/order.h"
#include "index/relevance_private.h"

/*
 * Candidates stand in the order of their bounds:
 *
 *   | known: in their order, from the best on | scored: the best first | the rest, by bounds |
 *     s->top.items[0 .. known)                  r->scored                r->bounds[next ..)
 *
 * The best of those that are scored is the next one known when no bound of the rest comes before
 * it; else the candidate of that bound is scored. A candidate never comes before its bound.
 */

enum { AHEAD = 24 }; /* candidates of which most will be scored */

enum status ranking_begin(struct ranking *r)
{
    struct arena *arena = r->s->arena;
    uint64_t *numbers = arena_alloc(arena, r->count * sizeof *numbers * 2);
    r->bounds = arena_alloc(arena, r->count * sizeof *r->bounds);
    r->scored = arena_alloc(arena, r->count * sizeof *r->scored);
    if (!numbers || !r->bounds || !r->scored)
        return STATUS_NO_MEMORY;
    /* what is equal by ties, where there is room for them beside the places */
    const uint32_t places = r->count > 256 ? UINT32_MAX : 0xff;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct candidate *c = &r->items[i].candidate;
        numbers[i] = (uint64_t)(uint32_t)~c->keys[0] << 32 | (c->tie & ~places) | i;
    }
    order_numbers(numbers, numbers + r->count, r->count);
    for (uint32_t i = 0; i < r->count; i++)
        r->bounds[i] = &r->items[numbers[i] & places];
    for (uint32_t i = 0; i < r->count && i < AHEAD; i++)
        for (uint32_t g = 0; g < r->words; g++)
            relevance_prefetch(&r->bounds[i]->seen[g]);
    return STATUS_OK;
}

/* The rest is sorted by first keys and nearly by ties: those with the same first key, which are in
 * order but for few, come into theirs. */
static struct ranked *best_bound(struct ranking *r)
{
    struct ranked **rest = r->bounds;
    uint32_t from = r->next, i = from + 1;
    if (r->sorted > from)
        return rest[from];
    for (; i < r->count && rest[i]->candidate.keys[0] == rest[from]->candidate.keys[0]; i++) {
        struct ranked *x = rest[i];
        uint32_t at = i;
        for (; at > from && candidate_before(&x->candidate, &rest[at - 1]->candidate); at--)
            rest[at] = rest[at - 1];
        rest[at] = x;
    }
    r->sorted = i;
    return rest[from];
}

static void put_scored(struct ranking *r, struct ranked *x)
{
    uint32_t at = r->scored_count++;
    /* from the end on: bounds descend, so most come last */
    for (; at > r->known && candidate_before(&x->candidate, &r->scored[at - 1]->candidate); at--)
        r->scored[at] = r->scored[at - 1];
    r->scored[at] = x;
}

enum status relevance_order(struct search *s, uint32_t upto)
{
    struct ranking *r = s->ranking;
    enum status st = STATUS_OK;
    if (!r)
        return STATUS_OK;
    upto = upto < r->count ? upto : r->count;
    while (!st && r->known < upto) {
        struct ranked *bound = r->next < r->count ? best_bound(r) : NULL;
        bool none = r->known == r->scored_count;
        if (bound &&
            (none || !candidate_before(&r->scored[r->known]->candidate, &bound->candidate))) {
            st = r->bounded ? relevance_score(r, bound) : STATUS_OK;
            if (!st)
                put_scored(r, bound);
            r->next++;
            continue;
        }
        s->top.items[r->known] = r->scored[r->known]->candidate;
        r->known++;
    }
    return st;
}
