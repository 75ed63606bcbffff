#include "server/json_node.h"

#include <jansson.h>

/* jansson's own limit is far deeper than anything a catalog sends; counted before it builds. */
static uint32_t depth_of(struct slice text)
{
    uint32_t depth = 0, deepest = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > deepest)
                deepest = depth;
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
        }
    }
    return deepest;
}

enum status json_node_parse(struct slice text, uint32_t max_depth, struct json_node **out,
                            struct fault *fault)
{
    json_error_t e;
    *out = NULL;
    if (depth_of(text) > max_depth)
        return fault_set(fault, STATUS_TOO_DEEP, NULL, "JSON may nest %u deep", max_depth);
    json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &e);
    if (!root) {
        enum status st = fault_set(fault, STATUS_INVALID, NULL, "not JSON: %.150s", e.text);
        if (fault) {
            fault->line = e.line > 0 ? (uint32_t)e.line : 0;
            fault->column = e.column > 0 ? (uint32_t)e.column : 0;
        }
        return st;
    }
    *out = (struct json_node *)root;
    return STATUS_OK;
}

void json_node_destroy(struct json_node **root)
{
    json_decref((json_t *)*root);
    *root = NULL;
}

static const json_t *of(const struct json_node *n)
{
    return (const json_t *)n;
}

enum json_kind json_node_kind(const struct json_node *n)
{
    if (!n)
        return JSON_KIND_NULL;
    switch (json_typeof(of(n))) {
    case JSON_OBJECT:
        return JSON_KIND_OBJECT;
    case JSON_ARRAY:
        return JSON_KIND_LIST;
    case JSON_STRING:
        return JSON_KIND_TEXT;
    case JSON_INTEGER:
        return JSON_KIND_INT;
    case JSON_REAL:
        return JSON_KIND_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_KIND_BOOL;
    default:
        return JSON_KIND_NULL;
    }
}

/* One part of a pointer, unescaped, into `key`; false when it does not fit. */
static bool part_of(struct slice part, char key[256])
{
    size_t n = 0;
    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];
        if (c == '~' && i + 1 < part.len)
            c = part.ptr[++i] == '1' ? '/' : '~';
        if (n + 1 >= 256 || !c)
            return false;
        key[n++] = c;
    }
    key[n] = '\0';
    return true;
}

static const json_t *step(const json_t *n, const char *key)
{
    if (json_is_object(n))
        return json_object_get(n, key);
    size_t at = 0;
    if (!json_is_array(n) || !*key)
        return NULL;
    for (const char *p = key; *p; p++) {
        if (*p < '0' || *p > '9' || at > 100000000)
            return NULL;
        at = at * 10 + (size_t)(*p - '0');
    }
    return json_array_get(n, at);
}

const struct json_node *json_node_at(const struct json_node *n, struct slice pointer)
{
    char key[256];
    const json_t *at = of(n);
    while (at && pointer.len) {
        if (*pointer.ptr != '/')
            return NULL;
        pointer = slice_make(pointer.ptr + 1, pointer.len - 1);
        const char *end = pointer.len ? memchr(pointer.ptr, '/', pointer.len) : NULL;
        struct slice part =
            slice_make(pointer.ptr, end ? (size_t)(end - pointer.ptr) : pointer.len);
        if (!part_of(part, key))
            return NULL;
        at = step(at, key);
        pointer = slice_make(pointer.ptr + part.len, pointer.len - part.len);
    }
    return (const struct json_node *)at;
}

bool json_node_bool(const struct json_node *n)
{
    return json_is_true(of(n));
}

int64_t json_node_int(const struct json_node *n)
{
    return json_integer_value(of(n));
}

double json_node_real(const struct json_node *n)
{
    return json_number_value(of(n));
}

struct slice json_node_text(const struct json_node *n)
{
    return slice_make(json_string_value(of(n)), json_string_length(of(n)));
}

size_t json_node_count(const struct json_node *n)
{
    return json_is_array(of(n)) ? json_array_size(of(n)) : json_object_size(of(n));
}

const struct json_node *json_node_item(const struct json_node *list, size_t i)
{
    return (const struct json_node *)json_array_get(of(list), i);
}

bool json_node_next(const struct json_node *object, void **at, struct slice *key,
                    const struct json_node **value)
{
    union {
        const struct json_node *node;
        json_t *json;
    } o = {object}; /* jansson's iterators want it writable; nothing is written */
    *at = *at ? json_object_iter_next(o.json, *at) : json_object_iter(o.json);
    if (!*at)
        return false;
    *key = slice_str(json_object_iter_key(*at));
    *value = (const struct json_node *)json_object_iter_value(*at);
    return true;
}

enum status json_node_set_bool(struct json_node *object, const char *key, bool v)
{
    return json_object_set_new((json_t *)object, key, json_boolean(v)) ? STATUS_NO_MEMORY
                                                                       : STATUS_OK;
}

enum status json_node_set_int(struct json_node *object, const char *key, int64_t v)
{
    return json_object_set_new((json_t *)object, key, json_integer(v)) ? STATUS_NO_MEMORY
                                                                       : STATUS_OK;
}

static int print_some(const char *bytes, size_t len, void *ctx)
{
    struct buf *out = ctx;
    buf_put(out, bytes, len);
    return out->failed ? -1 : 0;
}

enum status json_node_print(const struct json_node *n, struct buf *out)
{
    return json_dump_callback(of(n), print_some, out, JSON_COMPACT | JSON_ENCODE_ANY)
               ? STATUS_NO_MEMORY
               : STATUS_OK;
}
