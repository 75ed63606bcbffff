/*
 * json_node - JSON of others: parsed strictly, looked at by pointer. The only door to jansson.
 *
 * Refused: duplicate keys, invalid UTF-8, NUL inside text, numbers beyond 64 bits, nesting deeper
 * than the caller allows, anything behind the value. A tree is owned by who parsed it; nodes and
 * texts are borrowed from it.
 */
#ifndef SOUK_SERVER_JSON_NODE_H
#define SOUK_SERVER_JSON_NODE_H

#include "protocol/buf.h"
#include "protocol/status.h"

struct json_node;

enum json_kind {
    JSON_KIND_NULL, /* also a node that is not there */
    JSON_KIND_BOOL,
    JSON_KIND_INT,
    JSON_KIND_REAL,
    JSON_KIND_TEXT,
    JSON_KIND_LIST,
    JSON_KIND_OBJECT
};

/* INVALID or TOO_DEEP, with line and column in `fault`. */
enum status json_node_parse(struct slice text, uint32_t max_depth, struct json_node **out,
                            struct fault *fault);
void json_node_destroy(struct json_node **root);

enum json_kind json_node_kind(const struct json_node *n);
/* RFC 6901; "" is the node itself. NULL when it leads nowhere. */
const struct json_node *json_node_at(const struct json_node *n, struct slice pointer);
bool json_node_bool(const struct json_node *n);
int64_t json_node_int(const struct json_node *n);
double json_node_real(const struct json_node *n); /* of INT and REAL */
struct slice json_node_text(const struct json_node *n);
size_t json_node_count(const struct json_node *n); /* of LIST and OBJECT */
const struct json_node *json_node_item(const struct json_node *list, size_t i);
/* Members in the order they stood: start with *at NULL; false after the last. */
bool json_node_next(const struct json_node *object, void **at, struct slice *key,
                    const struct json_node **value);

/* Changes a member of an object. */
enum status json_node_set_bool(struct json_node *object, const char *key, bool v);
enum status json_node_set_int(struct json_node *object, const char *key, int64_t v);
/* Appends the tree as compact text. */
enum status json_node_print(const struct json_node *n, struct buf *out);

#endif
