#include "index/plan.h"
#include "index/script.h"

#include <strings.h>

/* --- words ------------------------------------------------------------------------------------ */

struct word_reader {
    const char *begin, *at, *end;
    struct analyser *analyser;
    const struct schema *schema;
    struct arena *arena;
    struct plan *plan;
    bool pasted;
};

static uint64_t fields_named(const struct word_reader *r, struct slice name)
{
    const struct field *f = schema_find(r->schema, name);
    return f && f->searchable && f->search_idx < 64 ? (uint64_t)1 << f->search_idx : 0;
}

/* Told as not used: the text's own bytes. */
static void add_cut(struct plan *p, struct slice original)
{
    if (p->cut_count < PLAN_CUT_MAX) {
        p->cut[p->cut_count++] = original;
        return;
    }
    struct slice *last = &p->cut[PLAN_CUT_MAX - 1];
    last->len = (size_t)(original.ptr + original.len - last->ptr);
}

static enum status add_group(struct word_reader *r, const struct token *t, struct slice original,
                             uint64_t fields, bool quoted)
{
    struct plan *p = r->plan;
    for (uint32_t i = 0; !quoted && i < p->group_count; i++) /* saying it twice asks for no more */
        if (!p->groups[i].phrase && p->groups[i].fields == fields &&
            slice_equal(p->groups[i].items[0].term, t->term)) {
            p->repeated = true;
            return STATUS_OK;
        }
    p->repeated = false;
    if (p->group_count == PLAN_WORDS_MAX) {
        add_cut(p, original);
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
                                               .from = t->from,
                                               .to = t->to,
                                               .fields = fields,
                                               .phrase = quoted,
                                               .fixed = quoted || fields,
                                               .position = p->group_count,
                                               .digits = t->kind == TOKEN_NUMBER};
    p->group_count++;
    return STATUS_OK;
}

static enum status add_phrase(struct word_reader *r, const struct token_list *l, bool excluded,
                              uint64_t fields)
{
    struct plan *p = r->plan;
    struct phrase phrase = {.first = p->word_count, .fields = fields, .excluded = excluded};
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->items[i].kind == TOKEN_EXTRA || p->word_count == PLAN_WORDS_MAX * 2)
            continue;
        struct slice term = arena_copy(r->arena, l->items[i].term);
        if (!term.ptr)
            return STATUS_NO_MEMORY;
        p->words[p->word_count++] = term;
        phrase.count++;
    }
    if (phrase.count)
        p->phrases[p->phrase_count++] = phrase;
    return STATUS_OK;
}

/* Written together, with a digit in it: only the whole of it means anything. */
static bool is_code(struct slice read, const struct token *t)
{
    bool digit = false;
    for (uint32_t i = t->from; i < t->to; i++) {
        if (read.ptr[i] == ' ' || read.ptr[i] == '\t' || read.ptr[i] == '\n')
            return false;
        digit |= read.ptr[i] >= '0' && read.ptr[i] <= '9';
    }
    return digit;
}

static size_t number_len(struct slice w)
{
    size_t n = 0;
    while (n < w.len && ((w.ptr[n] >= '0' && w.ptr[n] <= '9') || w.ptr[n] == '.'))
        n++;
    return n;
}

/* "55in" and "55inches": one number, both with a unit. */
static bool same_measure(struct slice a, struct slice b)
{
    size_t n = number_len(a);
    return n && n < a.len && n < b.len && n == number_len(b) && memcmp(a.ptr, b.ptr, n) == 0;
}

/* Forms beside the words as they stand go to the groups whose bytes they take up in what was read.
 */
static enum status add_same(struct word_reader *r, const struct token *t, struct slice read,
                            uint32_t first)
{
    struct plan *p = r->plan;
    struct slice term = arena_copy(r->arena, t->term);
    if (!term.ptr)
        return STATUS_NO_MEMORY;
    uint8_t code = is_code(read, t) ? (uint8_t)(first + 1 + t->position % 100) : 0;
    for (uint32_t i = first; i < p->group_count; i++) {
        struct group *g = &p->groups[i];
        bool inside = g->from >= t->from && g->to <= t->to,
             around = g->from <= t->from && g->to >= t->to;
        /* a part of a word means less than the word: "55" is not "55in" */
        bool less = around && t->term.len < g->items[0].term.len &&
                    !same_measure(t->term, g->items[0].term);
        if (inside && !less && g->same_count < PLAN_SAME_MAX)
            g->same[g->same_count++] = term;
        g->code = inside && !around ? code : g->code;
    }
    return STATUS_OK;
}

