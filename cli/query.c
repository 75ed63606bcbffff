#include "cli/query.h"

#include <stdlib.h>

/* "name:rest" in two; rest is empty without a colon. */
static void halves(const char *text, struct slice *name, const char **rest)
{
    size_t len = strcspn(text, ":");
    *name = slice_make(text, len);
    *rest = text[len] ? text + len + 1 : "";
}

static const char *add_facet(struct search_facet *f, const char *text)
{
    const char *rest;
    char *end;
    *f = (struct search_facet){0};
    halves(text, &f->field, &rest);
    while (*rest) {
        size_t len = strcspn(rest, ":");
        struct slice part = slice_make(rest, len);
        if (slice_equal(part, SLICE_LIT("stats"))) {
            f->kind = 2;
        } else if (slice_equal(part, SLICE_LIT("or"))) {
            f->disjunctive = true;
        } else if (slice_starts(part, SLICE_LIT("ranges="))) {
            f->kind = 1;
            f->ranges = slice_make(rest + 7, len - 7);
        } else if (slice_starts(part, SLICE_LIT("query="))) {
            f->query = slice_make(rest + 6, len - 6);
        } else {
            f->limit = (uint32_t)strtoul(rest, &end, 10);
            if (end != rest + len || !f->limit)
                return "--facet is FIELD[:N][:stats][:or][:ranges=A..B,...][:query=WORDS]";
        }
        rest += len + (rest[len] == ':');
    }
    return f->field.len ? NULL : "--facet needs a field";
}

static const char *add_lists(const struct options *o, struct query *q)
{
    struct search_request *r = &q->request;
    const char *text, *rest, *bad;
    for (uint32_t i = 0; (text = options_nth(o, OPT_FACET, i)); i++) {
        if (i == QUERY_MAX)
            return "more than 32 facets";
        if ((bad = add_facet(&q->facets[i], text)))
            return bad;
        r->facet_count = i + 1;
    }
    for (uint32_t i = 0; (text = options_nth(o, OPT_SORT, i)); i++) {
        if (i == QUERY_MAX)
            return "more than 32 sort fields";
        halves(text, &q->sorts[i].field, &rest);
        q->sorts[i].descending = strcmp(rest, "desc") == 0;
        if (*rest && !q->sorts[i].descending && strcmp(rest, "asc") != 0)
            return "--sort is FIELD:asc or FIELD:desc";
        r->sort_count = i + 1;
    }
    r->facets = q->facets;
    r->sorts = q->sorts;
    r->fields = q->fields;
    r->returns = q->returns;
    r->highlights = q->highlights;
    r->field_count = command_split(options_value(o, OPT_FIELDS), q->fields, QUERY_FIELDS);
    r->return_count = command_split(options_value(o, OPT_RETURN), q->returns, QUERY_FIELDS);
    r->highlight_count =
        command_split(options_value(o, OPT_HIGHLIGHT), q->highlights, QUERY_FIELDS);
    if (r->highlight_count) {
        const char *tags = options_value(o, OPT_HIGHLIGHT_TAGS);
        size_t pre = tags ? strcspn(tags, ",") : 0;
        if (tags && !tags[pre])
            return "--highlight-tags is PRE,POST";
        r->highlight_pre = tags ? slice_make(tags, pre) : SLICE_LIT("<mark>");
        r->highlight_post = tags ? slice_str(tags + pre + 1) : SLICE_LIT("</mark>");
    }
    return NULL;
}

static const char *add_words(const struct options *o, struct search_request *r)
{
    static const char *const matches[] = {"all", "any", "relaxed"};
    const char *text = options_value(o, OPT_MATCH);
    int match = 0;
    if (text) {
        while (match < 3 && strcmp(text, matches[match]) != 0)
            match++;
        if (match == 3)
            return "--match is all, any or relaxed";
        r->match = (enum search_match)match;
    }
    if ((text = options_value(o, OPT_PREFIX))) {
        r->prefix = strcmp(text, "on") == 0;
        if (!r->prefix && strcmp(text, "off") != 0)
            return "--prefix is on or off";
    }
    text = options_value(o, OPT_TYPOS);
    if (text && strcmp(text, "auto") == 0) {
        r->typos = SEARCH_TYPOS_AUTO;
    } else if (text && strcmp(text, "off") == 0) {
        r->typos = 0;
    } else if (text) {
        int64_t n = options_number(o, OPT_TYPOS, 0);
        if (n < 0 || n > 2)
            return "--typos is off, auto, 1 or 2";
        r->typos = (uint32_t)n;
    }
    return NULL;
}

static void add_numbers(const struct options *o, struct search_request *r)
{
    r->k = (uint32_t)options_number(o, OPT_K, r->k);
    r->offset = (uint32_t)options_number(o, OPT_OFFSET, 0);
    r->count_to = (uint64_t)options_number(o, OPT_COUNT_TO, (int64_t)r->count_to);
    r->min_sequence = (uint64_t)options_number(o, OPT_MIN_SEQUENCE, 0);
}

static const char *add_cursor(const char *hex, struct query *q)
{
    size_t len = hex ? strlen(hex) : 0;
    if (len % 2 || len / 2 > sizeof q->cursor || (len && strspn(hex, "0123456789abcdef") != len))
        return "--cursor is what the last page gave";
    for (size_t i = 0; i < len / 2; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        q->cursor[i] = (char)strtoul(pair, NULL, 16);
    }
    q->request.cursor = slice_make(q->cursor, len / 2);
    return NULL;
}

const char *query_from_options(const struct options *o, struct query *q)
{
    struct search_request *r = &q->request;
    const char *bad, *rest, *group = options_value(o, OPT_GROUP);
    search_request_init(r);
    if ((bad = add_lists(o, q)) || (bad = add_words(o, r)) ||
        (bad = add_cursor(options_value(o, OPT_CURSOR), q)) ||
        (bad = labels_max_stale(o, &r->max_stale_ms)) ||
        (bad = labels_ages(o, q->ages, &r->field_age_count)))
        return bad;
    add_numbers(o, r);
    r->field_ages = q->ages;
    r->filter = slice_str(options_value(o, OPT_FILTER));
    r->profile = slice_str(options_value(o, OPT_PROFILE));
    r->no_cache = options_has(o, OPT_NO_CACHE);
    r->explain = options_has(o, OPT_EXPLAIN);
    r->ids_only = options_has(o, OPT_IDS_ONLY);
    if (group) {
        halves(group, &r->group_field, &rest);
        r->group_size = *rest ? (uint32_t)strtoul(rest, NULL, 10) : 3;
        if (!r->group_size)
            return "--group is FIELD or FIELD:N";
    }
    return NULL;
}

bool query_line(struct slice line, struct slice *qid, struct slice *text)
{
    const char *tab = line.len ? memchr(line.ptr, '\t', line.len) : NULL;
    if (!tab)
        return false;
    *qid = slice_make(line.ptr, (size_t)(tab - line.ptr));
    *text = slice_make(tab + 1, line.len - qid->len - 1);
    const char *more = text->len ? memchr(text->ptr, '\t', text->len) : NULL;
    if (more)
        text->len = (size_t)(more - text->ptr);
    return true;
}
