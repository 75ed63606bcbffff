#include "cli/product.h"

#include "protocol/pairs.h"

#include <math.h>
#include <stdio.h>

void product_names_init(struct product_names *n, const struct schema_spec *schema, struct arena *a)
{
    n->schema = schema;
    n->arena = a;
    n->count = 0;
    for (uint32_t i = 0; schema && i < schema->field_count; i++)
        n->names[n->count++] = schema->fields[i].name;
}

/* Products of one file name their fields in the same order: look behind the last one first. */
static enum status number_of(struct product_names *n, struct slice name, uint32_t hint,
                             uint32_t *out)
{
    for (uint32_t i = 0; i < n->count; i++) {
        uint32_t at = (hint + i) % n->count;
        if (slice_equal(n->names[at], name)) {
            *out = at;
            return STATUS_OK;
        }
    }
    if (n->count == PRODUCT_NAMES)
        return STATUS_TOO_LARGE;
    struct slice kept = arena_copy(n->arena, name);
    if (!kept.ptr)
        return STATUS_NO_MEMORY;
    *out = n->count;
    n->names[n->count++] = kept;
    return STATUS_OK;
}

/* A scalar as text, for keyword fields and items of lists. */
static bool scalar_text(const struct json *v, char *room, size_t size, struct slice *out)
{
    switch (v->type) {
    case JSON_TEXT:
        *out = v->text;
        return true;
    case JSON_FALSE:
    case JSON_TRUE:
        *out = slice_str(v->type == JSON_TRUE ? "true" : "false");
        return true;
    case JSON_INT:
        snprintf(room, size, "%lld", (long long)v->i);
        break;
    case JSON_FLOAT:
        *out = slice_make(v->written, v->count);
        return true;
    default:
        return false;
    }
    *out = slice_str(room);
    return true;
}

static uint32_t count_items(const struct json *v)
{
    uint32_t count = 0;
    for (const struct json *i = v->first; i; i = i->next)
        count += i->type == JSON_ARRAY ? count_items(i) : i->type != JSON_NULL;
    return count;
}

/* Lists inside of lists are one. */
static enum status put_items(const struct json *v, struct buf *out)
{
    char room[48];
    struct slice text;
    enum status s = STATUS_OK;
    for (const struct json *i = v->first; i && !s; i = i->next) {
        if (i->type == JSON_NULL)
            continue;
        if (i->type == JSON_ARRAY)
            s = put_items(i, out);
        else if (scalar_text(i, room, sizeof room, &text))
            wire_put_bytes(out, text);
        else
            s = STATUS_SCHEMA_MISMATCH;
    }
    return s;
}

static enum status put_array(const struct json *v, struct buf *out)
{
    value_put_list(out, count_items(v));
    return put_items(v, out);
}

static void put_scalar(const struct json *v, struct buf *out)
{
    switch (v->type) {
    case JSON_FALSE:
    case JSON_TRUE:
        value_put_bool(out, v->type == JSON_TRUE);
        break;
    case JSON_INT:
        value_put_int(out, v->i);
        break;
    case JSON_FLOAT:
        value_put_float(out, v->f);
        break;
    case JSON_TEXT:
        value_put_text(out, v->text);
        break;
    default:
        value_put_null(out);
        break;
    }
}

/* --- attributes ------------------------------------------------------------------------------- */

static bool only_texts(const struct json *array)
{
    bool texts = true;
    for (const struct json *i = array->first; i; i = i->next)
        texts &= i->type == JSON_TEXT || i->type == JSON_NULL;
    return texts;
}

/* Nested objects become paths joined with dots. An array of texts is one list; in others each item
 * keeps its type, and what objects in it hold stands side by side under its path. */
static enum status put_pairs(struct pairs *p, const struct json *v, struct slice path,
                             struct arena *a)
{
    enum status s = STATUS_OK;
    if (v->type == JSON_NULL)
        return STATUS_OK;
    bool list = v->type == JSON_ARRAY && path.ptr && only_texts(v); /* no path: the value itself */
    if (v->type == JSON_OBJECT || (v->type == JSON_ARRAY && !list)) {
        for (const struct json *m = v->first; m && !s; m = m->next) {
            struct slice inner = v->type == JSON_ARRAY ? path : m->name;
            if (v->type == JSON_OBJECT && path.len)
                inner = arena_printf(a, "%.*s.%.*s", (int)path.len, path.ptr, (int)m->name.len,
                                     m->name.ptr);
            p->apart |= v->type == JSON_ARRAY && m->type == JSON_OBJECT;
            s = inner.ptr || !inner.len ? put_pairs(p, m, inner, a) : STATUS_NO_MEMORY;
        }
        return s;
    }
    struct buf *out = pairs_add(p, path);
    if (v->type == JSON_ARRAY)
        return put_array(v, out);
    put_scalar(v, out);
    return STATUS_OK;
}

static enum status put_object(const struct json *v, struct arena *a, struct buf *out)
{
    struct pairs p = {0};
    enum status s = put_pairs(&p, v, SLICE_NULL, a), ended = pairs_end(&p, out);
    return s ? s : ended;
}

/* --- fields ----------------------------------------------------------------------------------- */

bool product_nests(const struct json *v)
{
    bool nests = v->type == JSON_OBJECT;
    if (v->type == JSON_ARRAY)
        for (const struct json *i = v->first; i && !nests; i = i->next)
            nests = product_nests(i);
    return nests;
}

