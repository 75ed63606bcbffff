#include "index/word_settings.h"
#include "protocol/arena.h"

#include <stdlib.h>

/*
 * Left sides and stop words are keys of one open hash table each; bytes live in an arena that goes
 * with the whole. A text is read twice when it is stored (checked) and when it is used (filled): by
 * the same reader, which calls back for each pair.
 */

enum { CATALOGS_MAX = 16, TEXT_MAX = 1 << 20 };

struct entry {
    struct slice key; /* words joined by a blank; empty = free */
    struct synonym *items;
    uint32_t count, cap;
};

struct table {
    struct entry *slots;
    uint32_t cap, used; /* cap is a power of two */
};

struct word_settings {
    struct edition edition;
    uint64_t sequence, used; /* tick of the last use; 0 = free */
    struct arena arena;
    struct table synonyms, stops;
    uint32_t longest, pairs;
    struct rule_book *rules;
    bool empty;
};

struct word_cache {
    struct word_settings catalogs[CATALOGS_MAX];
    uint64_t tick;
};

enum status word_cache_create(struct word_cache **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

static void clear(struct word_settings *w)
{
    free(w->synonyms.slots);
    free(w->stops.slots);
    arena_fini(&w->arena);
    memset(w, 0, sizeof *w);
}

void word_cache_destroy(struct word_cache **c)
{
    if (!*c)
        return;
    for (uint32_t i = 0; i < CATALOGS_MAX; i++)
        clear(&(*c)->catalogs[i]);
    free(*c);
    *c = NULL;
}

/* --- table ------------------------------------------------------------------------------------ */

static uint32_t hash_of(struct slice s)
{
    uint32_t h = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 16777619U;
    return h;
}

static struct entry *slot_of(const struct table *t, struct slice key)
{
    uint32_t at = hash_of(key) & (t->cap - 1);
    while (t->slots[at].key.len && !slice_equal(t->slots[at].key, key))
        at = (at + 1) & (t->cap - 1);
    return &t->slots[at];
}

static bool grow(struct table *t)
{
    struct table more = {.cap = t->cap ? t->cap * 2 : 64, .used = t->used};
    more.slots = calloc(more.cap, sizeof *more.slots);
    if (!more.slots)
        return false;
    for (uint32_t i = 0; i < t->cap; i++)
        if (t->slots[i].key.len)
            *slot_of(&more, t->slots[i].key) = t->slots[i];
    free(t->slots);
    *t = more;
    return true;
}

/* The entry of a key, made when there is none; NULL without memory. */
static struct entry *entry_of(struct table *t, struct slice key, struct arena *arena)
{
    if ((t->used + 1) * 2 > t->cap && !grow(t))
        return NULL;
    struct entry *e = slot_of(t, key);
    if (!e->key.len) {
        e->key = arena_copy(arena, key);
        if (!e->key.ptr)
            return NULL;
        t->used++;
    }
    return e;
}

/* --- reading a text --------------------------------------------------------------------------- */

struct side {
    uint32_t count;
    char bytes[SYNONYM_WORDS * (ANALYSE_TERM_MAX + 1)]; /* words joined by a blank */
    size_t len;
};

struct reader {
    struct analyser *analyser;
    struct fault *fault;
    uint32_t line, pairs; /* pairs: of the line at hand */
    bool strict; /* when a text comes; what is stored already is used as far as it can be */
    enum status (*pair)(void *ctx, const struct side *left, const struct side *right);
    void *ctx;
};

static enum status bad(struct reader *r, enum status st, const char *why)
{
    return fault_set(r->fault, st, "synonyms", "line %u: %s", r->line, why);
}

static enum status read_side(struct reader *r, struct slice text, struct side *out)
{
    const struct token_list *list;
    *out = (struct side){0};
    enum status st = analyser_run(r->analyser, text, &list);
    for (uint32_t i = 0; !st && i < list->count; i++) {
        struct slice w = list->items[i].term;
        if (list->items[i].kind == TOKEN_EXTRA)
            continue;
        if (out->count == SYNONYM_WORDS)
            return bad(r, STATUS_TOO_LARGE, "a side has at most three words");
        if (out->count++)
            out->bytes[out->len++] = ' ';
        memcpy(out->bytes + out->len, w.ptr, w.len);
        out->len += w.len;
    }
    if (st)
        return bad(r, st, "not valid UTF-8");
    return out->count ? STATUS_OK : bad(r, STATUS_INVALID, "an empty side");
}

/* A word does not stand for itself. */
static enum status read_pair(struct reader *r, const struct side *left, const struct side *right)
{
    if (slice_equal(slice_make(left->bytes, left->len), slice_make(right->bytes, right->len)))
        return STATUS_OK;
    r->pairs++;
    return r->pair(r->ctx, left, right);
}

static struct slice next_item(struct slice *rest)
{
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] != ',')
        n++;
    struct slice item = slice_make(rest->ptr, n);
    n += n < rest->len;
    *rest = slice_make(rest->ptr + n, rest->len - n);
    return item;
}