/* In scripts without blanks the last words are also one, the beginning of what products hold: two
 * of them, three, four, and all (unspaced.h). */
static enum status add_unfinished(struct word_reader *r, const struct token_list *l, uint32_t first)
{
    char text[ANALYSE_TERM_MAX];
    struct token joined = {.from = UINT32_MAX};
    uint32_t words = 0;
    enum status s = STATUS_OK;
    for (uint32_t i = l->count; !s && i-- > 0;) {
        const struct token *t = &l->items[i];
        size_t len = joined.term.len;
        if (t->kind == TOKEN_EXTRA)
            continue;
        bool touches = words ? t->to == joined.from : t->to == l->read.len;
        if (!touches || !script_unspaced(t->term) || t->term.len + len > sizeof text)
            break;
        memmove(text + t->term.len, text, len);
        memcpy(text, t->term.ptr, t->term.len);
        joined.term = slice_make(text, t->term.len + len);
        joined.from = t->from;
        joined.to = (uint32_t)l->read.len;
        if (++words > 1 && words <= PLAN_SAME_MAX)
            s = add_same(r, &joined, l->read, first);
    }
    return !s && words > PLAN_SAME_MAX ? add_same(r, &joined, l->read, first) : s;
}

/* Of a phrase that is asked for the first words will do; one that is excluded counts whole or not.
 */
static bool phrase_fits(const struct plan *p, uint32_t words, bool excluded)
{
    uint32_t left = PLAN_WORDS_MAX * 2 - p->word_count;
    return p->phrase_count < PLAN_PHRASE_MAX && left >= (excluded ? words : 2);
}

/* What is special about a word: how it is asked for. */
struct opening {
    const char *text; /* where its text begins */
    bool excluded, quoted;
    bool pasted; /* excluded by a hyphen that may be no more than one */
    uint64_t fields;
};

