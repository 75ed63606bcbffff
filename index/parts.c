#include "index/parts.h"
#include "index/expand.h"
#include "index/probe.h"
#include "index/tails.h"
#include "index/variants.h"

#include <stdlib.h>

enum {
    PART_LETTERS = 3,
    JOIN_WORDS = 3,
    INSIDE_LETTERS = 4,
    INSIDE_MAX = 50,
    INSIDE_FREE = 6,
    SIDE_WORDS = 3,
    SIDE_POSITIONS = 128
};

/* --- adding ----------------------------------------------------------------------------------- */

static bool holds_term(const struct group *g, struct slice term)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (slice_equal(g->items[i].term, term))
            return true;
    return false;
}

static enum status add(struct group *g, struct arena *arena, const struct alternative *alt,
                       uint64_t df)
{
    if (!alt->docs && holds_term(g, alt->term))
        return STATUS_OK;
    struct alternative *items = arena_calloc(arena, g->count + 1, sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    memcpy(items, g->items, g->count * sizeof *items);
    items[g->count++] = *alt;
    g->items = items;
    g->df += df;
    return STATUS_OK;
}

static uint32_t idf_of(const struct parts_request *r, uint64_t df)
{
    double idf = expand_idf(snapshot_live_count(r->snap), df) * r->profile->n[PROFILE_part_factor];
    return (uint32_t)idf + 1;
}

/* --- joined ----------------------------------------------------------------------------------- */

static enum status join(struct plan *plan, uint32_t first, uint32_t count,
                        const struct parts_request *r)
{
    char bytes[ANALYSE_TERM_MAX];
    size_t len = 0;
    for (uint32_t i = first; i < first + count; i++) {
        const struct group *g = &plan->groups[i];
        struct slice w = g->items[0].term;
        if (g->fixed || len + w.len > sizeof bytes)
            return STATUS_OK;
        memcpy(bytes + len, w.ptr, w.len);
        len += w.len;
    }
    uint64_t df = expand_live_df(r->snap, slice_make(bytes, len));
    if (!df)
        return STATUS_OK;
    struct alternative alt = {.term = arena_copy(r->arena, slice_make(bytes, len)),
                              .kind = ALT_JOINED,
                              .idf = idf_of(r, df)};
    enum status st = alt.term.ptr ? STATUS_OK : STATUS_NO_MEMORY;
    for (uint32_t i = first; !st && i < first + count; i++) {
        alt.tier = !r->known[i];
        st = add(&plan->groups[i], r->arena, &alt, df);
    }
    return st;
}

enum status parts_join(struct plan *plan, const struct parts_request *r)
{
    enum status st = STATUS_OK;
    for (uint32_t n = 2; n <= JOIN_WORDS; n++)
        for (uint32_t i = 0; !st && i + n <= plan->group_count; i++)
            st = join(plan, i, n, r);
    return st;
}

/* --- split ------------------------------------------------------------------------------------ */

/* The words of a run and where it may stand. */
struct run {
    const struct slice *words;
    uint32_t count;
    uint64_t fields; /* a bit each; 0 = in any */
};

/* Is there a place where the words follow each other? Positions ascend in each list; a position
 * is one among `fields` numbers, by its field. */
static bool follow(const struct run *run, uint32_t at[][SIDE_POSITIONS], const uint32_t *counts,
                   uint32_t fields)
{
    for (uint32_t i = 0; i < counts[0]; i++) {
        bool yes = !run->fields || run->fields >> (at[0][i] % fields) & 1;
        for (uint32_t w = 1; w < run->count && yes; w++) {
            uint32_t want = at[0][i] + w * fields, k = 0;
            while (k < counts[w] && at[w][k] < want)
                k++;
            yes = k < counts[w] && at[w][k] == want;
        }
        if (yes)
            return true;
    }
    return false;
}

static enum status holds_side_by_side(struct probe *probes, const struct run *run, uint32_t doc,
                                      uint32_t fields, bool *yes)
{
    uint32_t at[SIDE_WORDS][SIDE_POSITIONS], counts[SIDE_WORDS];
    *yes = false;
    for (uint32_t w = 0; w < run->count; w++) {
        bool there;
        enum status st = probe_seek(&probes[w], doc, &there);
        if (st || !there)
            return st;
    }
    for (uint32_t w = 0; w < run->count; w++) {
        enum status st = probe_positions(&probes[w], at[w], SIDE_POSITIONS, &counts[w]);
        if (st)
            return st;
    }
    *yes = follow(run, at, counts, fields);
    return STATUS_OK;
}

static enum status side_by_side_in(const struct segment *s, const struct run *run, uint32_t *docs,
                                   uint32_t *n)
{
    struct probe probes[SIDE_WORDS];
    struct postings_block block;
    uint32_t rare = 0, base = segment_base(s);
    if (run->count < 2 || run->count > SIDE_WORDS)
        return STATUS_OK;
    for (uint32_t i = 0; i < run->count; i++) {
        enum status st = probe_open(&probes[i], s, run->words[i]);
        if (st)
            return st == STATUS_NOT_FOUND ? STATUS_OK : st;
        rare = probes[i].list.df < probes[rare].list.df ? i : rare;
    }
    struct postings list = probes[rare].list;
    postings_settle(&list);
    for (uint32_t b = 0; b < list.block_count; b++) {
        enum status st = postings_decode_docs(&list, b, &block);
        for (uint32_t i = 0; !st && i < block.count && *n < PARTS_DOCS_MAX; i++) {
            bool yes;
            st = pulse_beat(segment_pulse(s), 4);
            if (!st)
                st = holds_side_by_side(probes, run, block.docs[i], segment_field_count(s), &yes);
            if (!st && yes)
                docs[(*n)++] = base + block.docs[i];
        }
        if (st)
            return st;
    }
    return STATUS_OK;
}

enum status parts_side_by_side(struct snapshot *snap, const struct slice *words, uint32_t count,
                               uint64_t fields, struct arena *arena, uint32_t **docs,
                               uint32_t *doc_count)
{
    const struct run run = {words, count, fields};
    uint64_t most = UINT64_MAX;
    *doc_count = 0;
    *docs = NULL;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t df = 0;
        for (uint32_t k = 0; k < snapshot_segment_count(snap); k++) {
            uint32_t ordinal;
            const struct segment *s = snapshot_segment(snap, k);
            if (segment_find_term(s, words[i], &ordinal) == STATUS_OK)
                df += segment_term_df(s, ordinal);
        }
        most = df < most ? df : most;
    }
    if (!most)
        return STATUS_OK;
    most = most < PARTS_DOCS_MAX ? most : PARTS_DOCS_MAX;
    *docs = arena_alloc(arena, most * sizeof **docs);
    if (!*docs)
        return STATUS_NO_MEMORY;
    enum status st = STATUS_OK;
    for (uint32_t k = 0; !st && k < snapshot_segment_count(snap); k++)
        st = side_by_side_in(snapshot_segment(snap, k), &run, *docs, doc_count);
    return st;
}

