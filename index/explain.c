#include "index/explain.h"
#include "index/probe.h"
#include "index/relevance_private.h"

static const char *const kinds[] = {"only begins so",  "exact",    "another form", "synonym",
                                    "joined or apart", "one edit", "two edits"};

static const char *field_name(const struct schema *schema, uint32_t search_idx)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].searchable && schema->fields[i].search_idx == search_idx)
            return schema->fields[i].name;
    return "?";
}

static void put_word(struct buf *b, const struct search *s, const struct group *g,
                     const struct seen *seen, uint32_t fields)
{
    bool there = seen->kind || g->prefix.len;
    buf_printf(b, "%.*s: %s", (int)g->original.len, g->original.ptr,
               there ? kinds[seen->kind] : "missing");
    for (uint32_t i = 0; i < seen->count; i++)
        buf_printf(b, ", %s %u", field_name(snapshot_schema(s->snap), seen->at[i] % fields),
                   seen->at[i] / fields);
    buf_printf(b, "; ");
}

static void put_parts(struct buf *b, const struct ranked *x)
{
    const struct {
        const char *name;
        double value;
    } parts[] = {{"text", x->parts.base},       {"title", x->parts.title},
                 {"near", x->parts.near},       {"lead", x->parts.lead},
                 {"missing", x->parts.missing}, {"inexact", x->parts.inexact},
                 {"negated", x->parts.negated}, {"signals", x->parts.signals}};
    bool any = false;
    buf_printf(b, "; score %.4f =", x->score);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].value == 0)
            continue;
        buf_printf(b, "%s%s %.4f", any ? " + " : " ", parts[i].name, parts[i].value);
        any = true;
    }
}

static bool lacks(const struct search *s, const struct hit *h, uint32_t of)
{
    for (uint32_t i = 0; i < h->lacks_count; i++)
        for (uint32_t g = 0; g < s->plan.group_count; g++)
            if (of >> g & 1 && h->lacks[i].ptr == s->plan.groups[g].original.ptr)
                return true;
    return false;
}

/* Learnt words that the product holds, where they count for it. */
static enum status put_learnt(struct buf *b, const struct search *s, const struct hit *h)
{
    const struct learnt *learnt = s->loose_rule ? s->loose_rule->learnt : NULL;
    const struct segment *segment = snapshot_segment_of(s->snap, h->docid);
    enum status st = STATUS_OK;
    bool any = false;
    if (!learnt || s->query->sort_count || h->score / MATCH_TIER > LOOSE_LEARNT_BEHIND || !segment)
        return STATUS_OK;
    for (uint32_t i = 0; !st && i < learnt->count; i++) {
        struct slice term = learnt->words[i].term;
        struct probe probe;
        bool there = false;
        if (learnt->words[i].of && !lacks(s, h, learnt->words[i].of))
            continue;
        st = probe_open(&probe, segment, term);
        if (!st)
            st = probe_seek(&probe, h->docid - segment_base(segment), &there);
        st = st == STATUS_NOT_FOUND ? STATUS_OK : st;
        if (!st && there)
            buf_printf(b, "%s %.*s", any ? "" : "learnt:", (int)term.len, term.ptr);
        any |= there;
    }
    if (any)
        buf_printf(b, "; ");
    return st;
}

static bool pinned(const struct search *s, uint32_t docid)
{
    for (uint32_t i = 0; i < s->rules.pin_count; i++)
        if (s->rules.pins[i].docid == docid)
            return true;
    return false;
}

enum status explain_hits(struct search *s)
{
    struct buf *b = &s->searcher->scratch;
    for (uint32_t i = 0; i < s->out->hit_count; i++) {
        struct hit *h = &s->out->hits[i];
        const struct ranked *x = ranking_find(s->ranking, h->docid);
        buf_clear(b);
        for (uint32_t g = 0; x && g < s->ranking->words; g++)
            put_word(b, s, &s->plan.groups[g], &x->seen[g], s->ranking->fields);
        enum status st = pinned(s, h->docid) ? STATUS_OK : put_learnt(b, s, h);
        if (st)
            return st;
        if (pinned(s, h->docid))
            buf_printf(b, "pinned by a rule");
        else
            buf_printf(b, "tier %llu", (unsigned long long)(h->score / MATCH_TIER));
        if (x)
            put_parts(b, x);
        else
            buf_printf(b, "; score of the first phase %llu",
                       (unsigned long long)(h->score % MATCH_TIER));
        h->explain = arena_copy(s->arena, buf_slice(b));
        if (b->failed || !h->explain.ptr)
            return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}
