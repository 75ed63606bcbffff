#include "index/rules.h"

#include <stdlib.h>

enum verb { VERB_NONE, VERB_QUERY, VERB_CONTAINS, VERB_PIN, VERB_HIDE };

static struct slice trimmed(struct slice s)
{
    while (s.len && (*s.ptr == ' ' || *s.ptr == '\t'))
        s = slice_make(s.ptr + 1, s.len - 1);
    while (s.len && strchr(" \t\r", s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static struct slice next_line(struct slice *text)
{
    const char *end = memchr(text->ptr, '\n', text->len);
    struct slice line = slice_make(text->ptr, end ? (size_t)(end - text->ptr) : text->len);
    size_t used = line.len + (end != NULL);
    *text = slice_make(text->ptr + used, text->len - used);
    return trimmed(line);
}

static enum verb verb_of(struct slice line, struct slice *rest)
{
    static const char *const verbs[] = {NULL, "query", "contains", "pin", "hide"};
    for (int v = VERB_QUERY; v <= VERB_HIDE; v++) {
        size_t len = strlen(verbs[v]);
        if (line.len > len && !memcmp(line.ptr, verbs[v], len) &&
            (line.ptr[len] == ' ' || line.ptr[len] == '\t')) {
            *rest = trimmed(slice_make(line.ptr + len, line.len - len));
            return rest->len ? (enum verb)v : VERB_NONE;
        }
    }
    return VERB_NONE;
}

/* Folded words, each with a blank before and behind: " red shoes ". */
static enum status fold_words(struct analyser *a, struct slice text, struct arena *arena,
                              struct slice *out)
{
    const struct token_list *list;
    enum status st = analyser_run(a, text, &list);
    size_t len = 1;
    for (uint32_t i = 0; !st && i < list->count; i++)
        len += list->items[i].term.len + 1;
    char *bytes = st ? NULL : arena_alloc(arena, len);
    if (!bytes)
        return st ? st : STATUS_NO_MEMORY;
    len = 0;
    bytes[len++] = ' ';
    for (uint32_t i = 0; i < list->count; i++) {
        struct slice w = list->items[i].term;
        if (list->items[i].kind == TOKEN_EXTRA)
            continue;
        memcpy(bytes + len, w.ptr, w.len);
        len += w.len;
        bytes[len++] = ' ';
    }
    *out = slice_make(bytes, len);
    return STATUS_OK;
}

/* "ID" or "ID POSITION", which is 1 where it is missing; ids hold no blanks here unless a number
 * follows the last one. */
static struct slice pin_id(struct slice rest, uint32_t *position)
{
    size_t at = rest.len;
    *position = 1;
    while (at && rest.ptr[at - 1] >= '0' && rest.ptr[at - 1] <= '9')
        at--;
    if (at && at < rest.len && rest.len - at < 9 &&
        (rest.ptr[at - 1] == ' ' || rest.ptr[at - 1] == '\t')) {
        uint32_t n = 0;
        for (size_t i = at; i < rest.len; i++)
            n = n * 10 + (uint32_t)(rest.ptr[i] - '0');
        *position = n;
        return trimmed(slice_make(rest.ptr, at));
    }
    return rest;
}

/* --- applying --------------------------------------------------------------------------------- */

/* One line that says when, and the rule it belongs to. */
struct condition {
    struct slice words; /* folded */
    bool whole;         /* the query is these words, else it holds them */
    uint32_t rule;
    struct condition *next;
};

struct rule_book {
    struct condition *first, **last;
    struct slice *texts;
    uint32_t count, cap;
};

static enum status read_rule(struct rule_book *b, struct analyser *a, struct slice text,
                             struct arena *arena)
{
    struct slice rest;
    if (b->count == b->cap) {
        uint32_t cap = b->cap ? b->cap * 2 : 16;
        struct slice *texts = arena_alloc(arena, cap * sizeof *texts);
        if (!texts)
            return STATUS_NO_MEMORY;
        if (b->count)
            memcpy(texts, b->texts, b->count * sizeof *texts);
        b->texts = texts;
        b->cap = cap;
    }
    b->texts[b->count] = arena_copy(arena, text);
    if (!b->texts[b->count].ptr)
        return STATUS_NO_MEMORY;
    for (text = b->texts[b->count++]; text.len;) {
        enum verb v = verb_of(next_line(&text), &rest);
        if (v != VERB_QUERY && v != VERB_CONTAINS)
            continue;
        struct condition *c = arena_calloc(arena, 1, sizeof *c);
        enum status st = c ? fold_words(a, rest, arena, &c->words) : STATUS_NO_MEMORY;
        if (st == STATUS_NO_MEMORY)
            return st;
        if (st || c->words.len < 2)
            continue;
        c->whole = v == VERB_QUERY;
        c->rule = b->count - 1;
        *b->last = c;
        b->last = &c->next;
    }
    return STATUS_OK;
}

enum status rule_book_read(struct snapshot *snap, struct analyser *a, struct arena *arena,
                           struct rule_book **out)
{
    struct slice name = SLICE_NULL, text;
    struct rule_book *b = arena_calloc(arena, 1, sizeof *b);
    enum status st = STATUS_OK;
    *out = NULL;
    if (!b)
        return STATUS_NO_MEMORY;
    b->last = &b->first;
    while (!st && (st = snapshot_next_setting(snap, SLICE_LIT("rule"), &name, &text)) == STATUS_OK)
        st = read_rule(b, a, text, arena);
    *out = b->first ? b : NULL;
    return st == STATUS_END ? STATUS_OK : st;
}

static bool applies(const struct condition *c, struct slice query)
{
    return c->whole ? slice_equal(c->words, query)
                    : memmem(query.ptr, query.len, c->words.ptr, c->words.len) != NULL;
}

static void hide(struct rules *r, uint32_t docid)
{
    if (!rules_hide(r, docid)) {
        uint32_t at = r->hidden_count++;
        for (; at && r->hidden[at - 1] > docid; at--)
            r->hidden[at] = r->hidden[at - 1];
        r->hidden[at] = docid;
    }
}

static void pin(struct rules *r, uint32_t docid, uint32_t position)
{
    uint32_t at = r->pin_count;
    if (at == RULE_PINS_MAX)
        return;
    for (uint32_t i = 0; i < at; i++)
        if (r->pins[i].docid == docid)
            return;
    for (; at && r->pins[at - 1].position > position; at--)
        r->pins[at] = r->pins[at - 1];
    r->pins[at].docid = docid;
    r->pins[at].position = position < RULE_POSITION_MAX ? position : RULE_POSITION_MAX - 1;
    r->pin_count++;
    hide(r, docid);
}

static void apply(struct rules *r, struct snapshot *snap, struct slice text)
{
    struct slice rest;
    while (text.len) {
        uint32_t docid, position;
        enum verb v = verb_of(next_line(&text), &rest);
        if (v == VERB_HIDE && r->hidden_count < RULE_HIDES_MAX + r->pin_count &&
            snapshot_find(snap, rest, &docid) == STATUS_OK)
            hide(r, docid); /* of those that are hidden by a pin there are no more than pins */
        else if (v == VERB_PIN && snapshot_find(snap, pin_id(rest, &position), &docid) == STATUS_OK)
            pin(r, docid, position ? position - 1 : 0); /* 0: kept from earlier days */
    }
}

enum status rules_of(const struct rule_book *book, struct snapshot *snap, struct analyser *a,
                     struct slice text, struct arena *arena, struct rules *out)
{
    struct slice query;
    uint32_t done = UINT32_MAX; /* conditions of one rule follow each other */
    out->pin_count = out->hidden_count = 0;
    if (!book)
        return STATUS_OK;
    enum status st = fold_words(a, text, arena, &query);
    for (const struct condition *c = st ? NULL : book->first; c; c = c->next)
        if (c->rule != done && applies(c, query)) {
            apply(out, snap, book->texts[c->rule]);
            done = c->rule;
        }
    return st;
}

bool rules_hide(const struct rules *r, uint32_t docid)
{
    uint32_t low = 0, high = r->hidden_count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (r->hidden[mid] < docid)
            low = mid + 1;
        else
            high = mid;
    }
    return low < r->hidden_count && r->hidden[low] == docid;
}

void rules_drop_pins(struct rules *r)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->hidden_count; i++) {
        bool pinned = false;
        for (uint32_t k = 0; k < r->pin_count; k++)
            pinned |= r->pins[k].docid == r->hidden[i];
        r->hidden[kept] = r->hidden[i];
        kept += !pinned;
    }
    r->hidden_count = kept;
    r->pin_count = 0;
}

