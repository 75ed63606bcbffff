#include "index/filter.h"

#include "index/filter_leaf.h"

#include <math.h>
#include <string.h>
#include <strings.h>

void parser_fail(struct parser *p, enum status s, const char *what)
{
    if (p->status)
        return;
    p->status = s;
    fault_set(p->fault, s, "filter", "%s at byte %zu", what, (size_t)(p->at - p->start) + 1);
    if (p->fault)
        p->fault->column = (uint32_t)(p->at - p->start) + 1;
}

void parser_fail_word(struct parser *p, enum status s, const char *what)
{
    p->at = p->status ? p->at : p->word;
    parser_fail(p, s, what);
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

static bool word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || (unsigned char)c >= 0x80;
}

static bool take_symbol(struct parser *p, const char *symbol)
{
    size_t n = strlen(symbol);
    skip_blanks(p);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, symbol, n) != 0)
        return false;
    p->at += n;
    return true;
}

static bool take_keyword(struct parser *p, const char *word)
{
    size_t n = strlen(word);
    skip_blanks(p);
    if ((size_t)(p->end - p->at) < n || strncasecmp(p->at, word, n) != 0 ||
        (p->at + n < p->end && word_byte(p->at[n])))
        return false;
    p->at += n;
    return true;
}

static struct slice take_quoted(struct parser *p, char quote)
{
    const char *close = p->at + 1;
    while (close < p->end && *close != quote)
        close += *close == '\\' && close + 1 < p->end ? 2 : 1;
    char *out = arena_alloc(p->arena, (size_t)(close - p->at) + 1);
    size_t n = 0;
    if (!out) {
        parser_fail(p, STATUS_NO_MEMORY, "out of memory");
        return SLICE_NULL;
    }
    for (p->at++; p->at < p->end && *p->at != quote; p->at++) {
        if (*p->at == '\\' && p->at + 1 < p->end)
            p->at++;
        out[n++] = *p->at;
    }
    if (p->at == p->end)
        parser_fail(p, STATUS_SYNTAX, "a quote is not closed");
    else
        p->at++;
    return slice_make(out, n);
}

/* The sign inside of 1e+21, as programs write large numbers. */
static bool exponent_sign(const char *from, const char *at, const char *end)
{
    return *at == '+' && at - from > 1 && (at[-1] == 'e' || at[-1] == 'E') &&
           (*from == '-' || (*from >= '0' && *from <= '9')) && at + 1 < end && at[1] >= '0' &&
           at[1] <= '9';
}

/* A bare word; stops before ".." so that ranges need no blanks. */
static struct slice take_word(struct parser *p, const char *what)
{
    skip_blanks(p);
    p->word = p->at;
    p->quoted = p->at < p->end && (*p->at == '"' || *p->at == '\'' || *p->at == '`');
    if (p->quoted)
        return take_quoted(p, *p->at);
    const char *from = p->at;
    while (p->at < p->end && (word_byte(*p->at) || exponent_sign(from, p->at, p->end)) &&
           !(p->at[0] == '.' && p->at + 1 < p->end && p->at[1] == '.'))
        p->at++;
    if (p->at == from)
        parser_fail(p, STATUS_SYNTAX, what);
    return slice_make(from, (size_t)(p->at - from));
}

struct filter *parser_node(struct parser *p, enum node_kind kind)
{
    struct filter *f = arena_calloc(p->arena, 1, sizeof *f);
    if (!f)
        parser_fail(p, STATUS_NO_MEMORY, "out of memory");
    else
        f->kind = kind;
    return f;
}

static void count_operator(struct parser *p)
{
    if (++p->operators > FILTER_MAX_OPERATORS)
        parser_fail(p, STATUS_TOO_LARGE, "more than 100 operators");
}

static struct filter *negate(struct parser *p, struct filter *f)
{
    struct filter *n = parser_node(p, NODE_NOT);
    if (n)
        n->child = f;
    return n;
}

static struct filter *set_node(struct parser *p, const struct target *t)
{
    struct filter *any = parser_node(p, NODE_OR);
    struct ordinal_list l = {0};
    if (!take_symbol(p, "["))
        parser_fail(p, STATUS_SYNTAX, "[ expected");
    while (!p->status) {
        struct slice v = take_word(p, "a value is expected");
        enum status st = pulse_beat(snapshot_pulse(p->snap), 10);
        if (st)
            parser_fail(p, st, "the search ended before");
        if (p->status)
            break;
        if ((leaf_numeric(t->field->type) || t->field->type == FIELD_PATH) &&
            ++p->values > FILTER_MAX_VALUES)
            parser_fail(p, STATUS_TOO_LARGE,
                        "more than 4,096 values"); /* others: see leaf_add_value() */
        if (leaf_numeric(t->field->type)) {
            struct filter *f = leaf_equals(p, t, v);
            if (f && any) {
                f->next = any->child;
                any->child = f;
            }
        } else if (t->field->type == FIELD_PATH) {
            leaf_add_under(p, t, v, &l);
        } else {
            leaf_add_value(p, t, v, &l);
        }
        if (take_symbol(p, "]"))
            break;
        if (!take_symbol(p, ","))
            parser_fail(p, STATUS_SYNTAX, ", or ] expected");
    }
    return p->status ? NULL : leaf_numeric(t->field->type) ? any : leaf_ordinals(p, t, &l);
}