/* "a, b, c": each means the others. */
static enum status read_equal(struct reader *r, struct slice line)
{
    struct side a, b;
    enum status st = STATUS_OK;
    uint32_t sides = 0;
    for (struct slice left = line; !st && left.len; sides++) {
        struct slice one = next_item(&left);
        st = read_side(r, one, &a);
        for (struct slice right = line; !st && right.len;) {
            struct slice other = next_item(&right);
            if (other.ptr != one.ptr && (st = read_side(r, other, &b)) == STATUS_OK)
                st = read_pair(r, &a, &b);
        }
    }
    return st || sides > 1 ? st : bad(r, STATUS_INVALID, "\"a, b\" or \"a => b, c\"");
}

static enum status read_one_way(struct reader *r, struct slice left, struct slice right)
{
    struct side a, b;
    enum status st = right.len ? STATUS_OK : bad(r, STATUS_INVALID, "nothing behind =>");
    while (!st && left.len) {
        struct slice rest = right;
        st = read_side(r, next_item(&left), &a);
        while (!st && rest.len)
            if ((st = read_side(r, next_item(&rest), &b)) == STATUS_OK)
                st = read_pair(r, &a, &b);
    }
    return st;
}

static bool blank_line(struct slice line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] == '#')
            return true;
        else if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    return true;
}

static enum status read_synonyms(struct reader *r, struct slice text)
{
    enum status st = STATUS_OK;
    if (text.len > TEXT_MAX)
        return fault_set(r->fault, STATUS_TOO_LARGE, "synonyms", "a text has at most 1 MiB");
    for (r->line = 1; !st && text.len; r->line++) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct slice line = slice_make(text.ptr, end ? (size_t)(end - text.ptr) : text.len);
        text = slice_make(text.ptr + line.len + (end != NULL), text.len - line.len - (end != NULL));
        if (blank_line(line))
            continue;
        r->pairs = 0;
        const char *arrow = memmem(line.ptr, line.len, "=>", 2);
        size_t at = arrow ? (size_t)(arrow - line.ptr) : 0, behind = line.len - at - 2;
        if (arrow && !at)
            st = bad(r, STATUS_INVALID, "nothing before =>");
        else if (r->strict && arrow && memmem(arrow + 2, behind, "=>", 2))
            st = bad(r, STATUS_INVALID, "=> stands twice");
        else if (arrow)
            st = read_one_way(r, slice_make(line.ptr, at), slice_make(arrow + 2, behind));
        else
            st = read_equal(r, line);
        if (!st && r->strict && !r->pairs)
            st = bad(r, STATUS_INVALID, "both sides are the same");
    }
    return st;
}

/* --- filling ---------------------------------------------------------------------------------- */

static enum status take_pair(void *ctx, const struct side *left, const struct side *right)
{
    struct word_settings *w = ctx;
    struct slice key = slice_make(left->bytes, left->len), words;
    if (w->pairs == SYNONYMS_MAX)
        return STATUS_OK; /* was refused when it came; another front may have been quicker */
    struct entry *e = entry_of(&w->synonyms, key, &w->arena);
    if (!e)
        return STATUS_NO_MEMORY;
    if (e->count == SYNONYMS_OF_TERM)
        return STATUS_OK;
    if (e->count == e->cap) {
        uint32_t cap = e->cap ? e->cap * 2 : 2;
        struct synonym *items = arena_calloc(&w->arena, cap, sizeof *items);
        if (!items)
            return STATUS_NO_MEMORY;
        if (e->count)
            memcpy(items, e->items, e->count * sizeof *items);
        e->items = items;
        e->cap = cap;
    }
    words = arena_copy(&w->arena, slice_make(right->bytes, right->len));
    if (!words.ptr)
        return STATUS_NO_MEMORY;
    struct synonym *s = &e->items[e->count++];
    while (words.len) {
        const char *end = memchr(words.ptr, ' ', words.len);
        struct slice one = slice_make(words.ptr, end ? (size_t)(end - words.ptr) : words.len);
        s->words[s->count++] = one;
        words =
            slice_make(words.ptr + one.len + (end != NULL), words.len - one.len - (end != NULL));
    }
    w->longest = left->count > w->longest ? left->count : w->longest;
    w->pairs++;
    return STATUS_OK;
}

static enum status fill_stops(struct word_settings *w, struct analyser *a, struct slice text)
{
    const struct token_list *list;
    enum status st = analyser_run(a, text, &list);
    for (uint32_t i = 0; !st && i < list->count; i++)
        if (list->items[i].kind != TOKEN_EXTRA &&
            !entry_of(&w->stops, list->items[i].term, &w->arena))
            st = STATUS_NO_MEMORY;
    return st;
}

