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

/* What a schema and its fields may say, and how: a name misspelt is never passed over in silence.
 */
enum key_kind { KEY_TEXT, KEY_SWITCH, KEY_NUMBER, KEY_COUNT, KEY_LIST };

struct key {
    const char *name;
    enum key_kind kind;
};

static const struct key schema_keys[] = {{"fields", KEY_LIST},     {"version", KEY_COUNT},
                                         {"ttl_ms", KEY_COUNT},    {"swr_ms", KEY_COUNT},
                                         {"sie_ms", KEY_COUNT},    {"max_products", KEY_COUNT},
                                         {"max_bytes", KEY_COUNT}, {NULL, KEY_TEXT}};
static const struct key field_keys[] = {{"name", KEY_TEXT},
                                        {"type", KEY_TEXT},
                                        {"searchable", KEY_SWITCH},
                                        {"filter", KEY_SWITCH},
                                        {"facet", KEY_SWITCH},
                                        {"sort", KEY_SWITCH},
                                        {"stored", KEY_SWITCH},
                                        {"weight", KEY_NUMBER},
                                        {"weight_class", KEY_NUMBER},
                                        {"reference_len", KEY_NUMBER},
                                        {"max_age_ms", KEY_COUNT},
                                        {"language", KEY_TEXT},
                                        {NULL, KEY_TEXT}};

static bool of_kind(const struct json *m, enum key_kind kind)
{
    switch (kind) {
    case KEY_TEXT:
        return m->type == JSON_TEXT;
    case KEY_SWITCH:
        return m->type == JSON_TRUE || m->type == JSON_FALSE;
    case KEY_NUMBER:
        return m->type == JSON_INT || m->type == JSON_FLOAT;
    case KEY_COUNT:
        return m->type == JSON_INT && m->i >= 0;
    default:
        return m->type == JSON_ARRAY;
    }
}

/* `owner`: the name of the field that `v` describes, empty for the schema. */
static enum status check_keys(const struct json *v, const struct key *keys, struct slice owner,
                              struct fault *fault)
{
    static const char *const kinds[] = {"text", "true or false", "a number",
                                        "a whole number from 0 on", "a list"};
    const char *of = owner.len ? "field " : "the schema";
    for (const struct json *m = v->first; m; m = m->next) {
        const struct key *k = keys;
        while (k->name && !slice_equal(m->name, slice_str(k->name)))
            k++;
        if (!k->name)
            return fault_set(fault, STATUS_INVALID, "", "%s%.*s has no setting '%.*s'", of,
                             (int)owner.len, owner.ptr, (int)m->name.len, m->name.ptr);
        if (!of_kind(m, k->kind))
            return fault_set(fault, STATUS_INVALID, k->name, "%s of %s%.*s is %s", k->name, of,
                             (int)owner.len, owner.ptr, kinds[k->kind]);
    }
    return STATUS_OK;
}

static int64_t whole(const struct json *v, const char *name)
{
    const struct json *m = json_get(v, name);
    return m ? m->i : 0;
}

static void number(const struct json *v, const char *name, double *out)
{
    const struct json *m = json_get(v, name);
    if (m)
        *out = m->type == JSON_INT ? (double)m->i : m->f;
}

static enum status unknown_type(struct slice type, struct slice field, struct fault *fault)
{
    struct buf names = BUF_INIT;
    for (int t = 0; t < FIELD_TYPE_COUNT; t++)
        buf_printf(&names, "%s%s",
                   t == 0                      ? ""
                   : t + 1 == FIELD_TYPE_COUNT ? " or "
                                               : ", ",
                   field_type_name((enum field_type)t));
    enum status s =
        fault_set(fault, STATUS_INVALID, "type", "unknown type '%.*s' of field '%.*s': %.*s",
                  type.len < 40 ? (int)type.len : 40, type.ptr, (int)field.len, field.ptr,
                  (int)names.len, names.ptr);
    buf_fini(&names);
    return s;
}

/* What is not said of a field that is `known` stays; of a new one it is as inference sets it. */
static enum status read_field(const struct json *v, struct field_spec *f, bool known,
                              struct fault *fault)
{
    const struct json *type = json_get(v, "type"), *m;
    enum status s = check_keys(v, field_keys, f->name, fault);
    if (s)
        return s;
    if (!type && !known)
        return fault_set(fault, STATUS_INVALID, "fields", "a field needs a name and a type");
    if (type && !field_type_parse(type->text, &f->type))
        return unknown_type(type->text, f->name, fault);
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
    if ((m = json_get(v, "language")))
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
    if (v->type != JSON_OBJECT)
        return fault_set(fault, STATUS_INVALID, "fields", "a schema needs a list of fields");
    enum status s = check_keys(v, schema_keys, SLICE_NULL, fault);
    if (s)
        return s;
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
        if ((s = read_field(f, field, known, fault)))
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
