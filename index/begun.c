#include "index/begun.h"
#include "index/unspaced.h"
#include "index/variants.h"

enum {
    NAMED_MAX = 256,   /* terms of another spelling, named one by one */
    COMPLETED_MAX = 64 /* more completions than that bring no forms of theirs */
};

/* --- terms in the order of the dictionary ----------------------------------------------------- */

/* Terms that begin with a text, over all segments. */
struct walk {
    struct snapshot *snap;
    struct piece {
        uint32_t at, end;  /* ordinals */
        struct slice term; /* at `at`, NULL = not read yet */
        bool first;        /* it has the term that comes first */
    } * pieces;
    uint32_t count;
    uint64_t total; /* terms, those of several segments counted in each */
};

static enum status walk_init(struct walk *w, const struct expansion_request *r, struct slice way)
{
    uint32_t n = snapshot_segment_count(r->snap);
    *w = (struct walk){.snap = r->snap, .count = n};
    w->pieces = arena_calloc(r->arena, n + 1, sizeof *w->pieces);
    enum status st = w->pieces ? STATUS_OK : STATUS_NO_MEMORY;
    for (uint32_t i = 0; !st && i < n; i++) {
        struct piece *p = &w->pieces[i];
        st = segment_prefix_range(snapshot_segment(r->snap, i), way, &p->at, &p->end);
        w->total += st ? 0 : p->end - p->at;
    }
    return st;
}

/* The first term of any segment; steps over it in all. *df counts living products. */
static enum status walk_any(struct walk *w, struct slice *term, int64_t *df)
{
    *term = SLICE_NULL;
    *df = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        struct piece *p = &w->pieces[i];
        p->first = false;
        if (p->at == p->end)
            continue;
        enum status st =
            p->term.ptr ? STATUS_OK : segment_term(snapshot_segment(w->snap, i), p->at, &p->term);
        if (st)
            return st;
        int order = term->ptr ? slice_compare(p->term, *term) : -1;
        for (uint32_t k = 0; order < 0 && k < i; k++)
            w->pieces[k].first = false;
        if (order < 0)
            *term = p->term;
        p->first = order <= 0;
    }
    if (!term->ptr)
        return STATUS_END;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct segment *s = snapshot_segment(w->snap, i);
        *df -= segment_dead_df(s, *term);
        if (w->pieces[i].first) {
            *df += segment_term_df(s, w->pieces[i].at++);
            w->pieces[i].term = SLICE_NULL;
        }
    }
    return STATUS_OK;
}

/* The next term that a product holds; END. */
static enum status walk_next(struct walk *w, struct slice *term)
{
    enum status st;
    int64_t df;
    do {
        st = pulse_beat(snapshot_pulse(w->snap), 4);
        if (!st)
            st = walk_any(w, term, &df);
    } while (!st && df <= 0);
    return st;
}

static bool stands_in(const struct slice *terms, uint32_t n, struct slice term)
{
    for (uint32_t i = 0; i < n; i++)
        if (slice_equal(terms[i], term))
            return true;
    return false;
}

enum status begun_by(const struct expansion_request *r, struct slice way, struct slice *terms,
                     uint32_t most, uint32_t *n)
{
    struct walk w;
    enum status st = walk_init(&w, r, way);
    for (*n = 0; !st && *n < most;) {
        st = walk_next(&w, &terms[*n]);
        *n += !st && terms[*n].len > way.len;
    }
    return st == STATUS_END ? STATUS_OK : st;
}

/* --- the prefix ------------------------------------------------------------------------------- */

enum status begun_range(const struct segment *s, const struct group *g, uint32_t *lo, uint32_t *hi)
{
    uint32_t end;
    struct slice last;
    enum status st = segment_prefix_range(s, g->prefix, lo, hi);
    if (st || !g->prefix_last.len)
        return st;
    st = segment_lower_bound(s, g->prefix_last, &end);
    if (!st && end < *hi) {
        st = segment_term(s, end, &last);
        *hi = end + (!st && slice_equal(last, g->prefix_last));
    }
    return st;
}