/* `whole` is the part as it was written, with what is special about it. */
static enum status add_part(struct word_reader *r, struct slice part, struct slice whole,
                            const struct opening *o)
{
    const struct token_list *l;
    enum status s = analyser_run(r->analyser, part, &l);
    if (s)
        return s;
    uint32_t words = 0, first = r->plan->group_count;
    for (uint32_t i = 0; i < l->count; i++)
        words += l->items[i].kind != TOKEN_EXTRA;
    if ((o->quoted && words > 1) || o->excluded) {
        if (phrase_fits(r->plan, words, o->excluded))
            s = add_phrase(r, l, o->excluded, o->fields);
        else
            add_cut(r->plan, whole);
    }
    if (s || o->excluded)
        return s;
    for (uint32_t i = 0; !s && i < l->count; i++)
        if (l->items[i].kind != TOKEN_EXTRA)
            s = add_group(
                r, &l->items[i],
                slice_make(part.ptr + l->items[i].start, l->items[i].end - l->items[i].start),
                o->fields, o->quoted);
    for (uint32_t i = 0; !s && !o->quoted && i < l->count; i++)
        if (l->items[i].kind == TOKEN_EXTRA)
            s = add_same(r, &l->items[i], l->read, first);
    if (!s && !o->quoted && part.ptr + part.len == r->end)
        s = add_unfinished(r, l, first);
    return s;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The byte behind a quote that is closed, NULL when `at` opens none. */
static const char *quote_end(const struct word_reader *r, const char *at)
{
    const char *close =
        at < r->end && *at == '"' ? memchr(at + 1, '"', (size_t)(r->end - at - 1)) : NULL;
    return close && close > at + 1 ? close + 1 : NULL;
}

/* Behind one of these "-word" is the other half of a compound ("Klingen & -blätter", "voor- en
 * -achter"), and excludes nothing. */
static bool suspends(const struct word_reader *r, const char *at)
{
    static const char *const joiners[] = {"&",   "+",    "/",     "und", "oder", "sowie",
                                          "bzw", "bzw.", "and",   "or",  "en",   "of",
                                          "och", "og",   "eller", "ja",  "tai"};
    const char *end = at;
    while (end > r->begin && blank(end[-1]))
        end--;
    const char *from = end;
    while (from > r->begin && !blank(from[-1]))
        from--;
    for (size_t i = 0; i < sizeof joiners / sizeof *joiners; i++)
        if (strlen(joiners[i]) == (size_t)(end - from) &&
            strncasecmp(joiners[i], from, (size_t)(end - from)) == 0)
            return true;
    return false;
}

/* Does a hyphen exclude the word behind it? Never a number: "1/4 -20 in", "sugar -30%". */
static bool excludes(const struct word_reader *r, const char *at)
{
    if (*at != '-' || at + 1 == r->end || blank(at[1]) || at[1] == '-')
        return false;
    return at[1] == '"' || !((at[1] >= '0' && at[1] <= '9') || suspends(r, at));
}

/* What is special about the word that begins at `at`? */
static bool special(const struct word_reader *r, const char *at, struct opening *o)
{
    *o = (struct opening){.text = at};
    if (excludes(r, at)) {
        o->excluded = true;
        o->text = ++at;
    }
    const char *colon = at;
    while (colon < r->end && !blank(*colon) && *colon != '"' && *colon != ':')
        colon++;
    if (colon + 1 < r->end && *colon == ':' && !blank(colon[1])) {
        o->fields = fields_named(r, slice_make(at, (size_t)(colon - at)));
        if (o->fields)
            o->text = colon + 1;
    }
    o->quoted = quote_end(r, o->text) != NULL;
    o->pasted = o->excluded && !o->quoted && !o->fields;
    o->excluded &= !(o->pasted && r->pasted);
    return o->excluded || o->fields || o->quoted;
}

/* Goes behind a word that is special; the byte behind its quote, NULL where it has none. */
static const char *pass(struct word_reader *r, const struct opening *o)
{
    const char *close = quote_end(r, o->text);
    r->at = close ? close : o->text;
    while (!close && r->at < r->end && !blank(*r->at))
        r->at++;
    return close;
}

enum status plan_wanted_text(struct slice text, const struct schema *schema, struct arena *arena,
                             struct slice *out)
{
    struct word_reader r = {
        .begin = text.ptr, .at = text.ptr, .end = text.ptr + text.len, .schema = schema};
    struct opening o;
    char *wanted = NULL;
    *out = text;
    while (text.len && r.at < r.end) {
        const char *from = r.at;
        if (blank(*from)) {
            r.at++;
            continue;
        }
        special(&r, from, &o);
        pass(&r, &o);
        if (!o.excluded)
            continue;
        wanted = wanted ? wanted : (char *)(uintptr_t)arena_copy(arena, text).ptr;
        if (!wanted)
            return STATUS_NO_MEMORY;
        memset(wanted + (from - text.ptr), ' ', (size_t)(r.at - from));
    }
    if (wanted)
        out->ptr = wanted;
    return STATUS_OK;
}

static enum status next_part(struct word_reader *r)
{
    struct opening o, next;
    const char *from = r->at;
    if (special(r, from, &o)) {
        r->plan->hyphens |= o.pasted;
        const char *close = pass(r, &o);
        struct slice text = close ? slice_make(o.text + 1, (size_t)(close - o.text - 2))
                                  : slice_make(o.text, (size_t)(r->at - o.text));
        return add_part(r, text, slice_make(from, (size_t)(r->at - from)), &o);
    }
    do { /* as far as nothing is special */
        while (r->at < r->end && !blank(*r->at))
            r->at++;
        const char *word = r->at;
        while (word < r->end && blank(*word))
            word++;
        if (word == r->end || special(r, word, &next))
            break;
        r->at = word;
    } while (true);
    struct slice text = slice_make(from, (size_t)(r->at - from));
    return add_part(r, text, text, &(struct opening){0});
}

/* Words of one to seven bytes, compared eight bytes at a time; each query looks through some. */
typedef char little_word[8];

static bool one_of(struct slice word, const little_word *words, size_t count)
{
    uint64_t wanted = 0, have;
    bool found = false;
    if (!word.len || word.len >= sizeof wanted)
        return false;
    memcpy(&wanted, word.ptr, word.len);
    for (size_t i = 0; i < count; i++) {
        memcpy(&have, words[i], sizeof have);
        found |= have == wanted;
    }
    return found;
}
#define ONE_OF(word, words) one_of(word, words, sizeof(words) / sizeof *(words))

/* Words that only join others: a product need not hold them to be what is meant. */
bool plan_is_light(struct slice word)
{
    static const little_word light[] = {
        "a",    "an",   "and", "at",   "by",  "for",  "from",  "in",   "is",   "of",   "on",
        "or",   "the",  "to",  "with", "my",  "your", "w",     "that", "this", "be",   "are",
        "as",   "it",   "its", "you",  "do",  "how",  "where", "what", "into", "than", "which",
        "der",  "die",  "das", "den",  "dem", "ein",  "eine",  "mit",  "und",  "im",   "am",
        "zu",   "von",  "aus", "bei",  "de",  "du",   "des",   "la",   "le",   "les",  "et",
        "avec", "pour", "en",  "y",    "con", "para", "el",    "los",  "las",  "di",   "per",
        "il",   "met",  "van", "voor", "het"};
    return ONE_OF(word, light);
}

static void mark_light(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->group_count; i++)
        plan->groups[i].light =
            !plan->groups[i].fixed && plan_is_light(plan->groups[i].items[0].term);
}

