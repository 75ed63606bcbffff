#include "index/synonyms.h"
#include "index/expand.h"
#include "index/parts.h"

enum { READINGS_MAX = 6 };

/* What a group may have meant: the word, its forms, the corrections that stand for it. */
static uint32_t readings(const struct group *g, struct slice *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->count && n < READINGS_MAX; i++) {
        const struct alternative *a = &g->items[i];
        bool corrected = (a->kind == ALT_TYPO || a->kind == ALT_TYPO2) && a->tier;
        if (!a->docs && (i == 0 || a->kind == ALT_FORM || corrected))
            out[n++] = a->term;
    }
    return n;
}

static enum status meaning_of(const struct synonym *s, uint64_t fields,
                              const struct synonyms_request *r, struct alternative *out,
                              uint64_t *df)
{
    uint32_t *docs = NULL, n;
    *out = (struct alternative){.term = s->words[0], .kind = ALT_SYNONYM, .tier = true};
    if (s->count == 1) {
        *df = expand_live_df(r->snap, s->words[0]);
        return STATUS_OK;
    }
    enum status st = parts_side_by_side(r->snap, s->words, s->count, fields, r->arena, &docs, &n);
    out->docs = docs;
    out->doc_count = n;
    *df = n;
    out->term = s->count == 2 ? arena_printf(r->arena, "%.*s %.*s", (int)s->words[0].len,
                                             s->words[0].ptr, (int)s->words[1].len, s->words[1].ptr)
                              : arena_printf(r->arena, "%.*s %.*s %.*s", (int)s->words[0].len,
                                             s->words[0].ptr, (int)s->words[1].len, s->words[1].ptr,
                                             (int)s->words[2].len, s->words[2].ptr);
    return st ? st : out->term.ptr ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status give(struct group *g, const struct alternative *alt, uint64_t df,
                        const struct synonyms_request *r)
{
    struct alternative *items = arena_calloc(r->arena, g->count + 1, sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < g->count; i++) {
        items[i] = g->items[i];
        if (slice_equal(items[i].term, alt->term) && items[i].tier)
            return STATUS_OK;
    }
    g->df += df;
    if (!g->idf) /* nothing else stands for the word */
        g->idf = expand_idf(snapshot_live_count(r->snap), g->df);
    items[g->count] = *alt;
    items[g->count++].idf = (uint32_t)(g->idf * r->profile->n[PROFILE_synonym_factor]) + 1;
    g->items = items;
    return STATUS_OK;
}

static enum status expand_key(struct plan *plan, uint32_t first, uint32_t words, struct slice key,
                              const struct synonyms_request *r)
{
    uint32_t n;
    const struct synonym *list = word_settings_synonyms(r->words, key, &n);
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < n; i++) {
        struct alternative alt;
        uint64_t df;
        st = meaning_of(&list[i], plan->groups[first].fields, r, &alt, &df);
        for (uint32_t g = first; !st && df && g < first + words; g++)
            st = give(&plan->groups[g], &alt, df, r);
    }
    return st;
}

/* All combinations of what the words [first, first + words) may have meant. */
static enum status expand_span(struct plan *plan, uint32_t first, uint32_t words,
                               struct slice found[][READINGS_MAX], const uint32_t *counts,
                               const struct synonyms_request *r)
{
    char key[SYNONYM_WORDS * (ANALYSE_TERM_MAX + 1)];
    uint32_t total = 1;
    for (uint32_t i = 0; i < words; i++) {
        if (plan->groups[first + i].phrase)
            return STATUS_OK;
        total *= counts[first + i];
    }
    enum status st = STATUS_OK;
    for (uint32_t c = 0; !st && c < total; c++) {
        size_t len = 0;
        for (uint32_t i = 0, left = c; i < words; i++) {
            struct slice w = found[first + i][left % counts[first + i]];
            left /= counts[first + i];
            if (i)
                key[len++] = ' ';
            memcpy(key + len, w.ptr, w.len);
            len += w.len;
        }
        st = expand_key(plan, first, words, slice_make(key, len), r);
    }
    return st;
}

enum status synonyms_expand(struct plan *plan, const struct synonyms_request *r)
{
    struct slice found[PLAN_WORDS_MAX][READINGS_MAX];
    uint32_t counts[PLAN_WORDS_MAX], longest = word_settings_longest(r->words);
    enum status st = STATUS_OK;
    for (uint32_t i = 0; i < plan->group_count; i++)
        counts[i] = readings(&plan->groups[i], found[i]);
    for (uint32_t n = longest; !st && n > 0; n--)
        for (uint32_t i = 0; !st && i + n <= plan->group_count; i++)
            st = expand_span(plan, i, n, found, counts, r);
    return st;
}

bool synonyms_any(const struct plan *plan, const struct word_settings *words)
{
    uint32_t n, longest = word_settings_longest(words);
    char key[SYNONYM_WORDS * (ANALYSE_TERM_MAX + 1)];
    for (uint32_t i = 0; i < plan->group_count; i++) {
        size_t len = 0;
        for (uint32_t k = i; k < i + longest && k < plan->group_count; k++) {
            struct slice w = plan->groups[k].items[0].term;
            if (len)
                key[len++] = ' ';
            memcpy(key + len, w.ptr, w.len);
            len += w.len;
            if (word_settings_synonyms(words, slice_make(key, len), &n))
                return true;
        }
    }
    return false;
}
