#include "server/mapping.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "protocol/arena.h"
#include "protocol/pairs.h"
#include "server/validate.h"

enum { NUMBER_MAX = 64 };

/* --- values ----------------------------------------------------------------------------------- */

/* The text with a NUL behind it; false when it is no candidate for a number or a time. */
static bool short_text(const struct json_node *n, char out[NUMBER_MAX])
{
    struct slice s = json_node_text(n);
    if (json_node_kind(n) != JSON_KIND_TEXT || !s.len || s.len >= NUMBER_MAX)
        return false;
    memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
    return true;
}

static bool put_number(const struct json_node *n, struct buf *out)
{
    char text[NUMBER_MAX], *end;
    if (json_node_kind(n) == JSON_KIND_INT) {
        value_put_int(out, json_node_int(n));
        return true;
    }
    if (json_node_kind(n) == JSON_KIND_REAL) {
        value_put_float(out, json_node_real(n));
        return true;
    }
    if (!short_text(n, text) || (*text != '-' && (*text < '0' || *text > '9')))
        return false;
    errno = 0;
    long long whole = strtoll(text, &end, 10);
    if (!*end && !errno) {
        value_put_int(out, whole);
        return true;
    }
    double v = strtod(text, &end);
    if (*end || !isfinite(v))
        return false;
    value_put_float(out, v);
    return true;
}

static bool put_time(const struct json_node *n, struct buf *out)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"};
    char text[NUMBER_MAX];
    if (put_number(n, out))
        return true;
    if (!short_text(n, text))
        return false;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);
        if (end && !*end) {
            value_put_int(out, (int64_t)timegm(&tm) * 1000);
            return true;
        }
    }
    return false;
}

/* Text, or the text of another scalar, in `room`. */
static bool scalar_text(const struct json_node *n, char room[NUMBER_MAX], struct slice *out)
{
    switch (json_node_kind(n)) {
    case JSON_KIND_TEXT:
        *out = json_node_text(n);
        return true;
    case JSON_KIND_INT:
        snprintf(room, NUMBER_MAX, "%lld", (long long)json_node_int(n));
        break;
    case JSON_KIND_REAL:
        snprintf(room, NUMBER_MAX, "%.15g", json_node_real(n));
        break;
    case JSON_KIND_BOOL:
        snprintf(room, NUMBER_MAX, "%s", json_node_bool(n) ? "true" : "false");
        break;
    default:
        return false;
    }
    *out = slice_str(room);
    return true;
}

static bool put_keyword(const struct json_node *n, struct buf *out)
{
    char room[NUMBER_MAX];
    struct slice text;
    if (!scalar_text(n, room, &text))
        return false;
    value_put_text(out, text);
    return true;
}

static bool put_boolean(const struct json_node *n, struct buf *out)
{
    if (json_node_kind(n) == JSON_KIND_BOOL)
        value_put_bool(out, json_node_bool(n));
    else if (json_node_kind(n) == JSON_KIND_INT && (uint64_t)json_node_int(n) <= 1)
        value_put_bool(out, json_node_int(n) == 1);
    else
        return false;
    return true;
}

/* "a > b > c" of a path field, one text of another. */
static void put_parts(struct slice text, bool path, struct buf *out)
{
    uint32_t count = 1;
    struct slice parts = text;
    const char *at;
    while (path && (at = memmem(parts.ptr, parts.len, " > ", 3))) {
        parts = slice_make(at + 3, (size_t)(parts.ptr + parts.len - at) - 3);
        count++;
    }
    value_put_list(out, count);
    for (parts = text; count > 1; count--) {
        at = memmem(parts.ptr, parts.len, " > ", 3);
        wire_put_bytes(out, slice_make(parts.ptr, (size_t)(at - parts.ptr)));
        parts = slice_make(at + 3, (size_t)(parts.ptr + parts.len - at) - 3);
    }
    wire_put_bytes(out, parts);
}

/* Items of the list and of the lists in it, without nulls; with `out` NULL they are counted. */
static bool put_items(const struct json_node *n, struct buf *out, uint32_t *count)
{
    char room[NUMBER_MAX];
    struct slice text;
    for (size_t i = 0; i < json_node_count(n); i++) {
        const struct json_node *item = json_node_item(n, i);
        if (json_node_kind(item) == JSON_KIND_NULL)
            continue;
        if (json_node_kind(item) == JSON_KIND_LIST) {
            if (!put_items(item, out, count))
                return false;
            continue;
        }
        if (!scalar_text(item, room, &text) || ++*count > VALIDATE_LIST_MAX)
            return false;
        if (out)
            wire_put_bytes(out, text);
    }
    return true;
}

