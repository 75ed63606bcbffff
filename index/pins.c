#include "index/pins.h"

#include "index/collect.h"

static bool visible(const struct search *s, uint32_t docid)
{
    const struct query *q = s->query;
    return !(q->excluded && docid < q->excluded_bits &&
             q->excluded[docid >> 6] >> (docid & 63) & 1);
}

void pins_settle(struct search *s)
{
    struct rules *r = &s->rules;
    uint32_t kept = 0;
    uint64_t others = s->found;
    for (uint32_t i = 0; i < r->pin_count; i++) {
        uint32_t docid = r->pins[i].docid, place = r->pins[i].position;
        if (!visible(s, docid))
            continue;
        for (uint32_t f = 0; f < s->query->facet_count; f++)
            if (collect_passes(s, f, docid))
                facet_count_all(s->facets[f], &docid, 1);
        if (!collect_passes(s, UINT32_MAX, docid))
            continue;
        if (kept && place <= r->pins[kept - 1].position)
            place = r->pins[kept - 1].position + 1;
        /* where the others end, pins follow */
        r->pins[kept].position = place < others + kept ? place : (uint32_t)(others + kept);
        r->pins[kept++].docid = docid;
        s->found++;
    }
    r->pin_count = kept;
}

uint32_t pins_before(const struct search *s, uint64_t position)
{
    uint32_t n = 0;
    while (n < s->rules.pin_count && s->rules.pins[n].position < position)
        n++;
    return n;
}

uint32_t pins_shown(const struct search *s)
{
    return s->cursor ? s->cursor->shown : s->query->offset;
}

void pins_place(const struct search *s, struct hit *hits, uint32_t n, uint32_t *count)
{
    uint32_t shown = pins_shown(s), first = pins_before(s, shown),
             last = pins_before(s, (uint64_t)shown + s->query->k);
    *count = n;
    for (uint32_t i = first; i < last; i++) {
        uint32_t at = s->rules.pins[i].position - shown;
        at = at < *count ? at : *count;
        memmove(hits + at + 1, hits + at, (*count - at) * sizeof *hits);
        hits[at] = (struct hit){.docid = s->rules.pins[i].docid};
        ++*count;
    }
}
