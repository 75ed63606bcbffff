#include "index/plan.h"

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
                             uint64_t fields, bool quoted)
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
                                               .phrase = quoted,
                                               .fixed = quoted || fields,
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
                fields, quoted);
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
