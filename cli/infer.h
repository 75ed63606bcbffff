/*
 * infer - a schema from the products themselves: look at all of them, then decide.
 *
 * An integer widens to float, then to keyword; whole numbers of more digits than an integer has are
 * keywords, not rounded. Long texts and fields named like one become text;
 * a list named category a path (so are texts of that name, if half of them hold " > "), other
 * lists keyword lists; a nested object, and an array of
 * objects, one attributes field, unless most products have something else there.
 * Texts get the language that their commonest words tell; a field too short to tell gets that of
 * all texts together.
 */
#ifndef SOUK_CLI_INFER_H
#define SOUK_CLI_INFER_H

#include "cli/json.h"
#include "protocol/buf.h"
#include "protocol/schema_spec.h"

struct infer_field {
    struct slice name;
    uint64_t seen[JSON_OBJECT + 1]; /* by JSON type */
    uint64_t empty_lists;           /* [], which tells no type */
    uint64_t joined;                /* texts with " > " in them */
    uint64_t text_bytes, tokens;
    struct buf sample; /* words of many products, for guessing the language */
};

struct infer {
    struct arena arena;
    struct infer_field fields[SCHEMA_MAX_FIELDS];
    uint32_t count;
    uint64_t products;
};

void infer_init(struct infer *in);
void infer_fini(struct infer *in);
/* What is no object with an id is passed over: such lines are rejected later. TOO_LARGE beyond 255
 * fields. */
enum status infer_add(struct infer *in, const struct json *product, struct fault *fault);
/* Names in `out` live as long as `in`. */
void infer_schema(const struct infer *in, struct schema_spec *out);
/* Weight, class and flags that a field of this name and type gets. */
void infer_weights(struct field_spec *f);

#endif
