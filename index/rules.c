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

/* "ID" or "ID POSITION"; ids hold no blanks here unless a number follows the last one. */
static struct slice pin_id(struct slice rest, uint32_t *position)
{
    size_t at = rest.len;
    *position = 0;
    while (at && rest.ptr[at - 1] >= '0' && rest.ptr[at - 1] <= '9')
        at--;
    if (at && at < rest.len && rest.len - at < 9 &&
        (rest.ptr[at - 1] == ' ' || rest.ptr[at - 1] == '\t')) {
        uint32_t n = 0;
        for (size_t i = at; i < rest.len; i++)
            n = n * 10 + (uint32_t)(rest.ptr[i] - '0');
        *position = n ? n - 1 : 0;
        return trimmed(slice_make(rest.ptr, at));
    }
    return rest;
}

/* --- applying --------------------------------------------------------------------------------- */

static enum status applies(struct analyser *a, struct slice text, struct slice query,
                           struct arena *arena, bool *yes)
{
    struct slice rest, words;
    *yes = false;
    while (text.len && !*yes) {
        enum verb v = verb_of(next_line(&text), &rest);
        if (v != VERB_QUERY && v != VERB_CONTAINS)
            continue;
        enum status st = fold_words(a, rest, arena, &words);
        if (st)
            return st == STATUS_NO_MEMORY ? st : STATUS_OK;
        *yes = v == VERB_QUERY
                   ? slice_equal(words, query)
                   : words.len > 1 && memmem(query.ptr, query.len, words.ptr, words.len);
    }
    return STATUS_OK;
}

static void hide(struct rules *r, uint32_t docid)
{
    if (r->hidden_count < RULE_HIDES_MAX && !rules_hide(r, docid)) {
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
        if (v == VERB_HIDE && snapshot_find(snap, rest, &docid) == STATUS_OK)
            hide(r, docid);
        else if (v == VERB_PIN && snapshot_find(snap, pin_id(rest, &position), &docid) == STATUS_OK)
            pin(r, docid, position);
    }
}

/* Two pins of one place: the later moves on. */
static void spread(struct rules *r)
{
    for (uint32_t i = 1; i < r->pin_count; i++)
        if (r->pins[i].position <= r->pins[i - 1].position)
            r->pins[i].position = r->pins[i - 1].position + 1;
}

enum status rules_of(struct snapshot *snap, struct analyser *a, struct slice text,
                     struct arena *arena, struct rules *out)
{
    struct slice name = SLICE_NULL, rule, query = SLICE_NULL;
    enum status st;
    out->pin_count = out->hidden_count = 0;
    while ((st = snapshot_next_setting(snap, SLICE_LIT("rule"), &name, &rule)) == STATUS_OK) {
        bool yes;
        if (!query.len && (st = fold_words(a, text, arena, &query)))
            return st == STATUS_BAD_UTF8 ? STATUS_OK : st;
        if ((st = applies(a, rule, query, arena, &yes)))
            return st;
        if (yes)
            apply(out, snap, rule);
    }
    spread(out);
    return st == STATUS_END ? STATUS_OK : st;
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
        if (v <= VERB_CONTAINS && analyser_run(a, rest, &list))
            return fault_set(fault, STATUS_BAD_UTF8, "rule", "line %u: not valid UTF-8", number);
    }
    if (!when || !what)
        return fault_set(fault, STATUS_INVALID, "rule", "a rule needs a %s",
                         when ? "pin or hide" : "query or contains");
    if (pins > RULE_PINS_MAX || what - pins > RULE_HIDES_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "rule", "at most %d pins and %d hides",
                         RULE_PINS_MAX, RULE_HIDES_MAX);
    return STATUS_OK;
}