/* "knife set without block": the block is named, but is not what is looked for. */
static void mark_negated(struct plan *plan)
{
    static const little_word negators[] = {"without", "not", "no",  "ohne", "sans", "sin", "senza",
                                           "zonder",  "sem", "bez", "utan", "uden", "uten"};
    static const little_word ends[] = {"for", "with", "and", "or",  "but", "in", "mit",
                                       "und", "avec", "et",  "con", "y",   "met"};
    bool negated = false;
    for (uint32_t i = 0; i < plan->group_count; i++) {
        struct group *g = &plan->groups[i];
        struct slice w = g->items[0].term;
        negated = negated && !ONE_OF(w, ends);
        g->negated = negated && !g->fixed;
        negated |= i > 0 && ONE_OF(w, negators);
    }
}

/* The bytes of a blank letter at the beginning of UTF-8 text, 0 for any other. */
static size_t blank_letter(const char *at, const char *end)
{
    static const char *const wide[] = {"\xc2\xa0", "\xe3\x80\x80", "\xe2\x80\xaf", "\xe2\x81\x9f",
                                       "\xef\xbb\xbf"};
    if (blank(*at) || *at == '\v' || *at == '\f')
        return 1;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (slice_starts(slice_make(at, (size_t)(end - at)), slice_str(wide[i])))
            return strlen(wide[i]);
    bool spaces =
        end - at >= 3 && at[0] == '\xe2' && at[1] == '\x80' && (unsigned char)at[2] <= 0x8b;
    return spaces ? 3 : 0; /* U+2000 to U+200B */
}

/* Signs alone are not nothing: who types "!!!" does not ask for the whole catalog. */
static void mark_wordless(struct plan *plan, struct slice text)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    if (plan->group_count || plan->phrase_count || plan->cut_count)
        return;
    for (size_t n = 1; at < end && n; at += n)
        n = blank_letter(at, end);
    plan->wordless = at < end;
    if (plan->wordless)
        add_cut(plan, text);
}

enum status plan_words(struct analyser *a, struct slice text, bool pasted,
                       const struct schema *schema, struct arena *arena, struct plan *plan,
                       struct fault *fault)
{
    struct word_reader r = {text.ptr, text.ptr, text.ptr + text.len, a, schema, arena,
                            plan,     pasted};
    size_t valid = wire_utf8_valid(text);
    if (valid != text.len)
        return fault_set(fault, STATUS_BAD_UTF8, "text",
                         "the words are not valid UTF-8 at byte %zu", valid + 1);
    enum status s = STATUS_OK;
    while (!s && r.at < r.end) {
        if (blank(*r.at)) {
            r.at++;
            continue;
        }
        s = next_part(&r);
    }
    mark_negated(plan);
    mark_light(plan);
    if (!s)
        mark_wordless(plan, text);
    return s;
}

void plan_drop_stops(struct plan *plan, bool (*stop)(const void *ctx, struct slice word),
                     const void *ctx)
{
    uint32_t kept = 0;
    bool out[PLAN_WORDS_MAX];
    for (uint32_t i = 0; i < plan->group_count; i++) {
        out[i] = !plan->groups[i].fixed && stop(ctx, plan->groups[i].items[0].term);
        kept += !out[i];
    }
    if (!kept || kept == plan->group_count)
        return;
    kept = 0;
    for (uint32_t i = 0; i < plan->group_count; i++)
        if (!out[i])
            plan->groups[kept++] = plan->groups[i];
    plan->group_count = kept;
}