/* id = "x", id != "x", id in [..]: looked up once, then docids. */
static struct filter *id_comparison(struct parser *p)
{
    struct ordinal_list l = {0};
    bool in = take_keyword(p, "in"), not = !in && take_symbol(p, "!=");
    if (in ? !take_symbol(p, "[") : !not &&!take_symbol(p, "=")) {
        parser_fail(p, STATUS_SYNTAX,
                    in ? "[ expected" : "an id is compared with = != or in, which");
        return NULL;
    }
    while (!p->status) {
        leaf_add_id(p, take_word(p, "a value is expected"), &l);
        if (!in || take_symbol(p, "]"))
            break;
        if (!take_symbol(p, ","))
            parser_fail(p, STATUS_SYNTAX, ", or ] expected");
    }
    struct filter *f = p->status ? NULL : leaf_docs(p, &l);
    return f && not ? negate(p, f) : f;
}

static struct filter *comparison(struct parser *p)
{
    struct slice name = take_word(p, "a field is expected");
    if (p->status)
        return NULL;
    struct target t = leaf_field(p, name);
    if (p->status)
        return NULL;
    count_operator(p);
    if (!t.field)
        return id_comparison(p);
    if (t.field->type == FIELD_ATTRIBUTES && !t.path.len) {
        parser_fail_word(p, STATUS_SCHEMA_MISMATCH,
                         "the field holds attributes: name one, as in attrs.color,");
        return NULL;
    }
    if (take_keyword(p, "in"))
        return set_node(p, &t);
    if (take_keyword(p, "under"))
        return leaf_equals(p, &t, take_word(p, "a path is expected"));
    static const char *const symbols[] = {"!=", "<=", ">=", "=", "<", ">"};
    int op = -1;
    for (int i = 0; i < 6 && op < 0; i++)
        if (take_symbol(p, symbols[i]))
            op = i;
    struct slice v = take_word(p, op < 0 ? "an operator is expected" : "a value is expected");
    if (p->status)
        return NULL;
    if (op == 0 || op == 3) {
        struct filter *f = leaf_equals(p, &t, v);
        return op == 0 && f ? negate(p, f) : f;
    }
    double n, high;
    if ((!leaf_numeric(t.field->type) && t.field->type != FIELD_ATTRIBUTES) ||
        !leaf_number(t.field, v, &n)) {
        parser_fail_word(p, op < 0 ? STATUS_SYNTAX : STATUS_SCHEMA_MISMATCH,
                         op < 0 ? "an operator is expected" : "a number is expected");
        return NULL;
    }
    switch (op) {
    case 1:
        return leaf_between(p, &t, -INFINITY, false, n, false);
    case 2:
        return leaf_between(p, &t, n, false, INFINITY, false);
    case 4:
        return leaf_between(p, &t, -INFINITY, false, n, true);
    case 5:
        return leaf_between(p, &t, n, true, INFINITY, false);
    default:
        break;
    }
    if (!take_symbol(p, "..")) {
        parser_fail_word(p, STATUS_SYNTAX, "an operator is expected");
        return NULL;
    }
    v = take_word(p, "a number is expected");
    if (!p->status && !leaf_number_of(v, &high))
        parser_fail_word(p, STATUS_SCHEMA_MISMATCH, "a number is expected");
    return p->status ? NULL : leaf_between(p, &t, n, false, high, false);
}

static struct filter *parse_or(struct parser *p);

static struct filter *unary(struct parser *p)
{
    struct filter *f = NULL;
    if (++p->depth > FILTER_MAX_DEPTH)
        parser_fail(p, STATUS_TOO_DEEP, "nested more than 200 deep");
    if (p->status) {
        f = NULL;
    } else if (take_keyword(p, "not")) {
        count_operator(p);
        f = unary(p);
        f = f ? negate(p, f) : NULL;
    } else if (take_symbol(p, "(")) {
        f = parse_or(p);
        if (!p->status && !take_symbol(p, ")"))
            parser_fail(p, STATUS_SYNTAX, ") expected");
    } else if (take_keyword(p, "exists")) {
        count_operator(p);
        if (!take_symbol(p, "("))
            parser_fail(p, STATUS_SYNTAX, "( expected");
        struct slice name = p->status ? SLICE_NULL : take_word(p, "a field is expected");
        struct target t = p->status ? (struct target){0} : leaf_field(p, name);
        if (!p->status && !take_symbol(p, ")"))
            parser_fail(p, STATUS_SYNTAX, ") expected");
        if (!p->status && !t.field) { /* every product has one */
            f = leaf_docs(p, &(struct ordinal_list){0});
            f = f ? negate(p, f) : NULL;
        } else if (!p->status && t.path.len) {
            struct ordinal_list l = {0};
            leaf_add_attribute(p, &t, NULL, &l);
            f = leaf_ordinals(p, &t, &l);
        } else if (!p->status) {
            f = leaf_range(p, &t, 0, false, 0, false);
            if (f)
                f->kind = NODE_EXISTS;
        }
    } else {
        f = comparison(p);
    }
    p->depth--;
    return p->status ? NULL : f;
}

