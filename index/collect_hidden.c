#include "index/collect_private.h"

/*
 * Products that rules hide decide what is learnt and which products are ordered closer, as if there
 * were no rules: they come into the top, but are neither counted nor shown.
 */

uint32_t collect_keep_shown(const struct search *s, uint32_t *docs, uint32_t *scores,
                            uint32_t count, struct hidden_batch *apart)
{
    uint32_t kept = 0;
    if (!s->rules.hidden_count)
        return count;
    for (uint32_t i = 0; i < count; i++) {
        bool out = rules_hide(&s->rules, docs[i]);
        if (out && apart) {
            apart->docs[apart->count] = docs[i];
            apart->scores[apart->count++] = scores[i];
        }
        docs[kept] = docs[i];
        scores[kept] = scores[i];
        kept += !out;
    }
    return kept;
}

bool collect_ranks_hidden(const struct search *s)
{
    return s->rules.hidden_count && s->plan.group_count && !s->query->sort_count &&
           (!s->cursor || s->cursor->in_window);
}

uint32_t collect_leave_out_hidden(struct search *s, uint32_t first)
{
    uint32_t kept = 0, stay = 0;
    if (!collect_ranks_hidden(s))
        return first;
    for (uint32_t i = 0; i < s->top.count; i++) {
        bool out = rules_hide(&s->rules, s->top.items[i].docid);
        s->top.items[kept] = s->top.items[i];
        kept += !out;
        stay += !out && i < first;
    }
    s->top.count = kept;
    return stay;
}