/* The cut whose rarer half is the most frequent: that of real words. */
static bool best_cut(struct snapshot *snap, struct slice word, struct slice halves[2])
{
    uint64_t best = 0;
    for (size_t at = 1; at < word.len; at++) {
        if (((unsigned char)word.ptr[at] & 0xc0) == 0x80)
            continue;
        struct slice a = slice_make(word.ptr, at), b = slice_make(word.ptr + at, word.len - at);
        if (a.len + b.len < 2 * PART_LETTERS - 1 || a.len < 1 || b.len < PART_LETTERS)
            continue;
        uint64_t x = expand_live_df(snap, a), y = x ? expand_live_df(snap, b) : 0;
        uint64_t both = x < y ? x : y;
        if (a.len < PART_LETTERS)
            both /= 8; /* "t" + "shirt" only where nothing better fits */
        if (both > best) {
            best = both;
            halves[0] = a;
            halves[1] = b;
        }
    }
    return best > 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "xps15", "rtx3080": letters and a number that somebody else wrote apart. Codes with more borders
 * are one thing. */
static bool border_cut(struct slice word, struct slice halves[2])
{
    size_t borders = 0, at = 0;
    for (size_t i = 1; i < word.len; i++)
        if (is_digit(word.ptr[i]) != is_digit(word.ptr[i - 1])) {
            borders++;
            at = i;
        }
    halves[0] = slice_make(word.ptr, at);
    halves[1] = slice_make(word.ptr + at, word.len - at);
    return borders == 1;
}

/* A word that many products hold as it stands is not why few match. */
static bool plenty(const struct group *g, const struct parts_request *r)
{
    return g->df >= (uint64_t)r->profile->n[PROFILE_parts_plenty];
}

/* A word in two, and the products that hold these side by side. */
struct cut {
    struct slice halves[2]; /* empty: it is not made of two */
    uint32_t *docs, count;
};

static void keep_cut(struct recall *r, const struct recall_question *q, const struct cut *c)
{
    struct buf *b = recall_scratch(r);
    wire_put_varint(b, c->halves[0].len);
    wire_put_varint(b, c->count);
    for (uint32_t i = 0; i < c->count && b->len <= RECALL_MOST; i++)
        wire_put_varint(b, c->docs[i] - (i ? c->docs[i - 1] : 0));
    if (!b->failed)
        recall_keep(r, q, buf_slice(b));
}

static enum status recalled_cut(struct slice answer, struct slice word, struct arena *arena,
                                struct cut *c)
{
    struct wire_reader in = wire_reader_of(answer);
    size_t at = (size_t)wire_varint(&in);
    c->halves[0] = slice_make(word.ptr, at);
    c->halves[1] = slice_make(word.ptr + at, word.len - at);
    c->count = (uint32_t)wire_varint(&in);
    c->docs = arena_alloc(arena, (c->count + 1) * sizeof *c->docs);
    for (uint32_t i = 0, doc = 0; c->docs && i < c->count; i++)
        c->docs[i] = doc += (uint32_t)wire_varint(&in);
    return c->docs ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status find_cut(const struct group *g, const struct parts_request *r, struct cut *c)
{
    struct recall_question q;
    struct slice word = g->items[0].term, answer;
    *c = (struct cut){0};
    recall_ask(&q, r->snap, RECALL_APART, g->fields, word,
               g->digits ? SLICE_LIT("1") : SLICE_LIT("a"));
    if (recall_get(r->recall, &q, &answer))
        return recalled_cut(answer, word, r->arena, c);
    enum status st = STATUS_OK;
    bool cut = g->digits ? border_cut(word, c->halves) : best_cut(r->snap, word, c->halves);
    if (cut)
        st = parts_side_by_side(r->snap, c->halves, 2, g->fields, r->arena, &c->docs, &c->count);
    else
        c->halves[0] = SLICE_NULL;
    if (!st && r->recall)
        keep_cut(r->recall, &q, c);
    return st;
}

enum status parts_split(struct plan *plan, const struct parts_request *r)
{
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < plan->group_count; i++) {
        struct group *g = &plan->groups[i];
        struct cut c;
        if (g->phrase || plenty(g, r))
            continue;
        st = find_cut(g, r, &c);
        if (st || !c.count)
            continue;
        struct slice apart = arena_printf(r->arena, "%.*s %.*s", (int)c.halves[0].len,
                                          c.halves[0].ptr, (int)c.halves[1].len, c.halves[1].ptr);
        if (!apart.ptr)
            return STATUS_NO_MEMORY;
        struct alternative alt = {.term = apart,
                                  .docs = c.docs,
                                  .doc_count = c.count,
                                  .kind = ALT_JOINED,
                                  .tier = !r->known[i],
                                  .idf = idf_of(r, c.count)};
        st = add(g, r->arena, &alt, c.count);
    }
    return st;
}

/* --- inside ----------------------------------------------------------------------------------- */

bool parts_compounding(const struct schema *schema)
{
    static const char *const languages[] = {"de", "nl", "sv", "da", "no", "fi", "hu", "is"};
    for (uint32_t i = 0; i < schema->field_count; i++)
        for (size_t k = 0; k < sizeof languages / sizeof *languages; k++)
            if (schema->fields[i].searchable && !strcmp(schema->fields[i].language, languages[k]))
                return true;
    return false;
}

static bool any_language(const struct schema *schema)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].searchable && schema->fields[i].language[0])
            return true;
    return false;
}

