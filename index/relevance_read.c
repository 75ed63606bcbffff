#include "index/kernels.h"
#include "index/probe.h"
#include "index/relevance_private.h"

/*
 * Candidates are visited in the order of docids, term by term, so that each posting list is walked
 * once. What is noted of a word in a product is a `seen`; its positions are read when they are
 * asked for.
 */

/* A word in a product: in which list, and where there. */
struct sighting {
    struct sighting *next;
    const struct postings *list;
    uint32_t block;
    uint8_t at, evidence;
};

static enum status look(struct ranking *r, const struct probe *probe, const struct alternative *alt,
                        const struct postings *list, struct seen *seen)
{
    uint8_t kind = (uint8_t)(alt->kind + 1);
    if (seen->kind && seen->kind < kind && kind > ALT_FORM + 1)
        return STATUS_OK;
    struct sighting *x = arena_alloc(r->s->arena, sizeof *x), **end = &seen->first;
    if (!x)
        return STATUS_NO_MEMORY;
    while (*end)
        end = &(*end)->next;
    *x = (struct sighting){NULL, list, probe->block_at, (uint8_t)probe->at, probe_evidence(probe)};
    *end = x;
    seen->kind = seen->kind && seen->kind < kind ? seen->kind : kind;
    seen->classes |= x->evidence >> 4;
    return STATUS_OK;
}

/* Words found side by side: present, but where is not kept. */
static void see_ready(struct ranking *r, const struct alternative *alt, uint32_t group,
                      uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        struct seen *seen = &r->items[i].seen[group];
        if (!seen->kind && probe_docs(alt->docs, alt->doc_count, r->items[i].docid))
            seen->kind = (uint8_t)(alt->kind + 1);
    }
}

/* One list: which of the `count` documents at hand it holds, and where in them. */
static enum status read_list(struct ranking *r, const struct segment *segment,
                             const struct alternative *alt, uint32_t group, uint32_t count)
{
    struct probe probe;
    uint16_t index[POSTINGS_BLOCK + KERNEL_SLACK], place[POSTINGS_BLOCK + KERNEL_SLACK];
    uint32_t run, hits;
    struct postings *list = NULL;
    enum status st = probe_open(&probe, segment, alt->term);
    if (st)
        return st == STATUS_NOT_FOUND ? STATUS_OK : st;
    for (uint32_t i = 0; !st && i < count; i += run) {
        st = probe_run(&probe, r->docs + i, count - i, &run, index, place, &hits);
        if (!st && hits && !list) {
            list = arena_alloc(r->s->arena, sizeof *list);
            if (!list)
                return STATUS_NO_MEMORY;
            *list = probe.list;
            postings_settle(list);
        }
        for (uint32_t k = 0; !st && k < hits; k++) {
            probe_at(&probe, place[k]);
            st = look(r, &probe, alt, list, &r->items[r->places[i + index[k]]].seen[group]);
        }
    }
    return st;
}

/* The documents that may hold a word. */
static uint32_t take_docs(struct ranking *r, uint32_t base, uint32_t group, uint32_t from,
                          uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++) {
        r->docs[n] = r->items[i].docid - base;
        r->places[n] = i;
        n += !(r->items[i].lacks >> group & 1);
    }
    return n;
}

static enum status read_segment(struct ranking *r, const struct segment *segment, uint32_t from,
                                uint32_t to)
{
    const struct plan *plan = &r->s->plan;
    enum status st = STATUS_OK;
    for (uint32_t g = 0; g < plan->group_count; g++) {
        uint32_t count = take_docs(r, segment_base(segment), g, from, to);
        for (uint32_t a = 0; !st && a < plan->groups[g].count; a++) {
            const struct alternative *alt = &plan->groups[g].items[a];
            if (alt->docs)
                see_ready(r, alt, g, from, to);
            else if (count)
                st = read_list(r, segment, alt, g, count);
        }
    }
    return st;
}

enum status relevance_look(struct ranking *r)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < r->count;) {
        const struct segment *segment = snapshot_segment_of(r->s->snap, r->items[i].docid);
        if (!segment)
            return STATUS_CORRUPT;
        uint32_t end = segment_base(segment) + segment_doc_count(segment), to = i;
        while (to < r->count && r->items[to].docid < end)
            to++;
        r->fields = segment_field_count(segment);
        st = read_segment(r, segment, i, to);
        i = to;
    }
    return st;
}

void relevance_prefetch(const struct seen *seen)
{
    if (seen->first)
        postings_prefetch_positions(seen->first->list, seen->first->block);
}

enum status relevance_places(struct seen *seen)
{
    for (const struct sighting *x = seen->first; x && seen->count < SEEN_POSITIONS; x = x->next) {
        uint32_t n, room = SEEN_POSITIONS - seen->count;
        enum status st = postings_positions_known(x->list, x->block, x->at, x->evidence,
                                                  seen->at + seen->count, room, &n);
        if (st)
            return st;
        seen->count = (uint8_t)(seen->count + (n < room ? n : room));
    }
    seen->first = NULL;
    return STATUS_OK;
}