/* An object, or an array of nothing else. */
static bool holds_attributes(const struct json *v)
{
    bool holds = v->type == JSON_OBJECT || v->type == JSON_ARRAY;
    if (v->type == JSON_ARRAY)
        for (const struct json *i = v->first; i && holds; i = i->next)
            holds = i->type == JSON_NULL || holds_attributes(i);
    return holds;
}

static enum status put_field(const struct json *v, const struct field_spec *f, struct arena *a,
                             struct buf *out)
{
    char room[48];
    struct slice text = SLICE_NULL;
    bool pairs = f ? f->type == FIELD_ATTRIBUTES : product_nests(v) && holds_attributes(v);
    if (v->type == JSON_OBJECT || (v->type == JSON_ARRAY && pairs))
        return put_object(v, a, out);
    if (v->type == JSON_ARRAY)
        return put_array(v, out);
    if (!f || v->type == JSON_NULL) {
        put_scalar(v, out);
        return STATUS_OK;
    }
    bool list = f->type == FIELD_KEYWORD_LIST || f->type == FIELD_PATH;
    if (f->type == FIELD_TEXT || f->type == FIELD_KEYWORD || list) {
        scalar_text(v, room, sizeof room, &text);
        if (list) {
            value_put_list(out, 1);
            wire_put_bytes(out, text);
        } else {
            value_put_text(out, text);
        }
    } else if (f->type == FIELD_FLOAT && v->type == JSON_INT) {
        value_put_float(out, (double)v->i);
    } else {
        put_scalar(v, out);
    }
    return STATUS_OK;
}

static const char *json_word(const struct json *v)
{
    static const char *const words[] = {"null",       "a boolean", "a boolean", "an integer",
                                        "a fraction", "text",      "a list",    "an object"};
    return words[v->type];
}

/* As the server judges it, which knows no columns. */
static bool fits_type(const struct json *v, enum field_type type)
{
    bool number = v->type == JSON_INT || v->type == JSON_FLOAT;
    switch (type) {
    case FIELD_TEXT:
    case FIELD_KEYWORD:
        return v->type != JSON_ARRAY && v->type != JSON_OBJECT;
    case FIELD_FLOAT:
        return number;
    case FIELD_INTEGER:
    case FIELD_TIMESTAMP:
        return v->type == JSON_INT ||
               (v->type == JSON_FLOAT && v->f == floor(v->f) && fabs(v->f) < 9.0e15);
    case FIELD_BOOLEAN:
        return v->type == JSON_TRUE || v->type == JSON_FALSE;
    case FIELD_ATTRIBUTES:
        return holds_attributes(v);
    default:
        return !product_nests(v);
    }
}

static enum status at_column(enum status s, uint32_t column, struct fault *fault)
{
    if (fault)
        fault->column = column;
    return s;
}

static enum status check_type(const struct json *v, const struct field_spec *f, struct fault *fault)
{
    char room[WIRE_NAME];
    if (!f || v->type == JSON_NULL || fits_type(v, f->type))
        return STATUS_OK;
    const char *name = wire_name(f->name, room);
    enum status s =
        fault_set(fault, STATUS_SCHEMA_MISMATCH, name, "%s is of type %s and cannot hold %s", name,
                  field_type_name(f->type), json_word(v));
    return at_column(s, v->column, fault);
}

bool product_id(const struct json *v, char room[PRODUCT_ID_ROOM], struct slice *out)
{
    const struct json *given = json_get(v, "id");
    return given && (given->type == JSON_TEXT || given->type == JSON_INT) &&
           scalar_text(given, room, PRODUCT_ID_ROOM, out) && out->len > 0;
}

static bool is_field(const struct json *m, bool keep_null)
{
    return !slice_equal(m->name, SLICE_LIT("id")) && (keep_null || m->type != JSON_NULL);
}

static enum status put_member(const struct json *m, struct product_names *n, uint32_t *number,
                              struct buf *out, struct fault *fault)
{
    char room[WIRE_NAME];
    const char *name = wire_name(m->name, room);
    enum status s = number_of(n, m->name, *number, number);
    const struct field_spec *f =
        !s && n->schema && *number < n->schema->field_count ? &n->schema->fields[*number] : NULL;
    if (!s && n->schema && !f)
        return fault_set(fault, STATUS_UNKNOWN_FIELD, name, "the schema has no field %s", name);
    if (!s && check_type(m, f, fault))
        return STATUS_SCHEMA_MISMATCH;
    if (!s) {
        wire_put_varint(out, *number);
        s = put_field(m, f, n->arena, out);
    }
    return s ? fault_set(fault, s, name, "%s", status_text(s)) : s;
}

enum status product_encode(const struct json *v, struct product_names *n, bool keep_null,
                           struct buf *out, struct fault *fault)
{
    char room[PRODUCT_ID_ROOM];
    struct slice id;
    uint32_t count = 0, number = 0;
    if (v->type != JSON_OBJECT)
        return fault_set(fault, STATUS_INVALID, "", "a product is a JSON object");
    if (!product_id(v, room, &id)) {
        const struct json *given = json_get(v, "id");
        fault_set(fault, STATUS_INVALID, "id", "a product needs an id, text or integer");
        return at_column(STATUS_INVALID, given ? given->column : v->column, fault);
    }
    for (const struct json *m = v->first; m; m = m->next)
        count += is_field(m, keep_null);
    document_put_header(out, id, count);
    for (const struct json *m = v->first; m; m = m->next) {
        if (!is_field(m, keep_null))
            continue;
        enum status s = put_member(m, n, &number, out, fault);
        if (s)
            return at_column(s, m->column, fault);
        number++;
    }
    return out->failed ? fault_set(fault, STATUS_NO_MEMORY, "", "out of memory") : STATUS_OK;
}