static enum status fill(struct word_settings *w, struct snapshot *snap, struct analyser *a)
{
    struct reader r = {.analyser = a, .pair = take_pair, .ctx = w};
    struct slice name = SLICE_NULL, text;
    while (snapshot_next_setting(snap, SLICE_LIT("synonyms"), &name, &text) == STATUS_OK)
        if (read_synonyms(&r, text) == STATUS_NO_MEMORY)
            return STATUS_NO_MEMORY;
    name = SLICE_NULL;
    while (snapshot_next_setting(snap, SLICE_LIT("stopwords"), &name, &text) == STATUS_OK)
        if (fill_stops(w, a, text) == STATUS_NO_MEMORY)
            return STATUS_NO_MEMORY;
    enum status st = rule_book_read(snap, a, &w->arena, &w->rules);
    w->empty = !w->synonyms.used && !w->stops.used && !w->rules;
    return st;
}

enum status word_settings_of(struct word_cache *c, struct snapshot *snap, struct analyser *a,
                             const struct word_settings **out)
{
    struct word_settings *oldest = &c->catalogs[0];
    struct edition edition = snapshot_edition(snap);
    uint64_t sequence = snapshot_settings_sequence(snap);
    for (uint32_t i = 0; i < CATALOGS_MAX; i++) {
        struct word_settings *w = &c->catalogs[i];
        if (w->used && edition_same(w->edition, edition) && w->sequence == sequence) {
            w->used = ++c->tick;
            *out = w->empty ? NULL : w;
            return STATUS_OK;
        }
        if (edition_same(w->edition, edition) || w->used < oldest->used)
            oldest = w;
        if (edition_same(w->edition, edition))
            break;
    }
    clear(oldest);
    oldest->edition = edition;
    oldest->sequence = sequence;
    enum status st = fill(oldest, snap, a);
    oldest->used = st ? 0 : ++c->tick;
    *out = st || oldest->empty ? NULL : oldest;
    return st;
}

/* --- asking ----------------------------------------------------------------------------------- */

const struct rule_book *word_settings_rules(const struct word_settings *w)
{
    return w ? w->rules : NULL;
}

bool word_settings_stop(const struct word_settings *w, struct slice word)
{
    return w && w->stops.used && slot_of(&w->stops, word)->key.len;
}

uint32_t word_settings_longest(const struct word_settings *w)
{
    return w ? w->longest : 0;
}

const struct synonym *word_settings_synonyms(const struct word_settings *w, struct slice words,
                                             uint32_t *count)
{
    *count = 0;
    if (!w || !w->synonyms.used || !words.len)
        return NULL;
    const struct entry *e = slot_of(&w->synonyms, words);
    *count = e->key.len ? e->count : 0;
    return *count ? e->items : NULL;
}

/* --- checking --------------------------------------------------------------------------------- */

struct synonym_sum {
    struct table lefts;
    struct arena arena;
    uint32_t pairs;
    bool crowded; /* one left side has more right sides than are used */
};

enum status synonym_sum_create(struct synonym_sum **out)
{
    *out = calloc(1, sizeof **out);
    if (*out)
        arena_init(&(*out)->arena, 0);
    return *out ? STATUS_OK : STATUS_NO_MEMORY;
}

void synonym_sum_destroy(struct synonym_sum **sum)
{
    if (!*sum)
        return;
    arena_fini(&(*sum)->arena);
    free((*sum)->lefts.slots);
    free(*sum);
    *sum = NULL;
}

static enum status sum_pair(void *ctx, const struct side *left, const struct side *right)
{
    struct synonym_sum *sum = ctx;
    struct entry *e = entry_of(&sum->lefts, slice_make(left->bytes, left->len), &sum->arena);
    (void)right;
    if (!e)
        return STATUS_NO_MEMORY;
    sum->pairs++;
    sum->crowded |= ++e->count > SYNONYMS_OF_TERM;
    return sum->crowded ? STATUS_TOO_LARGE : STATUS_OK;
}

enum status word_settings_check_synonyms(struct analyser *a, struct slice text,
                                         struct synonym_sum *sum, struct fault *fault)
{
    struct reader r = {.analyser = a, .fault = fault, .pair = sum_pair, .ctx = sum, .strict = true};
    sum->crowded = false;
    enum status st = read_synonyms(&r, text);
    if (sum->crowded)
        return fault_set(fault, STATUS_TOO_LARGE, "synonyms",
                         "line %u: a side has at most %d others, of all settings together",
                         r.line - 1, SYNONYMS_OF_TERM);
    if (!st && sum->pairs > SYNONYMS_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "synonyms", "a catalog has at most %d synonyms",
                         SYNONYMS_MAX);
    return st;
}

enum status word_settings_check_stops(struct analyser *a, struct slice text, struct fault *fault)
{
    const struct token_list *list;
    if (text.len > TEXT_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "stopwords", "a text has at most 1 MiB");
    return analyser_run(a, text, &list)
               ? fault_set(fault, STATUS_BAD_UTF8, "stopwords", "not valid UTF-8")
               : STATUS_OK;
}