static struct filter *chain(struct parser *p, enum node_kind kind, const char *word,
                            struct filter *(*part)(struct parser *))
{
    struct filter *first = part(p), *group = NULL, *last = first;
    while (!p->status && take_keyword(p, word)) {
        count_operator(p);
        struct filter *more = part(p);
        if (p->status)
            return NULL;
        if (!group) {
            group = parser_node(p, kind);
            if (!group)
                return NULL;
            group->child = first;
        }
        last->next = more;
        last = more;
    }
    return group ? group : first;
}

/* Does a term surely end before `at`: at the end, or at a word that joins it with the next? */
static bool term_ends(const struct parser *p, const char *at)
{
    struct parser behind = {.at = at, .end = p->end};
    skip_blanks(&behind);
    return behind.at == p->end ||
           (behind.at > at && (take_keyword(&behind, "and") || take_keyword(&behind, "or")));
}

/* The term that comes next, if it was read before and stays within the limits: they are told by
 * whoever reads on. */
static struct filter *known_term(struct parser *p)
{
    struct filter_term *k = p->known && !p->depth ? *p->known : NULL;
    for (; k; k = k->next)
        if ((size_t)(p->end - p->at) >= k->text.len &&
            memcmp(p->at, k->text.ptr, k->text.len) == 0 && term_ends(p, p->at + k->text.len) &&
            p->operators + k->operators <= FILTER_MAX_OPERATORS &&
            p->values + k->values <= FILTER_MAX_VALUES)
            break;
    struct filter *f = k ? parser_node(p, NODE_AND) : NULL;
    if (!f)
        return NULL;
    *f = *k->filter;
    f->next = NULL;
    f->text = slice_make(p->at, k->text.len);
    p->at += k->text.len;
    p->operators += k->operators;
    p->values += k->values;
    return f;
}

/* Whoever has no memory for it reads the term again. */
static void keep_term(struct parser *p, const struct parser *before, const struct filter *f)
{
    struct filter_term *k = arena_alloc(p->arena, sizeof *k);
    struct slice text = arena_copy(p->arena, f->text);
    if (!k || !text.ptr)
        return;
    *k = (struct filter_term){text, f, p->operators - before->operators, p->values - before->values,
                              *p->known};
    *p->known = k;
}

/* A term of "and", with its text. */
static struct filter *term(struct parser *p)
{
    skip_blanks(p);
    const struct parser before = *p;
    struct filter *f = known_term(p);
    if (f || p->status)
        return f;
    f = unary(p);
    if (!f)
        return NULL;
    f->text = slice_make(before.at, (size_t)(p->at - before.at));
    if (p->known && !p->depth && term_ends(p, p->at))
        keep_term(p, &before, f);
    return f;
}

static struct filter *parse_and(struct parser *p)
{
    return chain(p, NODE_AND, "and", term);
}

static struct filter *parse_or(struct parser *p)
{
    return chain(p, NODE_OR, "or", parse_and);
}

bool filter_is_blank(struct slice text)
{
    if (!text.len)
        return true;
    struct parser p = {.at = text.ptr, .end = text.ptr + text.len};
    skip_blanks(&p);
    return p.at == p.end;
}

enum status filter_parse(struct slice text, struct snapshot *snap, struct arena *arena,
                         struct filter **out, struct fault *fault)
{
    return filter_parse_known(text, snap, arena, NULL, out, fault);
}

enum status filter_parse_known(struct slice text, struct snapshot *snap, struct arena *arena,
                               struct filter_term **known, struct filter **out, struct fault *fault)
{
    *out = NULL;
    if (filter_is_blank(text))
        return STATUS_OK;
    struct parser p = {.start = text.ptr,
                       .at = text.ptr,
                       .end = text.ptr + text.len,
                       .snap = snap,
                       .arena = arena,
                       .known = known,
                       .fault = fault};
    struct filter *f = parse_or(&p);
    skip_blanks(&p);
    if (!p.status && p.at != p.end)
        parser_fail(&p, STATUS_SYNTAX, "'and', 'or' or the end is expected");
    if (f && !p.status)
        f->text = text; /* what is joined by "or" is one term */
    *out = p.status ? NULL : f;
    return p.status;
}
