#include "index/schema.h"

#include <ctype.h>
#include <stdlib.h>

#include "protocol/schema_spec.h"

void schema_destroy(struct schema **s)
{
    if (*s)
        free((*s)->fields);
    free(*s);
    *s = NULL;
}

const struct field *schema_find(const struct schema *s, struct slice name)
{
    for (uint32_t i = 0; i < s->field_count; i++)
        if (slice_equal(slice_str(s->fields[i].name), name))
            return &s->fields[i];
    return NULL;
}

static float default_reference_len(uint8_t weight_class)
{
    return weight_class < 2 ? 8 : 40;
}

static void field_from_spec(struct field *f, const struct field_spec *spec, struct schema *s)
{
    memcpy(f->name, spec->name.ptr, spec->name.len);
    f->type = spec->type;
    f->searchable = spec->flags & FIELD_SEARCHABLE;
    f->filter = spec->flags & FIELD_FILTER;
    f->facet = spec->flags & FIELD_FACET;
    f->sort = spec->flags & FIELD_SORT;
    f->stored = spec->flags & FIELD_STORED;
    f->has_column = f->type != FIELD_TEXT && (f->filter || f->facet || f->sort);
    f->weight_class = spec->weight_class;
    f->weight = spec->weight > 0 ? (float)spec->weight : 1;
    f->reference_len = spec->reference_len > 0 ? (float)spec->reference_len
                                               : default_reference_len(spec->weight_class);
    size_t len = spec->language.len < sizeof f->language ? spec->language.len : 0;
    if (len)
        memcpy(f->language, spec->language.ptr, len);
    f->max_age_ms = spec->max_age_ms;
    f->search_idx = f->searchable ? s->search_count++ : UINT32_MAX;
    if (f->searchable && f->weight > s->class_weight[f->weight_class])
        s->class_weight[f->weight_class] = f->weight;
}

static enum status check_field(const struct field_spec *spec, struct fault *fault)
{
    char name[SCHEMA_NAME_MAX + 1] = "";
    if (spec->name.len > SCHEMA_NAME_MAX)
        return fault_set(fault, STATUS_TOO_LARGE, "", "a field name has more than %d bytes",
                         SCHEMA_NAME_MAX);
    memcpy(name, spec->name.ptr, spec->name.len);
    if (spec->weight_class > 3)
        return fault_set(fault, STATUS_INVALID, name, "the weight class is 0 to 3");
    if (!(spec->weight >= 0 && spec->weight <= 1000))
        return fault_set(fault, STATUS_INVALID, name, "the weight is 0 to 1000");
    if (!(spec->reference_len >= 0 && spec->reference_len <= 1e6))
        return fault_set(fault, STATUS_INVALID, name, "the reference length is 0 to 1000000");
    if (spec->language.len > 7)
        return fault_set(fault, STATUS_INVALID, name, "the language is an ISO 639-1 code");
    if ((spec->flags & FIELD_SEARCHABLE) &&
        (spec->type == FIELD_INTEGER || spec->type == FIELD_FLOAT || spec->type == FIELD_BOOLEAN ||
         spec->type == FIELD_TIMESTAMP))
        return fault_set(fault, STATUS_INVALID, name, "a %s field has no words to search",
                         field_type_name(spec->type));
    return STATUS_OK;
}

static enum status build(struct schema *s, const struct schema_spec *spec, struct fault *fault)
{
    s->field_count = spec->field_count;
    s->version = spec->version ? spec->version : 1;
    s->ttl_ms = spec->ttl_ms;
    s->swr_ms = spec->swr_ms;
    s->sie_ms = spec->sie_ms;
    s->max_products = spec->max_products;
    s->max_bytes = spec->max_bytes;
    for (uint32_t i = 0; i < s->field_count; i++) {
        enum status st = check_field(&spec->fields[i], fault);
        if (st)
            return st;
        s->fields[i].id = i;
        field_from_spec(&s->fields[i], &spec->fields[i], s);
    }
    return STATUS_OK;
}

enum status schema_decode(struct slice bytes, struct schema **out, struct fault *fault)
{
    *out = NULL;
    enum status st = STATUS_NO_MEMORY;
    struct schema_spec *spec = calloc(1, sizeof *spec);
    struct schema *s = calloc(1, sizeof *s);
    if (!spec || !s)
        goto out;
    if ((st = schema_spec_decode(bytes, spec, fault)))
        goto out;
    st = STATUS_NO_MEMORY;
    s->fields = calloc(spec->field_count ? spec->field_count : 1, sizeof *s->fields);
    if (s->fields)
        st = build(s, spec, fault);
out:
    free(spec);
    if (st)
        schema_destroy(&s);
    *out = s;
    return st;
}

static bool is_language(const char *code)
{
    bool two = strlen(code) == 2;
    return !*code || (two && islower((unsigned char)code[0]) && islower((unsigned char)code[1]));
}

enum status schema_check_new(const struct schema *s, struct fault *fault)
{
    for (uint32_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];
        if (strcmp(f->name, "id") == 0 || strcmp(f->name, "_score") == 0)
            return fault_set(fault, STATUS_INVALID, f->name, "%s is the name of no field: %s",
                             f->name,
                             f->name[0] == 'i' ? "every product has an id" : "it is relevance");
        if (f->type == FIELD_TEXT && (f->filter || f->facet || f->sort))
            return fault_set(fault, STATUS_INVALID, f->name,
                             "a text field has words and no value: a keyword can have filter, "
                             "facet and sort");
        if (!is_language(f->language))
            return fault_set(fault, STATUS_INVALID, f->name,
                             "the language is an ISO 639-1 code, as en or de, not %s", f->language);
    }
    return STATUS_OK;
}

static uint8_t field_flags(const struct field *f)
{
    return (uint8_t)((f->searchable ? FIELD_SEARCHABLE : 0) | (f->filter ? FIELD_FILTER : 0) |
                     (f->facet ? FIELD_FACET : 0) | (f->sort ? FIELD_SORT : 0) |
                     (f->stored ? FIELD_STORED : 0));
}

void schema_encode(const struct schema *s, struct buf *out)
{
    struct schema_spec *spec = calloc(1, sizeof *spec);
    if (!spec) {
        out->failed = true;
        return;
    }
    spec->ttl_ms = s->ttl_ms;
    spec->swr_ms = s->swr_ms;
    spec->sie_ms = s->sie_ms;
    spec->max_products = s->max_products;
    spec->max_bytes = s->max_bytes;
    spec->version = s->version;
    spec->field_count = s->field_count;
    for (uint32_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];
        spec->fields[i] = (struct field_spec){.name = slice_str(f->name),
                                              .type = f->type,
                                              .flags = field_flags(f),
                                              .weight = (double)f->weight,
                                              .weight_class = f->weight_class,
                                              .reference_len = (double)f->reference_len,
                                              .language = slice_str(f->language),
                                              .max_age_ms = f->max_age_ms};
    }
    schema_spec_encode(spec, out);
    free(spec);
}
