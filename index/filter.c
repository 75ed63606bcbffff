#include "index/filter.h"

#include "index/filter_private.h"
#include "index/product.h"
#include "index/value_index.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct parser {
    const char *start, *at, *end;
    struct snapshot *snap;
    struct arena *arena;
    struct fault *fault;
    uint32_t operators, depth, values;
    bool quoted; /* the last word was */
    enum status status;
};

static void fail(struct parser *p, enum status s, const char *what)
{
    if (p->status)
        return;
    p->status = s;
    fault_set(p->fault, s, "filter", "%s at byte %zu", what, (size_t)(p->at - p->start) + 1);
    if (p->fault)
        p->fault->column = (uint32_t)(p->at - p->start) + 1;
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
        fail(p, STATUS_NO_MEMORY, "out of memory");
        return SLICE_NULL;
    }
    for (p->at++; p->at < p->end && *p->at != quote; p->at++) {
        if (*p->at == '\\' && p->at + 1 < p->end)
            p->at++;
        out[n++] = *p->at;
    }
    if (p->at == p->end)
        fail(p, STATUS_SYNTAX, "a quote is not closed");
    else
        p->at++;
    return slice_make(out, n);
}

/* A bare word; stops before ".." so that ranges need no blanks. */
static struct slice take_word(struct parser *p, const char *what)
{
    skip_blanks(p);
    p->quoted = p->at < p->end && (*p->at == '"' || *p->at == '\'' || *p->at == '`');
    if (p->quoted)
        return take_quoted(p, *p->at);
    const char *from = p->at;
    while (p->at < p->end && word_byte(*p->at) &&
           !(p->at[0] == '.' && p->at + 1 < p->end && p->at[1] == '.'))
        p->at++;
    if (p->at == from)
        fail(p, STATUS_SYNTAX, what);
    return slice_make(from, (size_t)(p->at - from));
}

static struct filter *new_node(struct parser *p, enum node_kind kind)
{
    struct filter *f = arena_calloc(p->arena, 1, sizeof *f);
    if (!f)
        fail(p, STATUS_NO_MEMORY, "out of memory");
    else
        f->kind = kind;
    return f;
}

static void count_operator(struct parser *p)
{
    if (++p->operators > FILTER_MAX_OPERATORS)
        fail(p, STATUS_TOO_LARGE, "more than 100 operators");
}

/* --- comparisons ------------------------------------------------------------------------------ */

struct target {
    const struct field *field; /* NULL: the id */
    struct slice path;         /* of an attributes field */
};

static struct target find_field(struct parser *p, struct slice name)
{
    const struct schema *schema = snapshot_schema(p->snap);
    struct target t = {.field = schema_find(schema, name)};
    const char *dot = t.field || !name.len ? NULL : memchr(name.ptr, '.', name.len);
    if (dot) {
        t.field = schema_find(schema, slice_make(name.ptr, (size_t)(dot - name.ptr)));
        t.path = slice_make(dot + 1, name.len - (size_t)(dot + 1 - name.ptr));
        if (t.field && t.field->type != FIELD_ATTRIBUTES)
            t.field = NULL;
    }
    if (!t.field && slice_equal(name, SLICE_LIT("id")))
        return t;
    if (!t.field && !p->status) {
        char what[96];
        p->at -= name.len;
        snprintf(what, sizeof what, "no field is called '%.*s',",
                 name.len < 64 ? (int)name.len : 64, name.ptr);
        fail(p, STATUS_UNKNOWN_FIELD, what);
    } else if (t.field && !snapshot_column(p->snap, t.field->id)) {
        fail(p, STATUS_SCHEMA_MISMATCH, "this field is not declared for filters");
    }
    return t;
}

