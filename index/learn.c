#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/learn.h"
#include "index/begun.h"
#include "index/collect.h"
#include "index/expand.h"
#include "index/script.h"
#include "index/term_ahead.h"

#include <stdlib.h>

enum {
    LEARN_FROM = 10, /* products whose titles are read */
    LEARN_HEAD = 20, /* products in front that keep their places */
    TITLE_WORDS_MAX = 512,
    TITLE_BYTES = 4096, /* more of a text is not read */
    LEARN_WORDS = 32,
    ALONE_WORDS = 24,    /* of one word's products */
    RELATIVES_FROM = 4,  /* letters that words have in common */
    RELATIVES_SEEN = 32, /* of the dictionary */
    RELATIVES_MOST = 4,
    AHEAD = 16,     /* words looked up together */
    FIELD_WORDS = 4 /* of a bitmap over field ids */
};

static const double ALONE_WEIGHT = 0.3; /* of the word that they stand for */

struct title_word {
    struct slice term;
    uint32_t hash;
    uint32_t titles, last; /* how many have it; the last of them, from 1 */
    uint64_t weight;
};

struct lesson {
    struct search *s;
    uint64_t fields[FIELD_WORDS]; /* titles */
    struct title_word *words;
    uint32_t count, title; /* words so far; the title at hand, from 1 */
};

static bool is_letter_begin(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* --- titles ----------------------------------------------------------------------------------- */

static bool asked_for(const struct plan *p, struct slice term)
{
    for (uint32_t i = 0; i < p->group_count; i++) {
        const struct group *g = &p->groups[i];
        if (g->prefix.len && slice_starts(term, g->prefix))
            return true;
        for (uint32_t k = 0; k < g->count; k++)
            if (slice_equal(g->items[k].term, term))
                return true;
    }
    return false;
}

/* Numbers and codes tell one product from the next, and say nothing of others. */
static enum status note_word(struct lesson *l, const struct token *t)
{
    uint32_t i = 0, hash = XXH32(t->term.ptr, t->term.len, 0);
    while (i < l->count && (l->words[i].hash != hash || !slice_equal(l->words[i].term, t->term)))
        i++;
    if (i == TITLE_WORDS_MAX)
        return STATUS_OK;
    if (i == l->count) {
        if (t->kind != TOKEN_WORD || plan_is_light(t->term) || asked_for(&l->s->plan, t->term))
            return STATUS_OK;
        struct slice term = arena_copy(l->s->arena, t->term);
        if (!term.ptr)
            return STATUS_NO_MEMORY;
        l->words[l->count++] = (struct title_word){.term = term, .hash = hash};
    }
    l->words[i].titles += l->words[i].last != l->title;
    l->words[i].last = l->title;
    return STATUS_OK;
}

/* Whole words of its beginning. */
static struct slice beginning_of(struct slice text)
{
    size_t len = TITLE_BYTES;
    if (text.len <= len)
        return text;
    while (len && !is_letter_begin(text.ptr[len]))
        len--;
    const char *blank = memrchr(text.ptr, ' ', len);
    return slice_make(text.ptr, blank ? (size_t)(blank - text.ptr) : len);
}

static enum status note_text(struct lesson *l, struct slice text)
{
    const struct token_list *tokens;
    enum status st = analyser_run(l->s->searcher->analyser, beginning_of(text), &tokens);
    for (uint32_t i = 0; !st && i < tokens->count; i++) {
        st = pulse_beat(snapshot_pulse(l->s->snap), 4 + (int32_t)l->count / 64);
        if (!st)
            st = note_word(l, &tokens->items[i]);
    }
    return st;
}

static enum status note_product(struct lesson *l, uint32_t docid)
{
    struct buf *b = &l->s->searcher->scratch;
    struct document d;
    struct value v;
    uint32_t number;
    buf_clear(b);
    l->title++;
    enum status st = snapshot_product(l->s->snap, docid, l->fields, b);
    if (!st)
        st = document_begin(&d, buf_slice(b));
    while (!st && (st = document_next(&d, &number, &v)) == STATUS_OK)
        if (v.type == VALUE_TEXT)
            st = note_text(l, v.bytes);
    return st == STATUS_END ? STATUS_OK : st;
}

/* Which fields are titles that can be read; false when none is. */
static bool title_fields(const struct search *s, uint64_t fields[FIELD_WORDS])
{
    const struct schema *schema = snapshot_schema(s->snap);
    bool any = false;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *f = &schema->fields[i];
        if (!f->searchable || !f->stored || f->weight_class || f->id >= FIELD_WORDS * 64)
            continue;
        fields[f->id / 64] |= UINT64_C(1) << f->id % 64;
        any = true;
    }
    return any;
}

