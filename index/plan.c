#include "index/plan.h"
#include "index/lev.h"

#include <math.h>
#include <stdlib.h>

/* --- words ------------------------------------------------------------------------------------ */

struct word_reader {
    const char *at, *end;
    struct analyser *analyser;
    const struct schema *schema;
    struct arena *arena;
    struct plan *plan;
};

static uint64_t fields_named(const struct word_reader *r, struct slice name)
{
    const struct field *f = schema_find(r->schema, name);
    return f && f->searchable && f->search_idx < 64 ? (uint64_t)1 << f->search_idx : 0;
}

static enum status add_group(struct word_reader *r, const struct token *t, struct slice original,
                             uint64_t fields)
{
    struct plan *p = r->plan;
    if (p->group_count == PLAN_WORDS_MAX) {
        if (p->cut_count < 16)
            p->cut[p->cut_count++] = original;
        return STATUS_OK;
    }
    struct slice term = arena_copy(r->arena, t->term);
    struct alternative *alt = arena_calloc(r->arena, 1, sizeof *alt);
    if (!term.ptr || !alt)
        return STATUS_NO_MEMORY;
    *alt = (struct alternative){.term = term, .tier = true};
    p->groups[p->group_count] = (struct group){.items = alt,
                                               .count = 1,
                                               .original = original,
                                               .fields = fields,
                                               .position = p->group_count,
                                               .digits = t->kind == TOKEN_NUMBER};
    p->group_count++;
    return STATUS_OK;
}

static enum status add_phrase(struct word_reader *r, const struct token_list *l, bool excluded)
{
    struct plan *p = r->plan;
    struct phrase phrase = {.first = p->word_count, .excluded = excluded};
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->items[i].kind == TOKEN_EXTRA || p->word_count == PLAN_WORDS_MAX * 2)
            continue;
        struct slice term = arena_copy(r->arena, l->items[i].term);
        if (!term.ptr)
            return STATUS_NO_MEMORY;
        p->words[p->word_count++] = term;
        phrase.count++;
    }
    if (phrase.count && p->phrase_count < PLAN_PHRASE_MAX)
        p->phrases[p->phrase_count++] = phrase;
    return STATUS_OK;
}

static enum status add_part(struct word_reader *r, struct slice part, bool quoted, bool excluded,
                            uint64_t fields)
{
    const struct token_list *l;
    enum status s = analyser_run(r->analyser, part, &l);
    if (s)
        return s;
    uint32_t words = 0;
    for (uint32_t i = 0; i < l->count; i++)
        words += l->items[i].kind != TOKEN_EXTRA;
    if ((quoted && words > 1) || excluded)
        s = add_phrase(r, l, excluded);
    for (uint32_t i = 0; !s && !excluded && i < l->count; i++)
        if (l->items[i].kind != TOKEN_EXTRA)
            s = add_group(
                r, &l->items[i],
                slice_make(part.ptr + l->items[i].start, l->items[i].end - l->items[i].start),
                fields);
    return s;
}

static enum status next_part(struct word_reader *r)
{
    bool excluded = false;
    uint64_t fields = 0;
    if (*r->at == '-' && r->at + 1 < r->end && r->at[1] != ' ' && r->at[1] != '-') {
        excluded = true;
        r->at++;
    }
    const char *from = r->at;
    while (r->at < r->end && *r->at != ' ' && *r->at != '"' && *r->at != ':')
        r->at++;
    if (r->at < r->end && *r->at == ':' &&
        (fields = fields_named(r, slice_make(from, (size_t)(r->at - from))))) {
        from = ++r->at;
    } else {
        r->at = from;
    }
    if (r->at < r->end && *r->at == '"') {
        const char *close = memchr(r->at + 1, '"', (size_t)(r->end - r->at - 1));
        if (close) {
            struct slice inside = slice_make(r->at + 1, (size_t)(close - r->at - 1));
            r->at = close + 1;
            return add_part(r, inside, true, excluded, fields);
        }
    }
    while (r->at < r->end && *r->at != ' ')
        r->at++;
    return add_part(r, slice_make(from, (size_t)(r->at - from)), false, excluded, fields);
}

