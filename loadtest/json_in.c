#include "loadtest/json_in.h"

#include <jansson.h>

static const json_t *of(const struct json_value *v)
{
    return (const json_t *)v;
}

static const struct json_value *as(const json_t *v)
{
    return (const struct json_value *)v;
}

enum status json_in_parse(struct slice text, struct json_value **root, struct fault *fault)
{
    json_error_t error;
    *root = (struct json_value *)json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
    if (*root)
        return STATUS_OK;
    fault_set(fault, STATUS_SYNTAX, NULL, "%.150s", error.text);
    if (fault) {
        fault->line = error.line > 0 ? (uint32_t)error.line : 0;
        fault->column = error.column > 0 ? (uint32_t)error.column : 0;
    }
    return STATUS_SYNTAX;
}

void json_in_free(struct json_value *root)
{
    json_decref((json_t *)root);
}

const struct json_value *json_in_member(const struct json_value *object, const char *name)
{
    return as(json_object_get(of(object), name));
}

const char *json_in_name(const struct json_value *object, size_t n)
{
    json_t *o = (json_t *)object; /* iterating changes nothing, but is not declared const */
    void *at = json_object_iter(o);
    while (at && n-- > 0)
        at = json_object_iter_next(o, at);
    return at ? json_object_iter_key(at) : NULL;
}

bool json_in_is_list(const struct json_value *v)
{
    return json_is_array(of(v));
}

size_t json_in_count(const struct json_value *v)
{
    return json_in_is_list(v) ? json_array_size(of(v)) : json_object_size(of(v));
}

const struct json_value *json_in_item(const struct json_value *list, size_t n)
{
    return as(json_array_get(of(list), n));
}

const char *json_in_text(const struct json_value *v)
{
    return json_string_value(of(v));
}

bool json_in_number(const struct json_value *v, double *out)
{
    if (!json_is_number(of(v)))
        return false;
    *out = json_number_value(of(v));
    return true;
}

bool json_in_flag(const struct json_value *v, bool *out)
{
    if (!json_is_boolean(of(v)))
        return false;
    *out = json_is_true(of(v));
    return true;
}
