#include "protocol/schema_spec.h"

static const char *const type_names[FIELD_TYPE_COUNT] = {"text",         "keyword", "integer",
                                                         "float",        "boolean", "timestamp",
                                                         "keyword_list", "path",    "attributes"};

const char *field_type_name(enum field_type t)
{
    return t < FIELD_TYPE_COUNT ? type_names[t] : NULL;
}

bool field_type_parse(struct slice word, enum field_type *out)
{
    for (int i = 0; i < FIELD_TYPE_COUNT; i++)
        if (slice_equal(word, slice_str(type_names[i]))) {
            *out = (enum field_type)i;
            return true;
        }
    return false;
}

enum { EXTRA_MAX_AGE = 55 };

static void put_extras(struct buf *out, const struct field_spec *f)
{
    struct buf extras = BUF_INIT, value = BUF_INIT;
    if (f->max_age_ms) {
        wire_put_varint(&value, (uint64_t)f->max_age_ms);
        wire_put_varint(&extras, EXTRA_MAX_AGE);
        wire_put_bytes(&extras, buf_slice(&value));
    }
    wire_put_bytes(out, buf_slice(&extras));
    out->failed |= extras.failed || value.failed;
    buf_fini(&extras);
    buf_fini(&value);
}

static void extras_decode(struct wire_reader *r, struct field_spec *f)
{
    struct wire_reader extras = wire_reader_of(wire_bytes(r));
    while (wire_left(&extras) && !extras.failed) {
        uint64_t tag = wire_varint(&extras);
        struct wire_reader v = wire_reader_of(wire_bytes(&extras));
        if (tag == EXTRA_MAX_AGE)
            f->max_age_ms = (int64_t)(wire_varint(&v) & INT64_MAX);
        extras.failed |= v.failed;
    }
    r->failed |= extras.failed;
}

void schema_spec_encode(const struct schema_spec *s, struct buf *out)
{
    buf_put_u8(out, 1);
    wire_put_varint(out, (uint64_t)s->ttl_ms);
    wire_put_varint(out, (uint64_t)s->swr_ms);
    wire_put_varint(out, (uint64_t)s->sie_ms);
    wire_put_varint(out, s->max_products);
    wire_put_varint(out, s->max_bytes);
    wire_put_varint(out, s->version);
    wire_put_varint(out, s->field_count);
    for (uint32_t i = 0; i < s->field_count; i++) {
        const struct field_spec *f = &s->fields[i];
        wire_put_bytes(out, f->name);
        buf_put_u8(out, (uint8_t)f->type);
        buf_put_u8(out, f->flags);
        wire_put_f64(out, f->weight);
        buf_put_u8(out, f->weight_class);
        wire_put_f64(out, f->reference_len);
        wire_put_bytes(out, f->language);
        put_extras(out, f);
    }
}

static bool name_good(struct slice name)
{
    if (name.len == 0 || name.len > SCHEMA_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
        bool digit = (c >= '0' && c <= '9') || c == '-';
        if (!letter && !(digit && i > 0))
            return false;
    }
    return wire_utf8_valid(name) == name.len;
}

static enum status field_decode(struct wire_reader *r, struct schema_spec *s, uint32_t i,
                                struct fault *fault)
{
    struct field_spec *f = &s->fields[i];
    char told[WIRE_NAME];
    f->name = wire_bytes(r);
    uint8_t type = wire_u8(r);
    f->type = (enum field_type)type;
    f->flags = wire_u8(r);
    f->weight = wire_f64(r);
    f->weight_class = wire_u8(r);
    f->reference_len = wire_f64(r);
    f->language = wire_bytes(r);
    extras_decode(r, f);
    if (r->failed)
        return fault_set(fault, STATUS_INVALID, "schema", "the schema's bytes end too early");
    if (!name_good(f->name))
        return fault_set(fault, STATUS_INVALID, "schema",
                         "field '%s': a name is 1 to %d letters, digits, _ and -",
                         wire_name(f->name, told), SCHEMA_NAME_MAX);
    char name[SCHEMA_NAME_MAX + 1] = {0};
    memcpy(name, f->name.ptr, f->name.len);
    if (type >= FIELD_TYPE_COUNT)
        return fault_set(fault, STATUS_UNSUPPORTED, name, "field type %u is not known", type);
    if (f->weight_class > 3 || !(f->weight >= 0 && f->weight <= 1000) ||
        !(f->reference_len >= 0 && f->reference_len < 1e6) || f->language.len > 7)
        return fault_set(fault, STATUS_INVALID, name,
                         "weight, class, length or language is out of bounds");
    for (uint32_t k = 0; k < i; k++)
        if (slice_equal(s->fields[k].name, f->name))
            return fault_set(fault, STATUS_INVALID, name, "the field stands twice");
    return STATUS_OK;
}

enum status schema_spec_decode(struct slice bytes, struct schema_spec *out, struct fault *fault)
{
    struct wire_reader r = wire_reader_of(bytes);
    *out = (struct schema_spec){0};
    uint8_t format = wire_u8(&r);
    out->ttl_ms = (int64_t)(wire_varint(&r) & INT64_MAX);
    out->swr_ms = (int64_t)(wire_varint(&r) & INT64_MAX);
    out->sie_ms = (int64_t)(wire_varint(&r) & INT64_MAX);
    out->max_products = wire_varint(&r);
    out->max_bytes = wire_varint(&r);
    out->version = (uint32_t)wire_varint(&r);
    uint64_t count = wire_count(&r, 20);
    if (r.failed || format != 1)
        return fault_set(fault, STATUS_INVALID, "schema", "not a schema");
    if (count > SCHEMA_MAX_FIELDS)
        return fault_set(fault, STATUS_TOO_LARGE, "schema", "more than %d fields",
                         SCHEMA_MAX_FIELDS);
    for (uint32_t i = 0; i < count; i++) {
        enum status s = field_decode(&r, out, i, fault);
        if (s)
            return s;
    }
    out->field_count = (uint32_t)count;
    return STATUS_OK;
}