/* --- the best products ------------------------------------------------------------------------ */

/* The relaxed attempt once more, from its first product on, whatever the filter and the order; with
 * `alone` what that word finds. */
static enum status search_again(struct search *s, const struct group *alone, struct topk *top)
{
    struct query *q = arena_alloc(s->arena, sizeof *q);
    struct search *again = arena_alloc(s->arena, sizeof *again);
    if (!q || !again)
        return STATUS_NO_MEMORY;
    *q = *s->query;
    q->sort_count = q->facet_count = 0;
    q->k = LEARN_HEAD;
    *again = *s;
    again->query = q;
    again->filter = NULL;
    again->clauses = NULL;
    again->all_clauses = 0;
    again->sort.count = 0;
    again->groups = NULL;
    again->cursor = NULL;
    again->stages &= (uint8_t) ~(STAGE_LEARNT | STAGE_STANDING);
    again->best = (struct best){0};
    again->top_room = LEARN_HEAD;
    again->top = *top;
    if (alone) {
        again->loose_rule = NULL;
        again->plan.groups[0] = *alone;
        again->plan.group_count = 1;
        /* shared with no other attempt */
        again->stages = (uint8_t)(STAGE_ALONE | (alone - s->plan.groups));
    }
    enum status st = collect_attempt(again, alone != NULL);
    *top = again->top;
    s->early_stop |= again->early_stop;
    s->stopped = s->stopped ? s->stopped : again->stopped;
    return st;
}

static enum status best_products(struct search *s, struct topk *top)
{
    bool there = !s->cursor && !s->filter && !s->sort.count && !s->groups &&
                 s->top.cap >= LEARN_HEAD; /* in the top of the attempt that was made */
    uint32_t room = there ? s->top.count : LEARN_HEAD;
    *top = (struct topk){arena_alloc(s->arena, (room + 1) * sizeof *top->items), 0, room};
    if (!top->items)
        return STATUS_NO_MEMORY;
    enum status st = STATUS_OK;
    if (there) {
        memcpy(top->items, s->top.items, room * sizeof *top->items);
        top->count = room;
    } else {
        st = search_again(s, NULL, top);
    }
    if (!st)
        topk_sort(top);
    return st;
}

/* --- words ------------------------------------------------------------------------------------ */

static int by_weight(const void *a, const void *b)
{
    const struct title_word *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return slice_compare(x->term, y->term);
}

static void look_ahead(const struct lesson *l, uint32_t from)
{
    struct slice terms[AHEAD];
    uint32_t n = 0;
    for (; n < AHEAD && from + n < l->count; n++)
        terms[n] = l->words[from + n].term;
    for (uint32_t i = 0; i < snapshot_segment_count(l->s->snap); i++)
        term_ahead(snapshot_segment(l->s->snap, i), terms, n);
}

/* Words of many of the titles and of few others say most. The best of them weighs `weight`. */
static void choose_words(struct lesson *l, uint32_t most, double weight, uint16_t of,
                         struct learnt *out)
{
    const struct search *s = l->s;
    uint64_t live = snapshot_live_count(s->snap);
    uint32_t kept = 0, least = of ? 2 : 1; /* one product alone says little of a word */
    for (uint32_t i = 0; i < l->count; i++)
        if (l->words[i].titles >= least)
            l->words[kept++] = l->words[i];
    l->count = kept;
    for (uint32_t i = 0; i < l->count; i++) {
        struct title_word *w = &l->words[i];
        if (i % AHEAD == 0)
            look_ahead(l, i);
        w->weight = (uint64_t)w->titles * expand_idf(live, expand_live_df(s->snap, w->term));
    }
    qsort(l->words, l->count, sizeof *l->words, by_weight);
    for (uint32_t i = 0; i < l->count && i < most && out->count < LEARNT_MAX; i++) {
        double part = of ? 1 : (double)l->words[i].weight / (double)l->words[0].weight;
        out->words[out->count++] =
            (struct learnt_word){l->words[i].term, (uint32_t)(weight * part) + 1, of};
    }
}

