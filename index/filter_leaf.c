#include "index/filter_leaf.h"

#include "index/product.h"
#include "index/value_index.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct target leaf_field(struct parser *p, struct slice name)
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
        snprintf(what, sizeof what, "no field is called '%.*s',",
                 name.len < 64 ? (int)name.len : 64, name.ptr);
        parser_fail_word(p, STATUS_UNKNOWN_FIELD, what);
    } else if (t.field && !snapshot_column(p->snap, t.field->id)) {
        parser_fail_word(p, STATUS_SCHEMA_MISMATCH, "this field is not declared for filters");
    }
    return t;
}

bool leaf_number_of(struct slice v, double *out)
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

bool leaf_number(const struct field *f, struct slice v, double *out)
{
    if (f->type == FIELD_BOOLEAN) {
        *out = v.len == 4 && strncasecmp(v.ptr, "true", 4) == 0;
        return *out != 0 || (v.len == 5 && strncasecmp(v.ptr, "false", 5) == 0);
    }
    return leaf_number_of(v, out);
}

bool leaf_numeric(enum field_type t)
{
    return t == FIELD_INTEGER || t == FIELD_FLOAT || t == FIELD_BOOLEAN || t == FIELD_TIMESTAMP;
}

/* A node about the values of the column; `otherwise` is its kind where nothing is stored yet. */
static struct filter *column_node(struct parser *p, enum node_kind kind, const struct target *t,
                                  enum column_kind otherwise)
{
    struct filter *f = parser_node(p, kind);
    if (!f)
        return NULL;
    f->field_id = t->field->id;
    f->path = t->path;
    f->column = snapshot_column(p->snap, t->field->id);
    f->column_kind = f->column ? column_kind(f->column) : otherwise;
    return f;
}

struct filter *leaf_range(struct parser *p, const struct target *t, double low, bool low_open,
                          double high, bool high_open)
{
    struct filter *f = column_node(p, NODE_RANGE, t, COLUMN_INT);
    if (!f)
        return NULL;
    f->low = low;
    f->high = high;
    f->low_open = low_open;
    f->high_open = high_open;
    return f;
}

static void add_ordinal(struct parser *p, struct ordinal_list *l, uint32_t ordinal)
{
    if (l->count == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 16,
                 *items = arena_alloc(p->arena, cap * sizeof *items);
        if (!items) {
            parser_fail(p, STATUS_NO_MEMORY, "out of memory");
            return;
        }
        if (l->count)
            memcpy(items, l->items, l->count * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->count++] = ordinal;
}

struct filter *leaf_ordinals(struct parser *p, const struct target *t, struct ordinal_list *l)
{
    struct filter *f = column_node(p, NODE_ORDINALS, t, COLUMN_ORDINAL);
    if (!f)
        return NULL;
    f->ordinal_count = l->count;
    for (uint32_t i = 0; i < l->count; i++)
        f->ordinal_most = l->items[i] > f->ordinal_most ? l->items[i] : f->ordinal_most;
    f->ordinal_bits = arena_calloc(p->arena, f->ordinal_most / 64 + 1, sizeof *f->ordinal_bits);
    if (!f->ordinal_bits) {
        parser_fail(p, STATUS_NO_MEMORY, "out of memory");
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
    if (t->field->type == FIELD_ATTRIBUTES) { /* "key\x1fvalue"; either may hold bytes of zero */
        char *both = arena_alloc(p->arena, t->path.len + 1 + text.len);
        if (!both) {
            parser_fail(p, STATUS_NO_MEMORY, "out of memory");
            return;
        }
        memcpy(both, t->path.ptr, t->path.len);
        both[t->path.len] = '\x1f';
        if (text.len)
            memcpy(both + t->path.len + 1, text.ptr, text.len);
        text = slice_make(both, t->path.len + 1 + text.len);
    }
    if (!p->status && facet_value_find(p->snap, t->field->id, text, type, &ordinal) == STATUS_OK)
        add_ordinal(p, l, ordinal);
}

static size_t digits(const char *at, const char *end)
{
    size_t n = 0;
    while (at + n < end && at[n] >= '0' && at[n] <= '9')
        n++;
    return n;
}

/* As JSON writes numbers: no zero before another digit, nothing but decimals. */
static bool json_number(struct slice v)
{
    const char *at = v.ptr, *end = v.ptr + v.len;
    at += at < end && *at == '-';
    size_t n = digits(at, end);
    if (n == 0 || (n > 1 && *at == '0'))
        return false;
    at += n;
    if (at < end && *at == '.') {
        n = digits(++at, end);
        if (n == 0)
            return false;
        at += n;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        n = digits(at, end);
        if (n == 0)
            return false;
        at += n;
    }
    return at == end;
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
    } else if (json_number(v) && leaf_number_of(v, &n)) {
        add_found(p, t, product_number_text(n, text), VALUE_FLOAT, l);
        if (n == floor(n) && fabs(n) < 9.2e18)
            add_found(p, t, slice_make(text, (size_t)snprintf(text, sizeof text, "%.0f", n)),
                      VALUE_INT, l);
        add_found(p, t, v, VALUE_INT, l);
    } else {
        add_found(p, t, v, VALUE_TEXT, l);
    }
}

void leaf_add_value(struct parser *p, const struct target *t, struct slice v,
                    struct ordinal_list *l)
{
    if (++p->values > FILTER_MAX_VALUES)
        parser_fail(p, STATUS_TOO_LARGE, "more than 4,096 values");
    if (t->field->type == FIELD_ATTRIBUTES && !p->quoted)
        add_bare(p, t, v, l);
    else
        add_found(p, t, v, VALUE_TEXT, l);
}

/* The node of a path and all below it. */
void leaf_add_under(struct parser *p, const struct target *t, struct slice under,
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
        parser_fail(p, st ? st : STATUS_NO_MEMORY, "the values cannot be read");
        return;
    }
    inside[node] = 1;
    for (uint32_t o = node; o <= v->count && !p->status; o++) { /* parents come before children */
        if ((st = pulse_beat(snapshot_pulse(p->snap), 1)))
            parser_fail(p, st, "the search ended before");
        if (o > node)
            inside[o] = inside[v->parents[o]];
        if (inside[o])
            add_ordinal(p, l, o);
    }
}

