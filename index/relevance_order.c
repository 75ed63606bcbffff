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
    for (uint32_t i = 0; i < r->count; i++)
        numbers[i] = (uint64_t)(uint32_t)~r->items[i].candidate.keys[0] << 32 | i;
    order_numbers(numbers, numbers + r->count, r->count);
    for (uint32_t i = 0; i < r->count; i++)
        r->bounds[i] = &r->items[(uint32_t)numbers[i]];
    for (uint32_t i = 0; i < r->count && i < AHEAD; i++)
        for (uint32_t g = 0; g < r->words; g++)
            relevance_prefetch(&r->bounds[i]->seen[g]);
    return STATUS_OK;
}

/* The rest is sorted by first keys alone: the best of those with the same comes to the front. */
static struct ranked *best_bound(struct ranking *r)
{
    struct ranked **rest = r->bounds + r->next;
    uint32_t best = 0, n = r->count - r->next;
    if (r->first > r->next)
        return rest[0];
    for (uint32_t i = 1; i < n && rest[i]->candidate.keys[0] == rest[0]->candidate.keys[0]; i++)
        best = candidate_before(&rest[i]->candidate, &rest[best]->candidate) ? i : best;
    struct ranked *x = rest[best];
    rest[best] = rest[0];
    r->first = r->next + 1;
    return rest[0] = x;
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