static bool put_list(const struct json_node *n, bool path, struct buf *out)
{
    char room[NUMBER_MAX];
    struct slice text;
    uint32_t count = 0, again = 0;
    if (json_node_kind(n) != JSON_KIND_LIST) {
        if (!scalar_text(n, room, &text))
            return false;
        put_parts(text, path, out);
        return true;
    }
    if (!put_items(n, NULL, &count))
        return false;
    value_put_list(out, count);
    return put_items(n, out, &again);
}

static bool only_texts(const struct json_node *list)
{
    bool texts = true;
    for (size_t i = 0; i < json_node_count(list); i++) {
        enum json_kind kind = json_node_kind(json_node_item(list, i));
        texts &= kind == JSON_KIND_TEXT || kind == JSON_KIND_NULL;
    }
    return texts;
}

static bool put_pairs_of(struct pairs *p, const struct json_node *n, struct slice path,
                         struct arena *a);

static bool put_members(struct pairs *p, const struct json_node *n, struct slice path,
                        struct arena *a)
{
    void *at = NULL;
    struct slice key;
    const struct json_node *v;
    while (json_node_next(n, &at, &key, &v)) {
        struct slice inner =
            path.len ? arena_printf(a, "%.*s.%.*s", (int)path.len, path.ptr, (int)key.len, key.ptr)
                     : key;
        if ((!inner.ptr && inner.len) || !put_pairs_of(p, v, inner, a))
            return false;
    }
    return true;
}

/* As `souk import` reads them: keys of nested objects joined with dots, arrays of texts as lists,
 * each item of another array by itself, objects in it side by side. */
static bool put_pairs_of(struct pairs *p, const struct json_node *n, struct slice path,
                         struct arena *a)
{
    switch (json_node_kind(n)) {
    case JSON_KIND_NULL:
        return true;
    case JSON_KIND_OBJECT:
        return put_members(p, n, path, a);
    case JSON_KIND_LIST:
        if (path.ptr && only_texts(n)) /* without a path it is the value itself */
            return put_list(n, false, pairs_add(p, path));
        for (size_t i = 0; i < json_node_count(n); i++) {
            const struct json_node *item = json_node_item(n, i);
            p->apart |= json_node_kind(item) == JSON_KIND_OBJECT;
            if (!put_pairs_of(p, item, path, a))
                return false;
        }
        return true;
    case JSON_KIND_TEXT:
        value_put_text(pairs_add(p, path), json_node_text(n));
        return true;
    case JSON_KIND_BOOL:
        value_put_bool(pairs_add(p, path), json_node_bool(n));
        return true;
    default:
        return put_number(n, pairs_add(p, path));
    }
}

/* An object, or an array of nothing else. */
static bool holds_attributes(const struct json_node *n)
{
    bool holds = json_node_kind(n) == JSON_KIND_OBJECT || json_node_kind(n) == JSON_KIND_LIST;
    if (json_node_kind(n) == JSON_KIND_LIST)
        for (size_t i = 0; i < json_node_count(n) && holds; i++) {
            const struct json_node *item = json_node_item(n, i);
            holds = json_node_kind(item) == JSON_KIND_NULL || holds_attributes(item);
        }
    return holds;
}

static bool put_pairs(const struct json_node *n, struct buf *out)
{
    struct pairs p = {0};
    struct arena a;
    if (!holds_attributes(n))
        return false;
    arena_init(&a, 0);
    bool good = put_pairs_of(&p, n, SLICE_NULL, &a);
    good &= pairs_end(&p, out) == STATUS_OK;
    arena_fini(&a);
    return good;
}

static bool put_value(const struct field *f, const struct json_node *n, struct buf *out)
{
    switch (f->type) {
    case FIELD_INTEGER:
    case FIELD_FLOAT:
        return put_number(n, out);
    case FIELD_TIMESTAMP:
        return put_time(n, out);
    case FIELD_BOOLEAN:
        return put_boolean(n, out);
    case FIELD_KEYWORD_LIST:
    case FIELD_PATH:
        return put_list(n, f->type == FIELD_PATH, out);
    case FIELD_ATTRIBUTES:
        return put_pairs(n, out);
    case FIELD_TEXT:
    case FIELD_KEYWORD:
        return put_keyword(n, out);
    default:
        return false;
    }
}

/* --- a product -------------------------------------------------------------------------------- */

static const struct json_node *find_field(const struct provider *p, const struct field *f,
                                          const struct json_node *node)
{
    char pointer[SCHEMA_NAME_MAX + 2];
    for (uint32_t i = 0; i < p->field_count; i++)
        if (slice_equal(p->fields[i].name, slice_str(f->name)))
            return json_node_at(node, p->fields[i].value);
    if (p->field_count)
        return NULL;
    snprintf(pointer, sizeof pointer, "/%s", f->name); /* a field's name has no / and no ~ */
    return json_node_at(node, slice_str(pointer));
}