static enum status read_titles(struct lesson *l, const struct topk *top)
{
    enum status st = STATUS_OK;
    l->count = l->title = 0;
    for (uint32_t i = 0; !st && i < top->count && i < LEARN_FROM; i++)
        st = note_product(l, top->items[i].docid);
    return st;
}

/* --- relatives -------------------------------------------------------------------------------- */

static bool may_have_relatives(const struct group *g)
{
    return g->idf && !g->digits && !g->fixed && !g->light && !g->negated;
}

/* What the word and its forms begin with. */
static struct slice common_beginning(const struct group *g)
{
    struct slice way = g->items[0].term;
    for (uint32_t k = 1; k < g->count; k++) {
        const struct alternative *a = &g->items[k];
        size_t n = 0;
        if (a->docs || a->kind != ALT_FORM)
            continue;
        while (n < way.len && n < a->term.len && way.ptr[n] == a->term.ptr[n])
            n++;
        way.len = n;
    }
    while (way.len && way.len < g->items[0].term.len &&
           ((unsigned char)g->items[0].term.ptr[way.len] & 0xc0) == 0x80)
        way.len--;
    return way;
}

/* Long enough to say what a word is about. Scripts without blanks say so in two letters. */
static bool says_enough(struct slice way)
{
    uint32_t letters = 0;
    for (size_t i = 0; i < way.len; i++)
        letters += is_letter_begin(way.ptr[i]);
    return letters >= (script_unspaced(way) ? RELATIVES_FROM / 2 : RELATIVES_FROM);
}

struct relative {
    struct slice term;
    uint64_t df;
};

static int by_df(const void *a, const void *b)
{
    const struct relative *x = a, *y = b;
    if (x->df != y->df)
        return x->df > y->df ? -1 : 1;
    return slice_compare(x->term, y->term);
}

/* Words that it begins, and that begin it: the frequent ones among the first of the dictionary. */
static enum status add_relatives(struct search *s, uint32_t group, struct learnt *out)
{
    struct slice terms[RELATIVES_SEEN];
    struct relative found[RELATIVES_SEEN + ANALYSE_TERM_MAX];
    const struct group *g = &s->plan.groups[group];
    struct slice way = common_beginning(g), word = g->items[0].term;
    struct expansion_request r = {.snap = s->snap, .arena = s->arena};
    uint32_t n = 0, count = 0;
    if (!says_enough(way))
        return STATUS_OK;
    enum status st = begun_by(&r, way, terms, RELATIVES_SEEN, &n);
    for (uint32_t i = 0; !st && i < n; i++)
        found[count++] = (struct relative){.term = terms[i]};
    for (size_t len = RELATIVES_FROM; len < word.len; len++)
        if (is_letter_begin(word.ptr[len]) && says_enough(slice_make(word.ptr, len)))
            found[count++] = (struct relative){.term = slice_make(word.ptr, len)};
    n = count;
    count = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct slice term = found[i].term;
        uint64_t df = asked_for(&s->plan, term) ? 0 : expand_live_df(s->snap, term);
        if (df)
            found[count++] = (struct relative){term, df};
    }
    qsort(found, count, sizeof *found, by_df);
    for (uint32_t i = 0; !st && i < count && i < RELATIVES_MOST && out->count < LEARNT_MAX; i++) {
        struct slice term = arena_copy(s->arena, found[i].term);
        if (!term.ptr)
            return STATUS_NO_MEMORY;
        out->words[out->count++] =
            (struct learnt_word){term, g->idf / 2 + 1, (uint16_t)(1U << group)};
    }
    return st;
}

static enum status learn_relatives(struct search *s, struct learnt *out)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < s->plan.group_count; i++)
        if (may_have_relatives(&s->plan.groups[i]))
            st = add_relatives(s, i, out);
    return st;
}

/* --- lessons ---------------------------------------------------------------------------------- */

static enum status begin(struct lesson *l, struct search *s, struct learnt **out)
{
    *l = (struct lesson){.s = s};
    l->words = arena_alloc(s->arena, TITLE_WORDS_MAX * sizeof *l->words);
    if (!*out)
        *out = arena_calloc(s->arena, 1, sizeof **out);
    (void)title_fields(s, l->fields);
    return l->words && *out ? STATUS_OK : STATUS_NO_MEMORY;
}

