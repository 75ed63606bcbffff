#include "index/field_limit.h"
#include "index/begun.h"

enum { POSITIONS_MAX = 1024 };

enum status field_limit_prepare(struct search *s)
{
    const struct query *q = s->query;
    const struct schema *schema = snapshot_schema(s->snap);
    uint64_t all = 0;
    for (uint32_t i = 0; i < q->field_count; i++) {
        const struct field *f = schema_find(schema, q->fields[i]);
        if (!f || !f->searchable || f->search_idx >= 64)
            return fault_set(s->fault, STATUS_UNKNOWN_FIELD, "fields",
                             "the schema has no field '%.*s' to search in",
                             (int)(q->fields[i].len < 64 ? q->fields[i].len : 64),
                             q->fields[i].ptr);
        all |= (uint64_t)1 << f->search_idx;
    }
    for (uint32_t i = 0; i < s->plan.group_count; i++) {
        if (!s->plan.groups[i].fields)
            s->plan.groups[i].fields = all;
        s->limited |= s->plan.groups[i].fields != 0;
    }
    for (uint32_t i = 0; i < s->plan.phrase_count; i++)
        if (!s->plan.phrases[i].fields)
            s->plan.phrases[i].fields = all;
    return STATUS_OK;
}

struct look {
    const struct search *s;
    const uint32_t *docs;
    uint32_t count;
    uint16_t *held; /* bitmap of groups, by document of the batch */
    uint16_t bit;
    uint64_t fields;
};

enum status field_limit_seek(struct probe *p, const struct segment *s, uint64_t fields,
                             uint32_t doc, bool *there)
{
    uint32_t at[POSITIONS_MAX], n, f = segment_field_count(s);
    enum status st = probe_seek(p, doc, there);
    if (st || !*there || !fields)
        return st;
    st = probe_positions(p, at, POSITIONS_MAX, &n);
    *there = false;
    for (uint32_t k = 0; !st && k < n && !*there; k++)
        *there = fields >> (at[k] % f) & 1;
    return st;
}

static enum status look_list(struct look *l, struct probe *p)
{
    for (uint32_t i = 0; i < l->count; i++) {
        bool there;
        if (l->held[i] & l->bit)
            continue;
        enum status st = pulse_beat(snapshot_pulse(l->s->snap), 2);
        if (!st)
            st = field_limit_seek(p, l->s->segment, l->fields, l->docs[i] - l->s->base, &there);
        if (st)
            return st;
        if (there)
            l->held[i] |= l->bit;
    }
    return STATUS_OK;
}

static enum status look_group(struct look *l, const struct group *g)
{
    const struct segment *segment = l->s->segment;
    struct probe probe;
    uint32_t lo = 0, hi = 0;
    enum status st = STATUS_OK;
    for (uint32_t a = 0; !st && a < g->count; a++) {
        const struct alternative *alt = &g->items[a];
        for (uint32_t i = 0; alt->docs && i < l->count; i++)
            if (probe_docs(alt->docs, alt->doc_count, l->docs[i]))
                l->held[i] |= l->bit;
        if (alt->docs)
            continue;
        st = probe_open(&probe, segment, alt->term);
        st = st == STATUS_OK ? look_list(l, &probe) : st == STATUS_NOT_FOUND ? STATUS_OK : st;
    }
    if (!st && g->prefix.len)
        st = begun_range(segment, g, &lo, &hi);
    for (uint32_t o = lo; !st && o < hi; o++) {
        st = pulse_beat(segment_pulse(segment), 4);
        if (!st)
            st = probe_open_ordinal(&probe, segment, o);
        if (!st)
            st = look_list(l, &probe);
    }
    return st;
}

enum status field_limit_keep(struct search *s, uint32_t *docs, uint32_t *scores, uint32_t *count)
{
    uint32_t n = s->plan.group_count, all = (1U << n) - 1, needed = 0, kept = 0;
    struct look l = {.s = s, .docs = docs, .count = *count};
    l.held = arena_calloc(s->arena, *count + 1, sizeof *l.held);
    if (!l.held)
        return STATUS_NO_MEMORY;
    for (uint32_t g = 0; g < n; g++) {
        l.bit = (uint16_t)(1U << g);
        l.fields = s->plan.groups[g].fields;
        needed |= s->plan.groups[g].fixed ? l.bit : 0;
        enum status st = look_group(&l, &s->plan.groups[g]);
        if (st)
            return st;
    }
    for (uint32_t i = 0; i < *count; i++) {
        uint32_t held = l.held[i];
        bool enough = s->loose_rule  ? s->loose_rule->enough[held]
                      : s->all_words ? held == all
                                     : held != 0 && (held & needed) == needed;
        docs[kept] = docs[i];
        scores[kept] = scores[i];
        kept += enough;
    }
    *count = kept;
    return STATUS_OK;
}