static bool number_of(struct slice v, double *out)
{
    char text[64], *end;
    if (v.len == 0 || v.len >= sizeof text)
        return false;
    memcpy(text, v.ptr, v.len);
    text[v.len] = '\0';
    errno = 0;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

static bool number_value(const struct field *f, struct slice v, double *out)
{
    if (f->type == FIELD_BOOLEAN) {
        *out = slice_equal(v, SLICE_LIT("true"));
        return *out != 0 || slice_equal(v, SLICE_LIT("false"));
    }
    return number_of(v, out);
}

static bool numeric(enum field_type t)
{
    return t == FIELD_INTEGER || t == FIELD_FLOAT || t == FIELD_BOOLEAN || t == FIELD_TIMESTAMP;
}

static struct filter *range_node(struct parser *p, const struct target *t, double low,
                                 bool low_open, double high, bool high_open)
{
    struct filter *f = new_node(p, NODE_RANGE);
    if (!f)
        return NULL;
    f->field_id = t->field->id;
    f->column = snapshot_column(p->snap, t->field->id);
    f->column_kind = f->column ? column_kind(f->column) : COLUMN_INT;
    f->low = low;
    f->high = high;
    f->low_open = low_open;
    f->high_open = high_open;
    return f;
}

struct ordinal_list {
    uint32_t *items;
    uint32_t count, cap;
};

static void add_ordinal(struct parser *p, struct ordinal_list *l, uint32_t ordinal)
{
    if (l->count == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 16,
                 *items = arena_alloc(p->arena, cap * sizeof *items);
        if (!items) {
            fail(p, STATUS_NO_MEMORY, "out of memory");
            return;
        }
        if (l->count)
            memcpy(items, l->items, l->count * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->count++] = ordinal;
}

static struct filter *ordinal_node(struct parser *p, const struct target *t, struct ordinal_list *l)
{
    struct filter *f = new_node(p, NODE_ORDINALS);
    if (!f)
        return NULL;
    f->field_id = t->field->id;
    f->column = snapshot_column(p->snap, t->field->id);
    f->column_kind = f->column ? column_kind(f->column) : COLUMN_ORDINAL;
    f->ordinal_count = l->count;
    for (uint32_t i = 0; i < l->count; i++)
        f->ordinal_most = l->items[i] > f->ordinal_most ? l->items[i] : f->ordinal_most;
    f->ordinal_bits = arena_calloc(p->arena, f->ordinal_most / 64 + 1, sizeof *f->ordinal_bits);
    if (!f->ordinal_bits) {
        fail(p, STATUS_NO_MEMORY, "out of memory");
        return NULL;
    }
    for (uint32_t i = 0; i < l->count; i++)
        f->ordinal_bits[l->items[i] >> 6] |= (uint64_t)1 << (l->items[i] & 63);
    return f;
}

static void add_found(struct parser *p, const struct target *t, struct slice text,
                      enum value_type type, struct ordinal_list *l)
{
    uint32_t ordinal;
    if (t->field->type == FIELD_ATTRIBUTES) {
        text = arena_printf(p->arena, "%.*s\x1f%.*s", (int)t->path.len, t->path.ptr, (int)text.len,
                            text.ptr);
        if (!text.ptr)
            fail(p, STATUS_NO_MEMORY, "out of memory");
    }
    if (!p->status && facet_value_find(p->snap, t->field->id, text, type, &ordinal) == STATUS_OK)
        add_ordinal(p, l, ordinal);
}

/* An attribute without quotes is what it would be in JSON. Numbers are stored in one of two ways of
 * writing: as an integer, or with the fewest digits. */
static void add_bare(struct parser *p, const struct target *t, struct slice v,
                     struct ordinal_list *l)
{
    double n;
    char text[NUMBER_TEXT_MAX];
    if (slice_equal(v, SLICE_LIT("true")) || slice_equal(v, SLICE_LIT("false"))) {
        add_found(p, t, v, VALUE_TRUE, l);
    } else if (number_of(v, &n)) {
        add_found(p, t, product_number_text(n, text), VALUE_FLOAT, l);
        if (n == floor(n) && fabs(n) < 9.2e18)
            add_found(p, t, slice_make(text, (size_t)snprintf(text, sizeof text, "%.0f", n)),
                      VALUE_INT, l);
        add_found(p, t, v, VALUE_INT, l);
    } else {
        add_found(p, t, v, VALUE_TEXT, l);
    }
}

static void add_value(struct parser *p, const struct target *t, struct slice v,
                      struct ordinal_list *l)
{
    if (++p->values > FILTER_MAX_VALUES)
        fail(p, STATUS_TOO_LARGE, "more than 4,096 values");
    if (t->field->type == FIELD_ATTRIBUTES && !p->quoted)
        add_bare(p, t, v, l);
    else
        add_found(p, t, v, VALUE_TEXT, l);
}

/* The node of a path and all below it. */
static void add_under(struct parser *p, const struct target *t, struct slice under,
                      struct ordinal_list *l)
{
    const struct value_index *v;
    uint32_t node;
    enum status st = facet_value_find(p->snap, t->field->id, under, VALUE_TEXT, &node);
    if (st == STATUS_NOT_FOUND)
        return;
    if (!st)
        st = value_index_get(p->snap, t->field->id, &v);
    uint8_t *inside = st ? NULL : arena_calloc(p->arena, v->count + 1, 1);
    if (!inside) {
        fail(p, st ? st : STATUS_NO_MEMORY, "the values cannot be read");
        return;
    }
    inside[node] = 1;
    for (uint32_t o = node; o <= v->count && !p->status; o++) { /* parents come before children */
        if (o > node)
            inside[o] = inside[v->parents[o]];
        if (inside[o])
            add_ordinal(p, l, o);
    }
}

/* Values of an attribute: all, or those whose number is in the range. */
static void add_attribute(struct parser *p, const struct target *t, const struct filter *range,
                          struct ordinal_list *l)
{
    const struct value_index *v;
    enum status st = value_index_get(p->snap, t->field->id, &v);
    const struct value_key *key = st ? NULL : value_index_key(v, t->path);
    if (st)
        fail(p, st, "the values cannot be read");
    for (uint32_t i = 0; key && i < key->count && !p->status; i++) {
        double n = v->numbers[key->ordinals[i]];
        if (range && !((range->low_open ? n > range->low : n >= range->low) &&
                       (range->high_open ? n < range->high : n <= range->high)))
            continue; /* what is not a number is in no range */
        add_ordinal(p, l, key->ordinals[i]);
    }
}

static struct filter *negate(struct parser *p, struct filter *f)
{
    struct filter *n = new_node(p, NODE_NOT);
    if (n)
        n->child = f;
    return n;
}

static struct filter *number_node(struct parser *p, const struct target *t, double low,
                                  bool low_open, double high, bool high_open)
{
    struct filter *range = range_node(p, t, low, low_open, high, high_open);
    if (!range || t->field->type != FIELD_ATTRIBUTES)
        return range;
    struct ordinal_list l = {0};
    add_attribute(p, t, range, &l);
    return ordinal_node(p, t, &l);
}

static struct filter *equals(struct parser *p, const struct target *t, struct slice v)
{
    double n;
    if (numeric(t->field->type)) {
        if (!number_value(t->field, v, &n)) {
            fail(p, STATUS_SCHEMA_MISMATCH, "the value is not of the field's type");
            return NULL;
        }
        return range_node(p, t, n, false, n, false);
    }
    struct ordinal_list l = {0};
    if (t->field->type == FIELD_PATH)
        add_under(p, t, v, &l);
    else
        add_value(p, t, v, &l);
    return p->status ? NULL : ordinal_node(p, t, &l);
}

static struct filter *set_node(struct parser *p, const struct target *t)
{
    struct filter *any = new_node(p, NODE_OR);
    struct ordinal_list l = {0};
    if (!take_symbol(p, "["))
        fail(p, STATUS_SYNTAX, "[ expected");
    while (!p->status) {
        struct slice v = take_word(p, "a value is expected");
        if (p->status)
            break;
        if ((numeric(t->field->type) || t->field->type == FIELD_PATH) &&
            ++p->values > FILTER_MAX_VALUES)
            fail(p, STATUS_TOO_LARGE, "more than 4,096 values"); /* others: see add_value() */
        if (numeric(t->field->type)) {
            struct filter *f = equals(p, t, v);
            if (f && any) {
                f->next = any->child;
                any->child = f;
            }
        } else if (t->field->type == FIELD_PATH) {
            add_under(p, t, v, &l);
        } else {
            add_value(p, t, v, &l);
        }
        if (take_symbol(p, "]"))
            break;
        if (!take_symbol(p, ","))
            fail(p, STATUS_SYNTAX, ", or ] expected");
    }
    return p->status ? NULL : numeric(t->field->type) ? any : ordinal_node(p, t, &l);
}

/* --- ids -------------------------------------------------------------------------------------- */

static int by_docid(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static struct filter *docs_node(struct parser *p, const struct ordinal_list *l)
{
    struct filter *f = new_node(p, NODE_DOCS);
    if (!f)
        return NULL;
    f->field_id = UINT32_MAX;
    f->docs = l->items;
    f->doc_count = l->count;
    if (l->count)
        qsort(l->items, l->count, sizeof *l->items, by_docid);
    return f;
}

static void add_id(struct parser *p, struct slice id, struct ordinal_list *l)
{
    uint32_t docid;
    if (++p->values > FILTER_MAX_VALUES)
        fail(p, STATUS_TOO_LARGE, "more than 4,096 values");
    enum status st = p->status || !id.len ? STATUS_NOT_FOUND : snapshot_find(p->snap, id, &docid);
    if (st == STATUS_OK)
        add_ordinal(p, l, docid);
    else if (st != STATUS_NOT_FOUND)
        fail(p, st, "the ids cannot be read");
}

/* id = "x", id != "x", id in [..]: looked up once, then docids. */
static struct filter *id_comparison(struct parser *p)
{
    struct ordinal_list l = {0};
    bool in = take_keyword(p, "in"), not = !in && take_symbol(p, "!=");
    if (in ? !take_symbol(p, "[") : !not &&!take_symbol(p, "=")) {
        fail(p, STATUS_SYNTAX, in ? "[ expected" : "an id is compared with = != or in, which");
        return NULL;
    }
    while (!p->status) {
        add_id(p, take_word(p, "a value is expected"), &l);
        if (!in || take_symbol(p, "]"))
            break;
        if (!take_symbol(p, ","))
            fail(p, STATUS_SYNTAX, ", or ] expected");
    }
    struct filter *f = p->status ? NULL : docs_node(p, &l);
    return f && not ? negate(p, f) : f;
}

static struct filter *comparison(struct parser *p)
{
    struct slice name = take_word(p, "a field is expected");
    if (p->status)
        return NULL;
    struct target t = find_field(p, name);
    if (p->status)
        return NULL;
    count_operator(p);
    if (!t.field)
        return id_comparison(p);
    if (take_keyword(p, "in"))
        return set_node(p, &t);
    if (take_keyword(p, "under"))
        return equals(p, &t, take_word(p, "a path is expected"));
    static const char *const symbols[] = {"!=", "<=", ">=", "=", "<", ">"};
    int op = -1;
    for (int i = 0; i < 6 && op < 0; i++)
        if (take_symbol(p, symbols[i]))
            op = i;
    struct slice v = take_word(p, op < 0 ? "an operator is expected" : "a value is expected");
    if (p->status)
        return NULL;
    if (op == 0 || op == 3) {
        struct filter *f = equals(p, &t, v);
        return op == 0 && f ? negate(p, f) : f;
    }
    double n, high;
    if ((!numeric(t.field->type) && t.field->type != FIELD_ATTRIBUTES) ||
        !number_value(t.field, v, &n)) {
        fail(p, STATUS_SCHEMA_MISMATCH, "a number is expected");
        return NULL;
    }
    switch (op) {
    case 1:
        return number_node(p, &t, -INFINITY, false, n, false);
    case 2:
        return number_node(p, &t, n, false, INFINITY, false);
    case 4:
        return number_node(p, &t, -INFINITY, false, n, true);
    case 5:
        return number_node(p, &t, n, true, INFINITY, false);
    default:
        break;
    }
    if (!take_symbol(p, "..") || !number_of(take_word(p, "a number is expected"), &high)) {
        fail(p, STATUS_SYNTAX, "an operator is expected");
        return NULL;
    }
    return number_node(p, &t, n, false, high, false);
}

static struct filter *parse_or(struct parser *p);

static struct filter *unary(struct parser *p)
{
    struct filter *f = NULL;
    if (++p->depth > FILTER_MAX_DEPTH)
        fail(p, STATUS_TOO_DEEP, "nested more than 200 deep");
    if (p->status) {
        f = NULL;
    } else if (take_keyword(p, "not")) {
        count_operator(p);
        f = unary(p);
        f = f ? negate(p, f) : NULL;
    } else if (take_symbol(p, "(")) {
        f = parse_or(p);
        if (!p->status && !take_symbol(p, ")"))
            fail(p, STATUS_SYNTAX, ") expected");
    } else if (take_keyword(p, "exists")) {
        count_operator(p);
        if (!take_symbol(p, "("))
            fail(p, STATUS_SYNTAX, "( expected");
        struct slice name = p->status ? SLICE_NULL : take_word(p, "a field is expected");
        struct target t = p->status ? (struct target){0} : find_field(p, name);
        if (!p->status && !take_symbol(p, ")"))
            fail(p, STATUS_SYNTAX, ") expected");
        if (!p->status && !t.field) { /* every product has one */
            f = docs_node(p, &(struct ordinal_list){0});
            f = f ? negate(p, f) : NULL;
        } else if (!p->status && t.path.len) {
            struct ordinal_list l = {0};
            add_attribute(p, &t, NULL, &l);
            f = ordinal_node(p, &t, &l);
        } else if (!p->status) {
            f = range_node(p, &t, 0, false, 0, false);
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
            group = new_node(p, kind);
            if (!group)
                return NULL;
            group->child = first;
        }
        last->next = more;
        last = more;
    }
    return group ? group : first;
}

/* A term of "and", with its text. */
static struct filter *term(struct parser *p)
{
    skip_blanks(p);
    const char *from = p->at;
    struct filter *f = unary(p);
    if (f)
        f->text = slice_make(from, (size_t)(p->at - from));
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

enum status filter_parse(struct slice text, struct snapshot *snap, struct arena *arena,
                         struct filter **out, struct fault *fault)
{
    *out = NULL;
    if (!text.len)
        return STATUS_OK;
    struct parser p = {.start = text.ptr,
                       .at = text.ptr,
                       .end = text.ptr + text.len,
                       .snap = snap,
                       .arena = arena,
                       .fault = fault};
    skip_blanks(&p);
    if (p.at == p.end)
        return STATUS_OK;
    struct filter *f = parse_or(&p);
    skip_blanks(&p);
    if (!p.status && p.at != p.end)
        fail(&p, STATUS_SYNTAX, "'and', 'or' or the end is expected");
    if (f && !p.status)
        f->text = text; /* what is joined by "or" is one term */
    *out = p.status ? NULL : f;
    return p.status;
}