/* --- checking --------------------------------------------------------------------------------- */

enum status rules_check(struct analyser *a, struct slice text, struct fault *fault)
{
    uint32_t number = 0, when = 0, what = 0, pins = 0;
    const struct token_list *list;
    struct slice rest;
    if (text.len > RULE_TEXT_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "rule", "a rule has at most %d bytes",
                         RULE_TEXT_MAX);
    while (text.len) {
        struct slice line = next_line(&text);
        enum verb v = verb_of(line, &rest);
        number++;
        if (!line.len || *line.ptr == '#')
            continue;
        if (v == VERB_NONE)
            return fault_set(fault, STATUS_INVALID, "rule",
                             "line %u: query WORDS, contains WORDS, pin ID [POSITION] or hide ID",
                             number);
        when += v == VERB_QUERY || v == VERB_CONTAINS;
        what += v == VERB_PIN || v == VERB_HIDE;
        pins += v == VERB_PIN;
        uint32_t position = 1;
        if (v == VERB_PIN)
            pin_id(rest, &position);
        if (position < 1 || position > RULE_POSITION_MAX)
            return fault_set(fault, STATUS_INVALID, "rule", "line %u: a position is 1 to %d",
                             number, RULE_POSITION_MAX);
        if (v > VERB_CONTAINS)
            continue;
        if (analyser_run(a, rest, &list))
            return fault_set(fault, STATUS_BAD_UTF8, "rule", "line %u: not valid UTF-8", number);
        if (!list->count)
            return fault_set(fault, STATUS_INVALID, "rule", "line %u holds no word", number);
    }
    if (!when || !what)
        return fault_set(fault, STATUS_INVALID, "rule", "a rule needs a %s",
                         when ? "pin or hide" : "query or contains");
    if (pins > RULE_PINS_MAX || what - pins > RULE_HIDES_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "rule", "at most %d pins and %d hides",
                         RULE_PINS_MAX, RULE_HIDES_MAX);
    return STATUS_OK;
}