/* Where more terms begin so than are looked up: notes the last one that is. */
static enum status cap(struct group *g, struct plan *plan, const struct expansion_request *r)
{
    struct walk w;
    struct slice term, last = SLICE_NULL;
    enum status st = walk_init(&w, r, g->prefix);
    if (st || w.total <= BEGUN_TERMS_MAX || (!g->fields && segment_lists_prefix(g->prefix)))
        return st;
    for (uint32_t i = 0; !st && i < BEGUN_TERMS_MAX; i++)
        if (!(st = walk_next(&w, &term)))
            last = term;
    if (!st)
        st = walk_next(&w, &term);
    if (st)
        return st == STATUS_END ? STATUS_OK : st;
    plan->capped = true;
    g->prefix_last = arena_copy(r->arena, last);
    return g->prefix_last.ptr ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status begun_prefix(struct group *g, struct slice prefix, struct plan *plan,
                         const struct expansion_request *r)
{
    uint64_t df = 0, terms = 0;
    g->prefix = prefix;
    g->prefix_last = SLICE_NULL;
    enum status st = cap(g, plan, r);
    for (uint32_t i = 0; !st && i < snapshot_segment_count(r->snap); i++) {
        const struct segment *s = snapshot_segment(r->snap, i);
        struct segment_prefix ready;
        uint32_t lo, hi;
        st = begun_range(s, g, &lo, &hi);
        if (st)
            return st;
        terms += hi - lo;
        if (segment_open_prefix(s, prefix, &ready) == STATUS_OK)
            df += ready.df;
        else
            for (uint32_t o = lo; !st && o < hi; o++) {
                st = pulse_beat(segment_pulse(s), 1);
                df += segment_term_df(s, o);
            }
    }
    g->df += df;
    /* The sum above depends on how products are spread over segments; scores must not. A letter
     * more makes a word rarer by a constant. */
    uint64_t live = snapshot_live_count(r->snap);
    size_t len = g->items[0].term.len;
    uint32_t twice = len < 16 ? (uint32_t)len * 2 : 32;
    g->prefix_idf =
        expand_scaled(expand_idf(live, live >> twice), r->profile->n[PROFILE_prefix_factor]);
    plan->expanded += terms;
    return st;
}

/* A word that no product holds, but that begins others, has the forms that a letter less begins. */
enum status begun_forms(const struct group *g, struct form_list *list,
                        const struct expansion_request *r)
{
    struct slice word = g->items[0].term, term;
    struct walk w;
    uint32_t kept = 0;
    if (g->df)
        return STATUS_OK;
    enum status st = walk_init(&w, r, word);
    if (!st)
        st = walk_next(&w, &term);
    if (st)
        return st == STATUS_END ? STATUS_OK : st;
    while (word.len && ((unsigned char)word.ptr[--word.len] & 0xc0) == 0x80) {
    }
    for (uint32_t i = 0; i < list->count; i++)
        if (slice_starts(list->terms[i], word)) {
            list->df[kept] = list->df[i];
            list->terms[kept++] = list->terms[i];
        }
    list->count = kept;
    return STATUS_OK;
}

/* --- what else it begins ---------------------------------------------------------------------- */

static enum status add_terms(struct group *g, const struct slice *terms, uint32_t n,
                             struct alternative like, const struct expansion_request *r)
{
    struct alternative *items = arena_calloc(r->arena, g->count + n + 1, sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    memcpy(items, g->items, g->count * sizeof *items);
    for (uint32_t i = 0; i < n; i++) {
        like.term = arena_copy(r->arena, terms[i]);
        if (!like.term.ptr)
            return STATUS_NO_MEMORY;
        items[g->count++] = like;
        g->df += expand_live_df(r->snap, like.term);
    }
    g->items = items;
    return STATUS_OK;
}

/* Terms that the prefix does not cover, as good as those it does. */
static enum status add_begun(struct group *g, const struct slice *terms, uint32_t n,
                             struct plan *plan, const struct expansion_request *r)
{
    plan->capped |= n == NAMED_MAX;
    return add_terms(
        g, terms, n,
        (struct alternative){.kind = ALT_EXACT,
                             .tier = true,
                             .idf = expand_scaled(g->idf, r->profile->n[PROFILE_prefix_factor])},
        r);
}

/* "2-pac" may become "2pack": what is written as one word with the last one is a beginning too, in
 * each group it stands in. */
static enum status expand_joined(struct plan *plan, const struct expansion_request *r)
{
    const struct group *last = &plan->groups[plan->group_count - 1];
    struct slice terms[NAMED_MAX], word = last->items[0].term;
    enum status st = STATUS_OK;
    for (uint32_t k = 0; !st && k < last->same_count; k++) {
        struct slice way = last->same[k];
        uint32_t n;
        if (way.len <= word.len || memcmp(way.ptr + way.len - word.len, word.ptr, word.len) != 0)
            continue;
        st = begun_by(r, way, terms, NAMED_MAX, &n);
        plan->expanded += n;
        for (uint32_t i = 0; !st && n && i < plan->group_count; i++)
            if (stands_in(plan->groups[i].same, plan->groups[i].same_count, way))
                st = add_begun(&plan->groups[i], terms, n, plan, r);
    }
    return st;
}

/* Languages whose two letters "ae", "oe", "ue", "aa" may be one: elsewhere "shoe" begins no
 * "short". */
static bool writes_umlauts(const struct schema *schema)
{
    static const char *const languages[] = {"de", "sv", "da", "no", "fi", "is"};
    for (uint32_t i = 0; i < schema->field_count; i++)
        for (size_t k = 0; k < sizeof languages / sizeof *languages; k++)
            if (schema->fields[i].searchable && !strcmp(schema->fields[i].language, languages[k]))
                return true;
    return false;
}

/* The other spelling of an umlaut is a beginning too: "kaese" becomes "Käsekuchen". What begins
 * more words is the prefix, the words of the other spelling are named one by one. */
static enum status expand_spelled(struct plan *plan, const struct expansion_request *r)
{
    struct group *g = &plan->groups[plan->group_count - 1];
    struct slice terms[NAMED_MAX], word = g->items[0].term, other;
    struct variants v;
    struct walk words, others;
    uint32_t n;
    variants_of(g->original, word, &v);
    if (!v.count || (v.items[0].len < word.len && !writes_umlauts(snapshot_schema(r->snap))))
        return STATUS_OK;
    other = arena_copy(r->arena, v.items[0]);
    enum status st = other.ptr ? walk_init(&words, r, word) : STATUS_NO_MEMORY;
    if (!st)
        st = walk_init(&others, r, other);
    if (!st && others.total > words.total) {
        st = begun_prefix(g, other, plan, r);
        other = word;
    }
    if (!st)
        st = begun_by(r, other, terms, NAMED_MAX, &n);
    if (st || !n)
        return st;
    plan->expanded += n;
    return add_begun(g, terms, n, plan, r);
}

/* Forms that do not begin like the word of all that it begins, where that is not much: each once,
 * in the order of what has them. */
static enum status find_beyond(const struct expansion_request *r, struct slice word,
                               struct typo_list *out)
{
    struct slice terms[COMPLETED_MAX + 1];
    struct form_list list;
    struct walk w;
    uint32_t n, cap = 0;
    enum status st = walk_init(&w, r, word);
    if (st || !w.total || w.total > (uint64_t)COMPLETED_MAX * w.count)
        return st;
    st = begun_by(r, word, terms, COMPLETED_MAX + 1, &n);
    for (uint32_t i = 0; !st && n <= COMPLETED_MAX && i < n; i++) {
        st = forms_beyond(r->forms, r->snap, word, terms[i], r->arena, &list);
        if (!st && out->count + list.count > cap) {
            cap = (out->count + list.count) * 2;
            struct typo *items = arena_alloc(r->arena, cap * sizeof *items);
            if (!items)
                return STATUS_NO_MEMORY;
            for (uint32_t k = 0; k < out->count; k++)
                items[k] = out->items[k];
            out->items = items;
        }
        for (uint32_t k = 0; !st && k < list.count; k++) {
            bool there = false;
            for (uint32_t a = 0; !there && a < out->count; a++)
                there = slice_equal(out->items[a].term, list.terms[k]);
            out->items[out->count] = (struct typo){list.terms[k], list.df[k], 0};
            out->count += !there;
        }
    }
    return st;
}

static enum status known_beyond(const struct expansion_request *r, struct slice word,
                                struct typo_list *out)
{
    struct recall_question q;
    bool known;
    recall_ask(&q, r->snap, RECALL_BEYOND, 0, word, SLICE_NULL);
    enum status st = recall_get_terms(r->recall, &q, r->arena, out, &known);
    if (!st && !known)
        st = find_beyond(r, word, out);
    if (!st && !known)
        recall_keep_terms(r->recall, &q, out);
    return st;
}

/* "polishin" will be "polishing", which finds "polish": so it finds that as well, and a letter more
 * never finds more. */
static enum status expand_completed(struct plan *plan, const struct expansion_request *r)
{
    struct group *g = &plan->groups[plan->group_count - 1];
    struct alternative like = {
        .kind = ALT_FORM,
        .tier = true,
        .idf = expand_scaled(g->prefix_idf, r->profile->n[PROFILE_form_factor])};
    struct typo_list forms;
    uint32_t kept = 0;
    enum status st = known_beyond(r, g->items[0].term, &forms);
    if (st || !forms.count)
        return st;
    struct slice *terms = arena_alloc(r->arena, forms.count * sizeof *terms);
    if (!terms)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < forms.count; i++) {
        bool known = false;
        for (uint32_t a = 0; !known && a < g->count; a++)
            known = slice_equal(g->items[a].term, forms.items[i].term);
        terms[kept] = forms.items[i].term;
        kept += !known;
    }
    plan->expanded += kept;
    return kept ? add_terms(g, terms, kept, like, r) : STATUS_OK;
}

enum status begun_expand(struct plan *plan, const struct expansion_request *r)
{
    enum status st = expand_joined(plan, r);
    if (!st)
        st = expand_spelled(plan, r);
    if (!st)
        st = expand_completed(plan, r);
    return st ? st : unspaced_apart(plan, r);
}