enum status plan_words(struct analyser *a, struct slice text, const struct schema *schema,
                       struct arena *arena, struct plan *plan, struct fault *fault)
{
    struct word_reader r = {text.ptr, text.ptr + text.len, a, schema, arena, plan};
    *plan = (struct plan){0};
    size_t valid = wire_utf8_valid(text);
    if (valid != text.len)
        return fault_set(fault, STATUS_BAD_UTF8, "text",
                         "the words are not valid UTF-8 at byte %zu", valid + 1);
    enum status s = STATUS_OK;
    while (!s && r.at < r.end) {
        if (*r.at == ' ' || *r.at == '\t' || *r.at == '\n') {
            r.at++;
            continue;
        }
        s = next_part(&r);
    }
    return s;
}

/* --- alternatives ----------------------------------------------------------------------------- */

uint32_t plan_idf(uint64_t live, uint64_t df)
{
    double n = (double)live, d = (double)(df > live ? live : df);
    double idf = log(1 + (n - d + 0.5) / (d + 0.5)) * 64;
    return idf < 1 ? 1 : (uint32_t)(idf + 0.5);
}

static uint32_t scaled(uint32_t idf, double factor)
{
    return (uint32_t)(idf * factor) + 1;
}

uint64_t plan_live_df(struct snapshot *snap, struct slice term)
{
    uint64_t df = 0, dead = 0;
    for (uint32_t i = 0; i < snapshot_segment_count(snap); i++) {
        const struct segment *s = snapshot_segment(snap, i);
        uint32_t ordinal;
        if (segment_find_term(s, term, &ordinal) == STATUS_OK)
            df += segment_term_df(s, ordinal);
        dead += segment_dead_df(s, term);
    }
    return df > dead ? df - dead : 0;
}

struct expansion {
    struct slice term;
    uint64_t df;
    uint32_t distance;
};

struct expansions {
    struct expansion *items;
    uint32_t count, cap;
    struct arena *arena;
};

static bool known(const struct expansions *x, struct slice term)
{
    for (uint32_t i = 0; i < x->count; i++)
        if (slice_equal(x->items[i].term, term))
            return true;
    return false;
}

static enum status add_expansion(struct expansions *x, struct slice term, uint32_t distance)
{
    if (known(x, term))
        return STATUS_OK;
    if (x->count == x->cap) {
        uint32_t cap = x->cap ? x->cap * 2 : 32;
        struct expansion *items = arena_alloc(x->arena, cap * sizeof *items);
        if (!items)
            return STATUS_NO_MEMORY;
        if (x->count)
            memcpy(items, x->items, x->count * sizeof *items);
        x->items = items;
        x->cap = cap;
    }
    x->items[x->count++] = (struct expansion){.term = term, .distance = distance};
    return STATUS_OK;
}

static int best_first(const void *a, const void *b)
{
    const struct expansion *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    if (x->df != y->df)
        return x->df > y->df ? -1 : 1;
    return slice_compare(x->term, y->term);
}

/* First ordinal behind *at whose term does not begin with `prefix`: doubling steps, then halving.
 */
static enum status step_over(const struct segment *s, struct slice prefix, uint32_t end,
                             uint32_t *at)
{
    uint32_t low = *at, step = 1; /* low begins so */
    struct slice term;
    for (;; step *= 2) {
        uint32_t next = low + step;
        if (next >= end)
            break;
        enum status st = segment_term(s, next, &term);
        if (st)
            return st;
        if (!slice_starts(term, prefix))
            break;
        low = next;
    }
    uint32_t high = low + step < end ? low + step : end; /* does not begin so, or is the end */
    while (low + 1 < high) {
        uint32_t mid = low + (high - low) / 2;
        enum status st = segment_term(s, mid, &term);
        if (st)
            return st;
        if (slice_starts(term, prefix))
            low = mid;
        else
            high = mid;
    }
    *at = high;
    return STATUS_OK;
}