/* Values of an attribute: all, or those whose number is in the range. */
void leaf_add_attribute(struct parser *p, const struct target *t, const struct filter *range,
                        struct ordinal_list *l)
{
    const struct value_index *v;
    enum status st = value_index_get(p->snap, t->field->id, &v);
    const struct value_key *key = st ? NULL : value_index_key(v, t->path);
    if (st)
        parser_fail(p, st, "the values cannot be read");
    for (uint32_t i = 0; key && i < key->count && !p->status; i++) {
        double n = v->numbers[key->ordinals[i]];
        if (range && !((range->low_open ? n > range->low : n >= range->low) &&
                       (range->high_open ? n < range->high : n <= range->high)))
            continue; /* what is not a number is in no range */
        add_ordinal(p, l, key->ordinals[i]);
    }
}

struct filter *leaf_between(struct parser *p, const struct target *t, double low, bool low_open,
                            double high, bool high_open)
{
    struct filter *range = leaf_range(p, t, low, low_open, high, high_open);
    if (!range || t->field->type != FIELD_ATTRIBUTES)
        return range;
    struct ordinal_list l = {0};
    leaf_add_attribute(p, t, range, &l);
    return leaf_ordinals(p, t, &l);
}

struct filter *leaf_equals(struct parser *p, const struct target *t, struct slice v)
{
    double n;
    if (leaf_numeric(t->field->type)) {
        if (!leaf_number(t->field, v, &n)) {
            parser_fail_word(p, STATUS_SCHEMA_MISMATCH, "the value is not of the field's type");
            return NULL;
        }
        return leaf_range(p, t, n, false, n, false);
    }
    struct ordinal_list l = {0};
    if (t->field->type == FIELD_PATH)
        leaf_add_under(p, t, v, &l);
    else
        leaf_add_value(p, t, v, &l);
    return p->status ? NULL : leaf_ordinals(p, t, &l);
}

static int by_docid(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

struct filter *leaf_docs(struct parser *p, const struct ordinal_list *l)
{
    struct filter *f = parser_node(p, NODE_DOCS);
    if (!f)
        return NULL;
    f->field_id = UINT32_MAX;
    f->docs = l->items;
    f->doc_count = l->count;
    if (l->count)
        qsort(l->items, l->count, sizeof *l->items, by_docid);
    return f;
}

void leaf_add_id(struct parser *p, struct slice id, struct ordinal_list *l)
{
    uint32_t docid;
    if (++p->values > FILTER_MAX_VALUES)
        parser_fail(p, STATUS_TOO_LARGE, "more than 4,096 values");
    enum status st = p->status || !id.len ? STATUS_NOT_FOUND : snapshot_find(p->snap, id, &docid);
    if (st == STATUS_OK)
        add_ordinal(p, l, docid);
    else if (st != STATUS_NOT_FOUND)
        parser_fail(p, st, "the ids cannot be read");
}
