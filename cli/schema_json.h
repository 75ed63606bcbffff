/*
 * schema_json - a catalog's schema as JSON, for `--schema FILE` and `catalog describe`.
 *
 *   {"ttl_ms":0, "fields":[{"name":"title","type":"text","searchable":true,"weight":3,...}]}
 */
#ifndef SOUK_CLI_SCHEMA_JSON_H
#define SOUK_CLI_SCHEMA_JSON_H

#include "cli/json.h"
#include "protocol/schema_spec.h"

void schema_json_put(struct buf *b, const struct schema_spec *s);
/* Names point into `v`. Flags left out are as for an inferred field of that type. */
enum status schema_json_read(const struct json *v, struct schema_spec *out, struct fault *fault);
/* The same laid over the schema in `out`: fields are changed by name or added, what `v` does not
   say of them stays. */
enum status schema_json_overlay(const struct json *v, struct schema_spec *out, struct fault *fault);

#endif