static enum status read_id(const struct provider *p, const struct json_node *node, char text[32],
                           struct mapped *m, struct fault *fault)
{
    const struct json_node *id = json_node_at(node, p->map.id);
    if (json_node_kind(id) == JSON_KIND_TEXT)
        m->id = json_node_text(id);
    else if (json_node_kind(id) == JSON_KIND_INT)
        m->id = slice_make(text, (size_t)snprintf(text, 32, "%lld", (long long)json_node_int(id)));
    return m->id.len && m->id.len <= VALIDATE_ID_MAX
               ? STATUS_OK
               : fault_set(fault, STATUS_INVALID, "id",
                           "the product has no id where map.id points");
}

static enum status read_version(const struct provider *p, const struct json_node *node,
                                struct mapped *m, struct fault *fault)
{
    struct buf value = BUF_INIT;
    struct value v = {0};
    const struct json_node *n = p->map.version.len ? json_node_at(node, p->map.version) : NULL;
    if (!n)
        return STATUS_OK;
    bool good = put_time(n, &value);
    struct wire_reader r = wire_reader_of(buf_slice(&value));
    good = good && value_decode(&r, &v) == STATUS_OK && v.type == VALUE_INT && v.i >= 0;
    buf_fini(&value);
    if (!good)
        return fault_set(fault, STATUS_INVALID, "version",
                         "the version is no whole number or time");
    m->version = (uint64_t)v.i;
    return STATUS_OK;
}

/* The fields, with their ids as numbers, as an item of a PUT would bring them. */
static enum status put_fields(const struct provider *p, const struct schema *schema,
                              const struct json_node *node, struct buf *fields, uint32_t *count,
                              struct fault *fault)
{
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *f = &schema->fields[i];
        const struct json_node *n = find_field(p, f, node);
        if (json_node_kind(n) == JSON_KIND_NULL)
            continue;
        wire_put_varint(fields, f->id);
        if (!put_value(f, n, fields))
            return fault_set(fault, STATUS_SCHEMA_MISMATCH, f->name,
                             "%s is a %s field and cannot hold what the upstream sent", f->name,
                             field_type_name(f->type));
        ++*count;
    }
    return STATUS_OK;
}

static enum status put_document(const struct schema *schema, struct slice id, struct slice fields,
                                uint32_t count, struct buf *out, struct fault *fault)
{
    struct slice names[SCHEMA_MAX_FIELDS];
    uint32_t ids[SCHEMA_MAX_FIELDS];
    struct buf document = BUF_INIT;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        names[i] = slice_str(schema->fields[i].name);
        ids[i] = schema->fields[i].id;
    }
    struct put_request put = {.names = names, .name_count = schema->field_count};
    document_put_header(&document, id, count);
    buf_put_slice(&document, fields);
    struct put_item item = {.op = PUT_UPSERT, .document = buf_slice(&document)};
    enum status st =
        document.failed ? STATUS_NO_MEMORY : validate_item(schema, &put, ids, &item, out, fault);
    buf_fini(&document);
    return st;
}

enum status mapping_product(const struct provider *p, const struct schema *schema,
                            const struct json_node *node, struct slice id, struct buf *out,
                            struct mapped *m, struct fault *fault)
{
    char text[32];
    uint32_t count = 0;
    struct document d;
    struct buf fields = BUF_INIT;
    size_t from = out->len;
    *m = (struct mapped){0};
    if (json_node_kind(node) != JSON_KIND_OBJECT)
        return fault_set(fault, STATUS_INVALID, NULL, "where a product should be is no object");
    enum status st = read_id(p, node, text, m, fault);
    if (!st && id.len && !slice_equal(id, m->id))
        st = fault_set(fault, STATUS_INVALID, "id", "the answer is about another product");
    st = st ? st : read_version(p, node, m, fault);
    m->deleted = p->map.deleted.len && json_node_bool(json_node_at(node, p->map.deleted));
    if (!st && !m->deleted)
        st = put_fields(p, schema, node, &fields, &count, fault);
    if (!st && fields.failed)
        st = STATUS_NO_MEMORY;
    st = st ? st : put_document(schema, m->id, buf_slice(&fields), count, out, fault);
    buf_fini(&fields);
    if (st)
        return st;
    m->document = slice_make(out->ptr + from, out->len - from);
    st = document_begin(&d, m->document);
    m->id = d.id;
    return st;
}