struct inside {
    const struct parts_request *r;
    struct slice word;
    bool freely;
    struct typo items[INSIDE_MAX];
    uint32_t count;
};

/* "apfel" + "saft", "arbeits" + "schuh": a beginning that is a word, with or without a joint. */
static bool good_beginning(struct inside *x, struct slice begin)
{
    static const char *const joints[] = {"", "s", "n", "en", "es", "er"};
    size_t letters = 0;
    for (size_t i = 0; i < begin.len; i++) {
        letters += ((unsigned char)begin.ptr[i] & 0xc0) != 0x80;
        if (begin.ptr[i] >= '0' && begin.ptr[i] <= '9')
            return false;
    }
    if (letters < PART_LETTERS)
        return false;
    if (x->freely)
        return true;
    for (size_t i = 0; i < sizeof joints / sizeof *joints; i++) {
        size_t len = strlen(joints[i]);
        if (begin.len >= len + PART_LETTERS &&
            !memcmp(begin.ptr + begin.len - len, joints[i], len) &&
            expand_live_df(x->r->snap, slice_make(begin.ptr, begin.len - len)))
            return true;
    }
    return false;
}

static bool known(const struct inside *x, struct slice term)
{
    for (uint32_t i = 0; i < x->count; i++)
        if (slice_equal(x->items[i].term, term))
            return true;
    return false;
}