/* Walks a dictionary in order; terms sharing a hopeless beginning are stepped over at once. */
static enum status walk_typos(const struct segment *s, struct slice word, uint32_t max,
                              struct expansions *out)
{
    struct lev_walk walk;
    uint32_t at, lo, hi;
    lev_walk_init(&walk, word, max);
    enum status st = segment_prefix_range(s, slice_make(word.ptr, max < 2 ? 1 : 0), &lo, &hi);
    for (at = lo; !st && at < hi;) {
        struct slice term, skip;
        uint32_t distance;
        st = segment_term(s, at, &term);
        if (st)
            break;
        if (lev_walk_term(&walk, term, &distance, &skip)) {
            if (distance > 0)
                st = add_expansion(out, term, distance);
            at++;
        } else if (skip.len) {
            st = step_over(s, skip, hi, &at);
        } else {
            at++;
        }
    }
    return st;
}

static uint32_t edits_for(const struct group *g, uint32_t typos)
{
    size_t len = 0;
    for (size_t i = 0; i < g->items[0].term.len; i++)
        len += ((unsigned char)g->items[0].term.ptr[i] & 0xc0) != 0x80;
    uint32_t most = g->digits || len < 4 ? 0 : len < 8 ? 1 : 2;
    return most < typos ? most : typos;
}

