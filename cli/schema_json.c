#include "cli/schema_json.h"

#include "cli/infer.h"

static const struct {
    const char *name;
    uint8_t flag;
} flags[] = {{"searchable", FIELD_SEARCHABLE},
             {"filter", FIELD_FILTER},
             {"facet", FIELD_FACET},
             {"sort", FIELD_SORT},
             {"stored", FIELD_STORED}};

void schema_json_put(struct buf *b, const struct schema_spec *s)
{
    buf_printf(b, "{\"version\":%u,\"ttl_ms\":%lld,\"swr_ms\":%lld,\"sie_ms\":%lld,", s->version,
               (long long)s->ttl_ms, (long long)s->swr_ms, (long long)s->sie_ms);
    buf_printf(b, "\"max_products\":%llu,\"max_bytes\":%llu,\"fields\":[",
               (unsigned long long)s->max_products, (unsigned long long)s->max_bytes);
    for (uint32_t i = 0; i < s->field_count; i++) {
        const struct field_spec *f = &s->fields[i];
        const char *type = field_type_name(f->type);
        buf_printf(b, "%s{\"name\":", i ? "," : "");
        json_put_text(b, f->name);
        buf_printf(b, ",\"type\":\"%s\"", type ? type : "unknown");
        for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
            buf_printf(b, ",\"%s\":%s", flags[k].name, f->flags & flags[k].flag ? "true" : "false");
        buf_printf(b, ",\"weight\":");
        json_put_float(b, f->weight);
        buf_printf(b, ",\"weight_class\":%u,\"reference_len\":", f->weight_class);
        json_put_float(b, f->reference_len);
        buf_printf(b, ",\"language\":");
        json_put_text(b, f->language);
        if (f->max_age_ms)
            buf_printf(b, ",\"max_age_ms\":%lld", (long long)f->max_age_ms);
        buf_put_u8(b, '}');
    }
    buf_printf(b, "]}");
}

static int64_t whole(const struct json *v, const char *name)
{
    const struct json *m = json_get(v, name);
    return m && m->type == JSON_INT && m->i > 0 ? m->i : 0;
}

static void number(const struct json *v, const char *name, double *out)
{
    const struct json *m = json_get(v, name);
    if (m && m->type == JSON_INT)
        *out = (double)m->i;
    else if (m && m->type == JSON_FLOAT)
        *out = m->f;
}

/* What is not said of a field that is `known` stays; of a new one it is as inference sets it. */
static enum status read_field(const struct json *v, struct field_spec *f, bool known,
                              struct fault *fault)
{
    const struct json *type = json_get(v, "type"), *m;
    if (type ? type->type != JSON_TEXT : !known)
        return fault_set(fault, STATUS_INVALID, "fields", "a field needs a name and a type");
    if (type && !field_type_parse(type->text, &f->type))
        return fault_set(fault, STATUS_INVALID, "type", "unknown type '%.*s' of field '%.*s'",
                         (int)type->text.len, type->text.ptr, (int)f->name.len, f->name.ptr);
    if (!known)
        infer_weights(f);
    for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
        if ((m = json_get(v, flags[k].name)))
            f->flags = m->type == JSON_TRUE ? f->flags | flags[k].flag
                                            : f->flags & (uint8_t)~flags[k].flag;
    double class = f->weight_class;
    number(v, "weight", &f->weight);
    number(v, "weight_class", &class);
    if (!(class >= 0 && class <= 3))
        return fault_set(fault, STATUS_INVALID, "weight_class", "a weight class is 0, 1, 2 or 3");
    f->weight_class = (uint8_t) class;
    number(v, "reference_len", &f->reference_len);
    if (json_get(v, "max_age_ms"))
        f->max_age_ms = whole(v, "max_age_ms");
    if ((m = json_get(v, "language")) && m->type == JSON_TEXT)
        f->language = m->text;
    return STATUS_OK;
}

/* The field of that name among the first `count`; NULL when there is none. */
static struct field_spec *find(struct schema_spec *s, uint32_t count, struct slice name)
{
    for (uint32_t i = 0; i < count; i++)
        if (slice_equal(s->fields[i].name, name))
            return &s->fields[i];
    return NULL;
}

static void window(const struct json *v, const char *name, int64_t *out)
{
    if (json_get(v, name))
        *out = whole(v, name);
}

enum status schema_json_overlay(const struct json *v, struct schema_spec *out, struct fault *fault)
{
    const struct json *fields = json_get(v, "fields");
    uint32_t before = out->field_count;
    if (v->type != JSON_OBJECT || (fields && fields->type != JSON_ARRAY))
        return fault_set(fault, STATUS_INVALID, "fields", "a schema needs a list of fields");
    window(v, "ttl_ms", &out->ttl_ms);
    window(v, "swr_ms", &out->swr_ms);
    window(v, "sie_ms", &out->sie_ms);
    if (json_get(v, "max_products"))
        out->max_products = (uint64_t)whole(v, "max_products");
    if (json_get(v, "max_bytes"))
        out->max_bytes = (uint64_t)whole(v, "max_bytes");
    for (const struct json *f = fields ? fields->first : NULL; f; f = f->next) {
        const struct json *name = json_get(f, "name");
        if (!name || name->type != JSON_TEXT)
            return fault_set(fault, STATUS_INVALID, "fields", "a field needs a name and a type");
        struct field_spec *field = find(out, before, name->text);
        bool known = field != NULL;
        if (!known && out->field_count == SCHEMA_MAX_FIELDS)
            return fault_set(fault, STATUS_TOO_LARGE, "fields", "more than 255 fields");
        if (!known) {
            field = &out->fields[out->field_count++];
            *field = (struct field_spec){.name = name->text};
        }
        enum status s = read_field(f, field, known, fault);
        if (s)
            return s;
    }
    return STATUS_OK;
}

enum status schema_json_read(const struct json *v, struct schema_spec *out, struct fault *fault)
{
    const struct json *fields = json_get(v, "fields");
    memset(out, 0, sizeof *out);
    if (!fields)
        return fault_set(fault, STATUS_INVALID, "fields", "a schema needs a list of fields");
    return schema_json_overlay(v, out, fault);
}