static enum status on_end(void *ctx, struct slice term)
{
    struct inside *x = ctx;
    struct slice begin = slice_make(term.ptr, term.len - x->word.len);
    if (known(x, term) || !good_beginning(x, begin))
        return STATUS_OK;
    x->items[x->count] = (struct typo){term, expand_live_df(x->r->snap, term), 0};
    x->count += x->items[x->count].df > 0;
    return x->count == INSIDE_MAX ? STATUS_END : STATUS_OK;
}

static enum status find_inside(struct slice word, bool freely, const struct parts_request *r,
                               struct typo_list *out)
{
    struct recall_question q;
    bool known;
    recall_ask(&q, r->snap, RECALL_INSIDE, freely, word, SLICE_NULL);
    enum status st = recall_get_terms(r->recall, &q, r->arena, out, &known);
    if (st || known)
        return st;
    struct inside *x = arena_alloc(r->arena, sizeof *x);
    if (!x)
        return STATUS_NO_MEMORY;
    *x = (struct inside){.r = r, .word = word, .freely = freely};
    for (uint32_t i = 0; !st && i < snapshot_segment_count(r->snap); i++)
        st = x->count < INSIDE_MAX ? tails_find(snapshot_segment(r->snap, i), word, on_end, x)
                                   : STATUS_OK;
    *out = (struct typo_list){x->items, x->count};
    if (!st)
        recall_keep_terms(r->recall, &q, out);
    return st;
}

static enum status inside_of(struct group *g, struct slice word, bool freely, bool tier,
                             const struct parts_request *r)
{
    struct typo_list x;
    enum status st = find_inside(word, freely, r, &x);
    uint64_t df = g->df;
    for (uint32_t i = 0; !st && i < x.count; i++)
        df += x.items[i].df;
    for (uint32_t i = 0; !st && i < x.count; i++) {
        struct alternative alt = {
            .term = x.items[i].term, .kind = ALT_JOINED, .tier = tier, .idf = idf_of(r, df)};
        st = add(g, r->arena, &alt, x.items[i].df);
    }
    return st;
}

/* "schuh" in "arbeitsschuhe": the endings of plurals and cases. */
static enum status inflected_inside(struct group *g, struct slice word, bool tier,
                                    const struct parts_request *r)
{
    static const char *const endings[] = {"e", "n", "en", "er", "s"};
    enum status st = STATUS_OK;
    for (size_t i = 0; !st && i < sizeof endings / sizeof *endings; i++) {
        struct slice ended = arena_printf(r->arena, "%.*s%s", (int)word.len, word.ptr, endings[i]);
        st = ended.ptr ? inside_of(g, ended, true, tier, r) : STATUS_NO_MEMORY;
    }
    return st;
}

enum status parts_inside(struct plan *plan, const struct parts_request *r)
{
    const struct schema *schema = snapshot_schema(r->snap);
    bool compounding = parts_compounding(schema), unknown = !any_language(schema);
    enum status st = STATUS_OK;
    for (uint32_t i = 0; !st && i < plan->group_count; i++) {
        struct group *g = &plan->groups[i];
        struct slice word = g->items[0].term;
        uint32_t forms = g->count;
        if (g->phrase || g->digits || word.len < INSIDE_LETTERS || (!compounding && plenty(g, r)))
            continue;
        bool freely = compounding || (unknown && word.len >= INSIDE_FREE);
        bool tier = compounding || !r->known[i];
        st = inside_of(g, word, freely, tier, r);
        struct variants v;
        variants_of(g->original, word, &v);
        for (uint32_t k = 0; !st && k < v.count; k++)
            st = inside_of(g, v.items[k], freely, tier, r);
        if (!st && compounding)
            st = inflected_inside(g, word, tier, r);
        /* its plural ends compounds too */
        for (uint32_t k = 1; !st && k < forms; k++)
            if (g->items[k].kind == ALT_FORM && g->items[k].term.len >= INSIDE_LETTERS)
                st = inside_of(g, g->items[k].term, freely, tier, r);
    }
    return st;
}
