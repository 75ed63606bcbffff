/*
 * withhold - volatile fields (price, stock): left out of products that were confirmed longer ago
 * than the field's bound, and named in the reply; the product is found all the same.
 *
 * The bound is `max_age_ms` of the field in the schema, or the request's own. Filters, sorts and
 * facets use the stored value: they pick products by the last that was known, and a hit that was
 * picked by a value too old to show says so.
 */
#ifndef SOUK_SERVER_WITHHOLD_H
#define SOUK_SERVER_WITHHOLD_H

#include "index/schema.h"
#include "protocol/labels.h"

struct withhold {
    const struct schema *schema;
    const uint64_t *wanted; /* fields asked for, NULL = all that are stored */
    int64_t *bounds;        /* by field; 0 = none; NULL when no field has one */
    int64_t least_ms;       /* the shortest; INT64_MAX = nothing to do */
    uint64_t fields[4];     /* what a product too old for some fields still shows */
    struct slice *names;    /* of the others, of the last product */
    uint32_t name_count;
};

/* For one request; lives in the arena. UNKNOWN_FIELD. */
enum status withhold_init(struct withhold *w, const struct schema *schema, const uint64_t *wanted,
                          const struct field_age *own, uint32_t own_count, struct arena *a,
                          struct fault *fault);
/* The fields a product of this age may show, into w->names the others; valid until the next call.
 * `next_ms` is lowered to the age at which one more goes. */
const uint64_t *withhold_fields(struct withhold *w, uint64_t age_ms, int64_t *next_ms);

#endif
