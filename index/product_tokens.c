#include "index/product_tokens.h"
#include "index/closing.h"

#include <stdio.h>
#include <stdlib.h>

enum status product_tokens_init(struct product_tokens *t)
{
    *t = (struct product_tokens){0};
    return analyser_create(&t->analyser);
}

void product_tokens_fini(struct product_tokens *t)
{
    analyser_destroy(&t->analyser);
    buf_fini(&t->terms);
    free(t->items);
    *t = (struct product_tokens){0};
}

static bool reserve(struct product_tokens *t, uint32_t more)
{
    if (t->cap - t->count >= more)
        return true;
    uint32_t cap = (t->count + more) * 2;
    struct builder_token *p = realloc(t->items, cap * sizeof *p);
    if (!p)
        return false;
    t->items = p;
    t->cap = cap;
    return true;
}

/* Terms are noted by offset first: the buffer may move until the last is in. */
static enum status add_text(struct product_tokens *t, const struct field *f, struct slice text,
                            uint32_t *position)
{
    const struct token_list *list;
    enum status st = analyser_run(t->analyser, text, &list);
    if (st)
        return st;
    if (!reserve(t, list->count))
        return STATUS_NO_MEMORY;
    uint32_t last = *position;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct token *k = &list->items[i];
        t->items[t->count++] =
            (struct builder_token){.term = {(const char *)(uintptr_t)t->terms.len, k->term.len},
                                   .field = f->search_idx,
                                   .position = *position + k->position,
                                   .closing = f->weight_class == 0 && closing_word(text, list, i)};
        buf_put_slice(&t->terms, k->term);
        last = *position + k->position;
    }
    *position = last + TOKEN_GAP;
    return t->terms.failed ? STATUS_NO_MEMORY : STATUS_OK;
}

static enum status add_number(struct product_tokens *t, const struct field *f,
                              const struct value *v, uint32_t *position)
{
    char text[NUMBER_TEXT_MAX];
    if (v->type == VALUE_FLOAT)
        return add_text(t, f, product_number_text(v->f, text), position);
    int n = snprintf(text, sizeof text, "%lld", (long long)v->i);
    return add_text(t, f, slice_make(text, (size_t)n), position);
}

static enum status add_value(struct product_tokens *t, const struct field *f, const struct value *v,
                             uint32_t *position)
{
    struct wire_reader r = wire_reader_of(v->bytes);
    enum status st = STATUS_OK;
    struct slice path;
    struct value inner;
    switch (v->type) {
    case VALUE_TEXT:
        return add_text(t, f, v->bytes, position);
    case VALUE_INT:
    case VALUE_FLOAT:
        return add_number(t, f, v, position);
    case VALUE_TRUE: /* of an attribute, which may stand in a list of texts elsewhere */
        return add_text(t, f, SLICE_LIT("true"), position);
    case VALUE_FALSE:
        return add_text(t, f, SLICE_LIT("false"), position);
    case VALUE_LIST:
        for (uint32_t i = 0; i < v->count && !st; i++)
            st = add_text(t, f, value_next_item(&r), position);
        return st;
    case VALUE_PAIRS:
        for (uint32_t i = 0; i < v->count && !st; i++)
            if (!(st = value_next_pair(&r, &path, &inner)))
                st = add_value(t, f, &inner, position);
        return st;
    default:
        return STATUS_OK;
    }
}

enum status product_tokens_collect(struct product_tokens *t, const struct schema *schema,
                                   const struct product *p)
{
    t->count = 0;
    buf_clear(&t->terms);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *f = &schema->fields[i];
        uint32_t position = 0;
        if (!f->searchable || !product_has(p, i))
            continue;
        enum status st = add_value(t, f, &p->values[i], &position);
        if (st)
            return st;
    }
    for (uint32_t i = 0; i < t->count; i++)
        t->items[i].term.ptr = t->terms.ptr + (uintptr_t)t->items[i].term.ptr;
    return STATUS_OK;
}

static int by_term(const void *a, const void *b)
{
    const struct builder_token *x = a, *y = b;
    return slice_compare(x->term, y->term);
}

void product_tokens_distinct(struct product_tokens *t)
{
    uint32_t kept = 0;
    if (t->count)
        qsort(t->items, t->count, sizeof *t->items, by_term);
    for (uint32_t i = 0; i < t->count; i++)
        if (!kept || !slice_equal(t->items[kept - 1].term, t->items[i].term))
            t->items[kept++] = t->items[i];
    t->count = kept;
}

struct segment_facts product_tokens_facts(const struct schema *schema)
{
    struct segment_facts facts = {.field_count = schema->search_count,
                                  .class_reference_len = {8, 8, 40, 40}};
    bool seen[4] = {false};
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *f = &schema->fields[i];
        if (!f->searchable)
            continue;
        facts.field_class[f->search_idx] = f->weight_class;
        /* A class's length is what its longest field usually has. */
        float *len = &facts.class_reference_len[f->weight_class];
        if (!seen[f->weight_class] || f->reference_len > *len)
            *len = f->reference_len;
        seen[f->weight_class] = true;
    }
    return facts;
}