bool learn_possible(const struct search *s)
{
    uint64_t fields[FIELD_WORDS] = {0};
    return title_fields(s, fields);
}

/* Scores as settled_by_learnt() of loose.c gives them to products in front. */
static uint64_t score_of_first(const struct search *s, uint64_t score, uint32_t head)
{
    uint64_t tier = score / MATCH_TIER;
    if (tier >= s->plan.group_count)
        return score + LOOSE_LEARNT_TIERS * (uint64_t)MATCH_TIER;
    if (tier)
        return LOOSE_LEARNT_ALL * (uint64_t)MATCH_TIER + score % MATCH_TIER;
    return (score >= head ? LOOSE_LEARNT_FIRST : LOOSE_LEARNT_BEHIND) * (uint64_t)MATCH_TIER +
           score;
}

/* How many of the first are not hidden. */
static uint32_t shown_of_first(const struct search *s, const struct topk *top)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < LEARN_HEAD; i++)
        n += !rules_hide(&s->rules, top->items[i].docid);
    return n;
}

enum status learn_first(struct search *s, struct learnt **out, bool *only_first)
{
    const struct query *q = s->query;
    struct topk top;
    *only_first = false;
    if (s->cursor || s->loose_rule->any || s->filter || s->sort.count || s->groups ||
        s->profile.n[PROFILE_bare_below] || q->k + q->offset > LEARN_HEAD ||
        s->top.count < LEARN_HEAD)
        return STATUS_OK;
    enum status st = best_products(s, &top);
    uint64_t head = st ? 0 : top.items[LEARN_HEAD - 1].keys[0];
    uint32_t shown = st ? 0 : shown_of_first(s, &top);
    if (!st && q->k + q->offset > shown)
        return STATUS_OK;
    if (st || head >= MATCH_TIER) /* none of the first lacks a word, and one that does is told */
        return st;
    *out = arena_calloc(s->arena, 1, sizeof **out);
    if (!*out)
        return STATUS_NO_MEMORY;
    (*out)->head = (uint32_t)head;
    for (uint32_t i = 0; i < top.count; i++)
        top.items[i].keys[0] = score_of_first(s, top.items[i].keys[0], (uint32_t)head);
    memcpy(s->top.items, top.items, top.count * sizeof *top.items);
    s->loose_rule->learnt = *out;
    *only_first = true;
    return STATUS_OK;
}

enum status learn_words(struct search *s, struct learnt **out)
{
    struct lesson l;
    struct topk top;
    double total = 0;
    enum status st = begin(&l, s, out);
    if (!st)
        st = best_products(s, &top);
    if (!st)
        st = read_titles(&l, &top);
    if (st)
        return st;
    uint32_t *head = &(*out)->head;
    if (s->loose_rule->any) /* each is enough, as of a code: that says too little to keep places */
        *head = UINT32_MAX;
    else if (!s->cursor || !s->cursor->learnt) /* else they are the first of the first page */
        *head = top.count < LEARN_HEAD ? 0 : (uint32_t)top.items[LEARN_HEAD - 1].keys[0];
    for (uint32_t i = 0; i < s->plan.group_count; i++)
        total += s->plan.groups[i].idf;
    choose_words(&l, LEARN_WORDS, total * s->profile.n[PROFILE_learn_weight], 0, *out);
    return learn_relatives(s, *out);
}

enum status learn_by_word(struct search *s, struct learnt **out)
{
    struct lesson l;
    struct candidate items[LEARN_HEAD + 1];
    bool first = !*out;
    enum status st = begin(&l, s, out);
    if (!st && first)
        st = learn_relatives(s, *out);
    for (uint32_t i = 0; !st && i < s->plan.group_count; i++) {
        const struct group *g = &s->plan.groups[i];
        struct topk top = {items, 0, LEARN_HEAD};
        if (!may_have_relatives(g))
            continue;
        st = search_again(s, g, &top);
        topk_sort(&top);
        if (!st)
            st = read_titles(&l, &top);
        if (!st)
            choose_words(&l, ALONE_WORDS, g->idf * ALONE_WEIGHT, (uint16_t)(1U << i), *out);
    }
    return st;
}
