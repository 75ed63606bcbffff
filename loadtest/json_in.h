/*
 * json_in - JSON that is read: the one door to jansson. Values are borrowed from the root; every
 * accessor takes NULL and answers as for a value of another kind, so that a path is asked at once.
 */
#ifndef SOUK_LOADTEST_JSON_IN_H
#define SOUK_LOADTEST_JSON_IN_H

#include "protocol/slice.h"
#include "protocol/status.h"

struct json_value;

/* The root, to be freed; SYNTAX with line and column. A repeated member is an error. */
enum status json_in_parse(struct slice text, struct json_value **root, struct fault *fault);
void json_in_free(struct json_value *root);

const struct json_value *json_in_member(const struct json_value *object, const char *name);
/* The name of the n-th member; NULL behind the last. */
const char *json_in_name(const struct json_value *object, size_t n);
bool json_in_is_list(const struct json_value *v);
/* Items of a list, members of an object; 0 for anything else. */
size_t json_in_count(const struct json_value *v);
const struct json_value *json_in_item(const struct json_value *list, size_t n);
/* NULL when it is no text. */
const char *json_in_text(const struct json_value *v);
bool json_in_number(const struct json_value *v, double *out);
bool json_in_flag(const struct json_value *v, bool *out);

#endif
