/*
 * product - one JSON object as a document, and the field names a bulk of them uses.
 *
 * Values are shaped to the field's type where that loses nothing: an integer in a float field
 * becomes a float, a number in a keyword field its digits, one text in a list field a list of
 * one, lists inside of lists one list, objects of attributes and arrays of them path/value pairs.
 * What does not fit is sent as it is, so that the server names item and field.
 */
#ifndef SOUK_CLI_PRODUCT_H
#define SOUK_CLI_PRODUCT_H

#include "cli/json.h"
#include "protocol/schema_spec.h"

enum { PRODUCT_NAMES = 1024, PRODUCT_ID_ROOM = 48 };

struct product_names {
    struct slice names[PRODUCT_NAMES];
    uint32_t count;
    const struct schema_spec *schema; /* may be NULL; its fields are the first names */
    struct arena *arena;              /* owns names beyond the schema's */
};

/* An object, or an array that holds one somewhere. */
bool product_nests(const struct json *v);
/* The id of a product, text or integer (its digits in `room`); false when it has none. */
bool product_id(const struct json *v, char room[PRODUCT_ID_ROOM], struct slice *out);
/* Starts with the schema's fields. */
void product_names_init(struct product_names *n, const struct schema_spec *schema, struct arena *a);
/*
 * Appends the document of `v`, which must be an object with an `id` (text or integer). Nulls are
 * left out, or kept where `keep_null` (a partial update removes those fields).
 */
enum status product_encode(const struct json *v, struct product_names *n, bool keep_null,
                           struct buf *out, struct fault *fault);

#endif