static enum status expand_typos(struct group *g, struct plan *p, struct snapshot *snap,
                                struct arena *arena, const struct profile *profile, uint32_t edits)
{
    struct expansions x = {.arena = arena};
    enum status s = STATUS_OK;
    for (uint32_t i = 0; !s && i < snapshot_segment_count(snap); i++)
        s = walk_typos(snapshot_segment(snap, i), g->items[0].term, edits, &x);
    if (s || !x.count)
        return s;
    for (uint32_t i = 0; i < x.count; i++)
        x.items[i].df = plan_live_df(snap, x.items[i].term);
    qsort(x.items, x.count, sizeof *x.items, best_first);
    uint32_t cap = edits > 1 ? EXPAND_TYPO2_CAP : EXPAND_TYPO_CAP,
             n = x.count < cap ? x.count : cap;
    p->capped |= x.count > cap;
    struct alternative *items = arena_calloc(arena, g->count + n, sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    memcpy(items, g->items, g->count * sizeof *items);
    uint64_t live = snapshot_live_count(snap);
    for (uint32_t i = 0; i < n; i++) {
        if (!x.items[i].df)
            continue;
        uint32_t idf = plan_idf(live, x.items[i].df);
        items[g->count++] = (struct alternative){
            .term = x.items[i].term,
            .kind = x.items[i].distance > 1 ? ALT_TYPO2 : ALT_TYPO,
            .idf = scaled(
                idf,
                profile->n[x.items[i].distance > 1 ? PROFILE_typo2_factor : PROFILE_typo_factor])};
        g->df += x.items[i].df;
    }
    g->items = items;
    p->expanded += n;
    return STATUS_OK;
}

/* "shoe" and "shoes", "box" and "boxes", "berry" and "berries": whichever the catalog holds. */
static enum status expand_forms(struct group *g, struct snapshot *snap, struct arena *arena)
{
    struct slice w = g->items[0].term;
    char forms[3][ANALYSE_TERM_MAX + 4];
    size_t lens[3], n = 0;
    if (g->digits || w.len < 3 || w.len > ANALYSE_TERM_MAX - 3 ||
        (unsigned char)w.ptr[w.len - 1] >= 0x80)
        return STATUS_OK;
    const char *end = w.ptr + w.len;
#define FORM(keep, tail)                                                                           \
    (memcpy(forms[n], w.ptr, (keep)), memcpy(forms[n] + (keep), tail, sizeof(tail)),               \
     lens[n++] = (keep) + sizeof(tail) - 1)
    if (end[-1] != 's') {
        FORM(w.len, "s");
        if (end[-1] == 'y')
            FORM(w.len - 1, "ies");
        else if (end[-1] == 'x' || end[-1] == 'h' || end[-1] == 'z' || end[-1] == 'o')
            FORM(w.len, "es");
    } else if (w.len > 3 && end[-2] != 's' && end[-2] != 'u') {
        FORM(w.len - 1, "");
        if (w.len > 4 && end[-2] == 'e' && end[-3] == 'i')
            FORM(w.len - 3, "y");
        else if (end[-2] == 'e')
            FORM(w.len - 2, "");
    } else if (end[-2] == 's') {
        FORM(w.len, "es");
    }
#undef FORM
    struct alternative *items = arena_calloc(arena, g->count + n, sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    memcpy(items, g->items, g->count * sizeof *items);
    for (size_t i = 0; i < n; i++) {
        uint64_t df = plan_live_df(snap, slice_make(forms[i], lens[i]));
        if (!df)
            continue;
        struct slice term = arena_copy(arena, slice_make(forms[i], lens[i]));
        if (!term.ptr)
            return STATUS_NO_MEMORY;
        items[g->count++] =
            (struct alternative){.term = term, .kind = ALT_FORM, .tier = true, .idf = 1};
        g->df += df;
    }
    g->items = items;
    return STATUS_OK;
}

static enum status expand_prefix(struct group *g, struct plan *p, struct snapshot *snap,
                                 const struct profile *profile)
{
    uint64_t df = 0, terms = 0;
    struct slice prefix = g->items[0].term;
    for (uint32_t i = 0; i < snapshot_segment_count(snap); i++) {
        const struct segment *s = snapshot_segment(snap, i);
        struct postings list;
        uint32_t lo, hi;
        enum status st = segment_prefix_range(s, prefix, &lo, &hi);
        if (st)
            return st;
        terms += hi - lo;
        if (postings_open_prefix(s, prefix, &list) == STATUS_OK)
            df += list.df;
        else
            for (uint32_t o = lo; o < hi; o++)
                df += segment_term_df(s, o);
    }
    g->prefix = prefix;
    g->df += df;
    /* The sum above depends on how products are spread over segments; scores must not. A letter
     * more makes a word rarer by a constant. */
    uint64_t live = snapshot_live_count(snap);
    uint32_t twice = prefix.len < 16 ? (uint32_t)prefix.len * 2 : 32;
    g->prefix_idf = scaled(plan_idf(live, live >> twice), profile->n[PROFILE_prefix_factor]);
    p->expanded += terms;
    return STATUS_OK;
}

enum status plan_expand(struct plan *plan, struct snapshot *snap, struct arena *arena,
                        const struct profile *profile, uint32_t typos, bool forms, bool prefix)
{
    uint64_t live = snapshot_live_count(snap);
    enum status s = STATUS_OK;
    for (uint32_t i = 0; !s && i < plan->group_count; i++) {
        struct group *g = &plan->groups[i];
        bool last = i + 1 == plan->group_count;
        g->count = 1;
        g->prefix = SLICE_NULL;
        g->df = plan_live_df(snap, g->items[0].term);
        g->items[0].idf = plan_idf(live, g->df);
        if (forms)
            s = expand_forms(g, snap, arena);
        /* forms of one word are one word: they share its rarity */
        uint32_t idf = plan_idf(live, g->df);
        for (uint32_t k = 0; k < g->count; k++)
            g->items[k].idf = k ? scaled(idf, profile->n[PROFILE_form_factor]) : idf;
        uint32_t edits = edits_for(g, typos);
        if (!s && edits)
            s = expand_typos(g, plan, snap, arena, profile, edits);
        if (!s && prefix && last)
            s = expand_prefix(g, plan, snap, profile);
    }
    return s;
}
